// RFC 9750 §5.2: whether a client was removed while it was in another epoch than the others, or couldn't read the log: then only a
// GroupInfo says so. By what an insider makes up it would be out for good, so that is believed late, and not where others are heard.
import { type Group, type Member, toHex } from "@copse/core";
import type { Host, JudgedGroupInfo } from "./host.js";
import type { Refusal } from "./trust.js";

/** For how many of the longest waits a client that isn't a member in a GroupInfo looks on. */
const WAITS = 4;

const NO_MEMBER: Refusal = { reason: "this client isn't a member in it", isForNow: true };

/** The conversation in which it may be out. */
interface Inside {
  readonly host: Host;
  readonly group: Group | undefined;
  isOwn(member: Pick<Member, "signatureKey">): boolean;
}

export class Out {
  readonly #room: Inside;
  /** When it was seen first. */
  #since: number | undefined;
  /** The signature keys of those who were heard since then, in hexadecimal. */
  readonly #heard = new Set<string>();

  constructor(room: Inside) {
    this.#room = room;
  }

  /** Somebody has said something where this client is. */
  heard({ signatureKey }: Pick<Member, "signatureKey">): void {
    if (this.#since !== undefined) this.#heard.add(toHex(signatureKey));
  }

  /** Why this client doesn't go by a GroupInfo without it, which is one to follow otherwise. */
  refusal({ members, signer }: JudgedGroupInfo): Refusal | undefined {
    const { host } = this.#room;
    if (members.some((one) => this.#room.isOwn(one))) {
      this.isIn();
      return undefined;
    }
    if (this.#since === undefined) this.#begin(host.now());
    if (host.now() - (this.#since ?? 0) < WAITS * host.limits.longestWait) return NO_MEMBER;
    const keys = members.map(({ signatureKey }) => toHex(signatureKey));
    const isElsewhere = keys.some((key) => key !== toHex(signer.signatureKey) && this.#heard.has(key));
    if (!isElsewhere && (this.#heard.size === 0 || this.#areMost(keys))) return undefined;
    // Those who are said to be there are here, or too few are said to be there.
    this.#begin(host.now());
    return NO_MEMBER;
  }

  /** The newest GroupInfo is of a group in which this client is a member. */
  isIn(): void {
    this.#begin(undefined);
  }

  #begin(since: number | undefined): void {
    this.#since = since;
    this.#heard.clear();
  }

  /** Whether these are at least half of the others: then those who are heard here may be out, too. */
  #areMost(keys: readonly string[]): boolean {
    const others = (this.#room.group?.members ?? []).filter((one) => !this.#room.isOwn(one));
    return (
      2 * others.filter(({ signatureKey }) => keys.includes(toHex(signatureKey))).length >= others.length
    );
  }
}
