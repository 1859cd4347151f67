// A commit on its way to all members of a large group: each has a login and a subscription of its own, and gets the bytes. A few are
// real, and take it.
import type { Group } from "@copse/core";
import type { DeliveryService, LogEntry } from "@copse/delivery/service";
import { commitOf, type LargeGroup } from "./follow.js";
import { bareGroup, newId } from "./group.js";
import { readLog } from "./read-log.js";
import type { Station } from "./station.js";

export interface AudienceOptions {
  /** How many members there are to be. */
  readonly members: number;
  /** Commits, one after the other. */
  readonly rounds: number;
  /** Milliseconds after which no further members are connected. */
  readonly patience: number;
}

/** What it took, in milliseconds: medians of all rounds. */
export interface Reached {
  /** Members that were connected in time, and how long that took. */
  readonly members: number;
  readonly begun: number;
  /** Bytes of commits that all of them have got for one commit, and the time from `submit` until the last had them. */
  readonly bytes: number;
  readonly delivered: number;
  /** Until the last of the real members had taken it, in the same process as all that wait. */
  readonly taken: number;
  /** From then on: until all have proven the new epoch's key, where that is asked for, and have its first message. */
  readonly proven: number;
}

/** So many connect at a time: their calls share writes of the service. */
const LANES = 256;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** Resolves when all have been counted. */
class Count {
  readonly all: Promise<void>;
  #left: number;
  #resolve: () => void = () => undefined;

  constructor(count: number) {
    this.#left = count;
    this.all = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  down(): void {
    if (--this.#left === 0) this.#resolve();
  }
}

class Audience {
  readonly #station: Station;
  readonly #real: readonly Group[];
  readonly #clients: DeliveryService[] = [];
  readonly #stops: (() => Promise<void>)[] = [];
  #bare!: Awaited<ReturnType<typeof bareGroup>>;
  #after = "";
  /** Members prove the key of the new epoch when all have the commit: or else the last would wait for the first ones' proofs. */
  #mayProve: Promise<void> = Promise.resolve();
  #onEntry: (entry: LogEntry, member: number) => void = () => undefined;

  constructor(station: Station, real: readonly Group[]) {
    this.#station = station;
    this.#real = real;
  }

  get size(): number {
    return this.#stops.length;
  }

  async connect({ members, patience }: AudienceOptions, progress: (text: string) => void): Promise<void> {
    const until = performance.now() + patience;
    const first = await this.#station.connect(0);
    this.#clients.push(first);
    this.#bare = await bareGroup(first);
    this.#after = this.#bare.first;
    let next = 0;
    const source = async () => {
      await this.#mayProve;
      return this.#bare.key();
    };
    const group = { ...this.#bare, key: source };
    const lane = async () => {
      while (next < members && performance.now() < until) {
        const member = next++;
        const client = member === 0 ? first : await this.#station.connect(member);
        if (member > 0) this.#clients[member] = client;
        this.#stops.push(await readLog(client, group, (entry) => this.#onEntry(entry, member)));
        if (this.size % 500 === 0) progress(`${this.#station.name}: member ${this.size} of ${members}`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** One of the real members commits, by the first connection; the others have connections among the first. */
  async commit(round: number): Promise<Omit<Reached, "members" | "begun">> {
    const real = this.#real.slice(0, this.size);
    const maker = round % real.length;
    const made = await commitOf(this.#real[maker] as Group);
    // Those that have no connection of their own follow as well.
    for (const group of this.#real.slice(real.length)) await group.receive(made.commit);
    const handshake = await this.#bare.next(this.#after, made);
    const [delivered, taken] = [new Count(this.size), new Count(real.length)];
    let bytes = 0;
    this.#onEntry = ({ message }, member) => {
      bytes += message.length;
      delivered.down();
      const group = real[member];
      if (group === undefined) return;
      if (member === maker) taken.down();
      else void group.receive(message).then(() => taken.down());
    };
    let prove: () => void = () => undefined;
    this.#mayProve = new Promise((resolve) => {
      prove = resolve;
    });
    const start = performance.now();
    const submitted = await (this.#clients[0] as DeliveryService).submit(handshake);
    if (submitted.kind !== "accepted")
      throw new Error(`expected the commit to be taken, got ${submitted.kind}`);
    this.#after = submitted.cursor;
    await delivered.all;
    const time = performance.now() - start;
    await taken.all;
    const timeTaken = performance.now() - start;
    const proven = await this.#firstMessage(prove);
    return { bytes, delivered: time, taken: timeTaken, proven };
  }

  /** It isn't the one who has submitted that sends it: so the service knows that another member has taken the commit. */
  async #firstMessage(prove: () => void): Promise<number> {
    const heard = new Count(this.size);
    this.#onEntry = () => heard.down();
    const start = performance.now();
    const { groupId, key } = this.#bare;
    const { epoch } = key();
    const sender = (this.#clients[1] ?? this.#clients[0]) as DeliveryService;
    const sent = sender.send({ id: newId(), groupId, epoch, message: new Uint8Array(256), key });
    prove();
    await Promise.all([sent, heard.all]);
    return performance.now() - start;
  }

  async close(): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
    await Promise.all(this.#clients.map((client) => client?.close()));
  }
}

/** Connects members to a service, and has them follow commits of a real group. */
export async function reach(
  station: Station,
  { sample }: LargeGroup,
  options: AudienceOptions,
  progress: (text: string) => void,
): Promise<Reached> {
  const audience = new Audience(station, sample);
  try {
    const start = performance.now();
    await audience.connect(options, progress);
    const begun = performance.now() - start;
    const rounds: Omit<Reached, "members" | "begun">[] = [];
    for (let round = 0; round < options.rounds; round++) {
      progress(`${station.name}: commit ${round + 1} of ${options.rounds} to ${audience.size} members`);
      rounds.push(await audience.commit(round));
    }
    const middle = (of: "bytes" | "delivered" | "taken" | "proven") => median(rounds.map((one) => one[of]));
    return {
      members: audience.size,
      begun,
      bytes: middle("bytes"),
      delivered: middle("delivered"),
      taken: middle("taken"),
      proven: middle("proven"),
    };
  } finally {
    await audience.close();
  }
}
