// The groups, as the conductor knows them from what clients tell: to choose what is to be done next.

import type { Numbers } from "../../../simulation/src/numbers.js";
import type { Deed } from "../clients/orders.js";
import { FORGERIES } from "../insiders/forgeries.js";
import type { EpochEvent } from "../model/events.js";
import type { Company } from "./cast.js";

export const MEMBERS = 8;
const FEWEST = 4;
const MOST = 11;
const LONGEST = 600;
/** Of so many deeds, how many are which. */
const OF = 1000;
const SHARES = { update: 22, invite: 18, remove: 10, leave: 5, forge: 4 } as const;

interface Room {
  readonly id: string;
  epoch: number;
  members: readonly string[];
}

export interface Choice {
  readonly client: string;
  readonly deed: Deed;
}

export class Rooms {
  readonly #rooms = new Map<string, Room>();
  readonly #sent = new Map<string, number>();
  readonly #company: Company;
  readonly #numbers: Numbers;

  constructor(company: Company, numbers: Numbers) {
    this.#company = company;
    this.#numbers = numbers;
  }

  enter({ group, epoch, members, client }: EpochEvent): void {
    if (!this.#company.isHonest(client)) return;
    const room = this.#rooms.get(group) ?? { id: group, epoch: -1, members: [] };
    this.#rooms.set(group, room);
    if (epoch < room.epoch) return;
    room.epoch = epoch;
    room.members = members;
  }

  get all(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  /** Some users. */
  users(count: number, without: readonly string[]): string[] {
    const others = this.#company.all.map(({ name }) => name).filter((name) => !without.includes(name));
    const chosen: string[] = [];
    while (chosen.length < count && others.length > 0)
      chosen.push(...others.splice(this.#numbers.below(others.length), 1));
    return chosen;
  }

  send(group: string, client: string): Choice {
    const key = `${group} ${client}`;
    const n = this.#sent.get(key) ?? 0;
    this.#sent.set(key, n + 1);
    return { client, deed: { kind: "send", group, n, size: this.#numbers.below(LONGEST) } };
  }

  /** What is done next: `undefined` if it makes no sense now. */
  choose(isReady: (client: string) => boolean): Choice | undefined {
    const room = this.#numbers.pick(this.all);
    if (room === undefined) return undefined;
    const { id: group, members } = room;
    const client = this.#numbers.pick(members.filter(isReady));
    if (client === undefined) return undefined;
    let roll = this.#numbers.below(OF);
    for (const [kind, share] of Object.entries(SHARES)) {
      if (roll < share) return this.#commit(kind as keyof typeof SHARES, room, client);
      roll -= share;
    }
    return this.send(group, client);
  }

  #commit(kind: keyof typeof SHARES, { id: group, members }: Room, client: string): Choice | undefined {
    if (kind === "update") return { client, deed: { kind, group } };
    if (kind === "forge") {
      const dishonest = this.#numbers.pick(members.filter((name) => !this.#company.isHonest(name)));
      const what = this.#numbers.pick(Object.keys(FORGERIES)) as string;
      return dishonest === undefined ? undefined : { client: dishonest, deed: { kind, group, what } };
    }
    const isFull = members.length >= MOST;
    if (members.length <= FEWEST || (kind === "invite" && !isFull))
      return { client, deed: { kind: "invite", group, users: this.users(1, members) } };
    if (kind === "leave") return { client, deed: { kind, group } };
    const other = this.#numbers.pick(members.filter((name) => name !== client));
    return other === undefined ? undefined : { client, deed: { kind: "remove", group, users: [other] } };
  }
}
