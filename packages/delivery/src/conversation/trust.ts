// RFC 9750 §5.2, §7: what of a group this client keeps besides its state, so that nobody leads it elsewhere: a delivery service
// chooses the GroupInfo by which a client joins anew, and a GroupInfo alone says nothing about the group that the client knew.
import { type HashPart, type Member, toHex } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { pack, unpack } from "../messenger/wire.js";
import type { JudgedGroupInfo } from "./host.js";
import { type EntryChange, KEYS } from "./record.js";

/** How many members are kept, and how many that were removed. Of a larger group, no members are kept. */
const MAX_MEMBERS = 1000;
const MAX_REMOVED = 1000;
/** The hexadecimal digits that are kept of a hash. */
const DIGITS = 32;

type WithKey = Pick<Member, "signatureKey">;

interface SavedTrust {
  /** Hashes of the signature keys of the members of the last state. */
  readonly members: readonly string[] | undefined;
  /** Hashes of those who were removed, and not added again: the last ones. */
  readonly removed: readonly string[];
}

/** A GroupInfo by which this client doesn't join. */
export interface Refusal {
  readonly reason: string;
  /** Who is there again. */
  readonly member?: Member | undefined;
}

const isSame = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean =>
  a === b || (a?.size === b?.size && a !== undefined && [...a].every((one) => b?.has(one)));

export class Trust {
  readonly #hash: HashPart;
  readonly #id: string;
  #members: ReadonlySet<string> | undefined;
  #removed: ReadonlySet<string> = new Set();

  constructor(hash: HashPart, id: string) {
    this.#hash = hash;
    this.#id = id;
  }

  async load(client: StoredClient): Promise<void> {
    const value = await client.getEntry(KEYS.trust(this.#id));
    const saved = value && unpack<SavedTrust>(value).header;
    this.#members = saved?.members && new Set(saved.members);
    this.#removed = new Set(saved?.removed);
  }

  async #names(all: readonly WithKey[]): Promise<string[]> {
    const keys = all.map(({ signatureKey }) => signatureKey);
    const hashes = await (this.#hash.hashAll?.(keys) ?? Promise.all(keys.map((key) => this.#hash.hash(key))));
    return hashes.map((hash) => toHex(hash).slice(0, DIGITS));
  }

  /** Which of these weren't members when this was written last; none, if that isn't known. */
  async strangers<M extends WithKey>(all: readonly M[]): Promise<M[]> {
    const names = await this.#names(all);
    const known = this.#members;
    return known === undefined ? [] : all.filter((_, i) => !known.has(names[i] as string));
  }

  /**
   * Takes who is there now.
   * @param gone those who were removed since the last time: some of them weren't there then, either
   * @returns the change that keeps it; `undefined` if nothing is new
   */
  async learn(members: readonly WithKey[], gone: readonly WithKey[] = []): Promise<EntryChange | undefined> {
    const present = new Set(await this.#names(members));
    const left = [...(this.#members ?? []), ...(await this.#names(gone))];
    const removed = [...new Set([...this.#removed, ...left])].filter((name) => !present.has(name));
    const kept = removed.slice(-MAX_REMOVED);
    const isMany = present.size > MAX_MEMBERS;
    const known = isMany ? undefined : present;
    if (isSame(known, this.#members) && isSame(new Set(kept), this.#removed)) return undefined;
    this.#members = known;
    this.#removed = new Set(kept);
    const saved: SavedTrust = { members: known && [...known], removed: kept };
    return { key: KEYS.trust(this.#id), value: pack(saved) };
  }

  /**
   * Whether a GroupInfo isn't one to follow: of a time before the state that this client knows last, signed by who was no member
   * then, or with a member whom this client has seen removed.
   * @param known who is there in the state that this client has
   * @param highest the highest epoch that this client was in
   */
  async refusal(
    { signer, members, epoch }: JudgedGroupInfo,
    known: readonly WithKey[] | undefined,
    highest: bigint,
  ): Promise<Refusal | undefined> {
    if (epoch < highest) return { reason: `expected epoch ${highest} or a later one, got ${epoch}` };
    const last = known === undefined ? this.#members : new Set(await this.#names(known));
    const [ofSigner = ""] = await this.#names([signer]);
    if (last !== undefined && !last.has(ofSigner))
      return { reason: "expected the signature of somebody who was a member before" };
    const names = await this.#names(members);
    const back = members.find((_, i) => this.#removed.has(names[i] as string));
    return back && { reason: "somebody is a member in it who was removed", member: back };
  }
}
