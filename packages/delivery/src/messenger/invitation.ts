// An invitation: a Welcome, as it is shown, until it is answered.
import type { OperationOptions } from "@copse/core";
import type { Host } from "../conversation/host.js";
import type { Cursor } from "../service.js";
import { safetyNumber } from "./people.js";
import { called } from "./platform.js";
import type { Conversation, Invitation, MembersEntry, Person } from "./types.js";

/** What the storage has of an invitation, before the Welcome. */
export interface SavedInvitation {
  readonly id: string;
  readonly handshake: Cursor;
  readonly time: number;
  /** The group's ID, as the service says, in hexadecimal. */
  readonly groupId?: string | undefined;
}

/** What can be seen of a Welcome. */
export type Seen = Pick<Invitation, "conversationId" | "name" | "by" | "members"> & {
  readonly number: string;
  readonly epoch: bigint;
};

/** That this client has joined: as others have it in their histories. Who else came by the same commit, a Welcome doesn't say. */
export function joiningOf({ by, members, epoch }: Seen, place: number, time: number): MembersEntry {
  const added = members.filter(({ own }) => own);
  return { kind: "members", place, time, epoch, by, added, removed: [], left: [], rejoined: [] };
}

/** What answers it. */
export interface Answers {
  accept(options: OperationOptions): Promise<Conversation>;
  decline(options: OperationOptions): Promise<void>;
}

export class WaitingInvitation implements Invitation {
  readonly #host: Host;
  readonly #saved: SavedInvitation;
  readonly #seen: Seen;
  readonly #answers: Answers;

  constructor(host: Host, saved: SavedInvitation, seen: Seen, answers: Answers) {
    this.#host = host;
    this.#saved = saved;
    this.#seen = seen;
    this.#answers = answers;
  }

  get id(): string {
    return this.#saved.id;
  }

  /** That by which this client was added. */
  get handshake(): Cursor {
    return this.#saved.handshake;
  }

  get conversationId(): string {
    return this.#seen.conversationId;
  }

  get name(): string | undefined {
    return this.#seen.name;
  }

  get by(): Person {
    return this.#seen.by;
  }

  get members(): readonly Person[] {
    return this.#seen.members;
  }

  get time(): number {
    return this.#saved.time;
  }

  async safetyNumber(
    person?: Pick<Person, "user" | "signatureKey">,
    options: OperationOptions = {},
  ): Promise<string> {
    return called(this.#host, options, async () => {
      if (person === undefined) return this.#seen.number;
      const { user, client, provider } = this.#host;
      return safetyNumber(provider.hash, { user, signatureKey: client.signatureKey }, person);
    });
  }

  accept(options: OperationOptions = {}): Promise<Conversation> {
    return this.#answers.accept(options);
  }

  decline(options: OperationOptions = {}): Promise<void> {
    return this.#answers.decline(options);
  }
}
