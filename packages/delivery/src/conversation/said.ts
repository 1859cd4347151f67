// What this client has said, as entries that are received show it, and what of it is said again: members who have joined anew by an external
// commit have no keys of what stands before that, nor of what was encrypted before it.
import type { MessageEntry } from "../messenger/types.js";
import type { ConversationRecord } from "./record.js";

type Followed = Pick<ConversationRecord, "followed">;

/** The epoch that the last of them has started; 0: nobody has. */
export const followedIn = ({ followed }: Followed): bigint => BigInt(followed ?? 0n);

const isMissed = ({ epoch = 0n }: Pick<MessageEntry, "epoch">, record: Followed): boolean =>
  epoch < followedIn(record);

export class Said {
  readonly #all: MessageEntry[] = [];
  /** Those behind the commit of whoever has joined anew. */
  readonly #late: MessageEntry[] = [];
  /** Whether a member has joined here anew for the first time, and nobody has heard before what this client said. */
  isFollowed = false;

  add(said: MessageEntry, record: Followed): void {
    this.#all.push(said);
    if (isMissed(said, record)) this.#late.push(said);
  }

  /** @param before what this client had said apart */
  missed(before: readonly MessageEntry[] = [], record: Followed): MessageEntry[] {
    const all = this.isFollowed ? [...before, ...this.#all] : this.#late;
    const missed = all.filter((one) => isMissed(one, record));
    // Of what was said again, that form.
    return [...new Map(missed.map((one) => [one.id, one])).values()];
  }
}
