// RFC 9750 §5.2: what only a GroupInfo says, and an insider may have made up: that this client was removed, while it was in another
// epoch than the others, or couldn't read the log; or that somebody is back who was removed. That is believed late.
import { type Group, type Member, toHex } from "@copse/core";
import type { Host, JudgedGroupInfo } from "./host.js";
import type { ConversationRecord, Seen } from "./record.js";
import type { Refusal } from "./trust.js";

/** For how many of the longest waits it is seen before it is believed: members who missed something move meanwhile. */
const WAITS = 4;

const NO_MEMBER: Refusal = { reason: "this client isn't a member in it", isForNow: true };

/** The conversation in which it may be out. */
interface Inside {
  readonly host: Host;
  readonly group: Group | undefined;
  record: ConversationRecord;
  isOwn(member: Pick<Member, "signatureKey">): boolean;
  turn<T>(work: () => Promise<T>): Promise<T>;
  write(record: ConversationRecord): Promise<void>;
  recover(error: unknown): Promise<void>;
}

export class Out {
  readonly #room: Inside;
  /** When each of it was seen last. */
  readonly #last = new Map<keyof Seen, number>();
  /** The signature keys of those who were heard since this client was missing, in hexadecimal. */
  readonly #heard = new Set<string>();

  constructor(room: Inside) {
    this.#room = room;
  }

  /** Somebody has said something where this client is. */
  heard({ signatureKey }: Pick<Member, "signatureKey">): void {
    if (this.#room.record.seen?.out !== undefined) this.#heard.add(toHex(signatureKey));
  }

  /**
   * Why this client doesn't go by a GroupInfo that is one to follow otherwise. It changes the record, which is to be written.
   * @param back if somebody is back there
   */
  refusal({ members, signer }: JudgedGroupInfo, back: Refusal | undefined): Refusal | undefined {
    const isIn = members.some((one) => this.#room.isOwn(one));
    const keys = new Set(members.map(({ signatureKey }) => toHex(signatureKey)));
    if (isIn || this.#isRefuted(keys, toHex(signer.signatureKey))) this.#forget("out");
    if (back === undefined) this.#forget("back");
    // For ever it would be alone if members whom it knows have added them again.
    const isBack = back !== undefined && !this.#sees("back");
    const isOut = !isIn && !this.#sees("out");
    return isBack ? back : isOut ? NO_MEMBER : undefined;
  }

  /** What was seen counts no longer: something else was. */
  async isOver(...what: readonly (keyof Seen)[]): Promise<void> {
    const room = this.#room;
    const work = async () => {
      const before = room.record;
      for (const one of what) this.#forget(one);
      if (room.record !== before) await room.write(room.record);
    };
    await room.turn(work).catch((error) => room.recover(error));
  }

  /** @returns whether it was seen for long enough */
  #sees(what: keyof Seen): boolean {
    const { host, record } = this.#room;
    const now = host.now();
    const before = record.seen?.[what];
    // What comes while it is closed says nothing.
    const more = before === undefined ? 0 : Math.max(0, now - (this.#last.get(what) ?? now));
    const time = (before ?? 0) + more;
    this.#last.set(what, now);
    this.#room.record = { ...record, seen: { ...record.seen, [what]: time } };
    return time >= WAITS * host.limits.longestWait;
  }

  #forget(what: keyof Seen): void {
    const { record } = this.#room;
    if (what === "out") this.#heard.clear();
    if (record.seen?.[what] !== undefined)
      this.#room.record = { ...record, seen: { ...record.seen, [what]: undefined } };
  }

  /** Whether those who are said to be there are heard here, or too few are said to be there, and others are heard here. */
  #isRefuted(keys: ReadonlySet<string>, signer: string): boolean {
    if (this.#heard.size === 0) return false;
    const all = this.#room.group?.members ?? [];
    const others = all.filter((one) => !this.#room.isOwn(one)).map(({ signatureKey }) => toHex(signatureKey));
    const there = others.filter((key) => keys.has(key));
    // One voice is enough, though an insider may have it: who isn't believed here would be out for good.
    const isElsewhere = there.some((key) => key !== signer && this.#heard.has(key));
    // Where at least half of the others are, those who are heard here may be out, too.
    return isElsewhere || 2 * there.length < others.length;
  }
}
