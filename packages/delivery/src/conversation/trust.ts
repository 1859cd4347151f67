// RFC 9750 §5.2, §7: what of a group this client keeps besides its state, so that nobody leads it elsewhere: a delivery service
// chooses the GroupInfo by which a client joins anew, and a GroupInfo alone says nothing about the group that the client knew.
import { equalBytes, type Group, type HashPart, type Member, toHex } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { pack, unpack } from "../messenger/wire.js";
import type { JudgedGroupInfo } from "./host.js";
import { type EntryChange, KEYS, type Known, nameOf } from "./record.js";

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
  /** As {@link Parted}. */
  readonly parted?: { readonly members: readonly string[] | undefined; readonly isLed?: boolean } | undefined;
  /** As {@link Vouched}, with the epoch in decimal. */
  readonly vouched?: { readonly since: string; readonly members: readonly string[] } | undefined;
  /** The epoch of {@link Expected}, in decimal. Its contexts follow. */
  readonly expected?: string | undefined;
}

/** The epoch that commits start which this client alone can't take: it knows all of it that anybody may know. */
interface Expected {
  readonly epoch: bigint;
  /** One for each of these commits, the latest ones. */
  readonly contexts: readonly Uint8Array[];
}

/**
 * Hashes of the signature keys of the members in the last GroupInfo that was one to follow: who signed it vouches for them. Where
 * others commit first again and again, those who were members before may be gone when this client gets in. It ends when it is in.
 */
interface Vouched {
  /** The highest epoch that this client was in. */
  readonly since: bigint;
  readonly members: ReadonlySet<string>;
}

/** Those who were members when others may have gone another way, as long as they may be there. */
interface Parted {
  /** Of a larger group, none are known. */
  readonly members: ReadonlySet<string> | undefined;
  /** Whether others may be missing where this client is: then nobody who is counts as removed. */
  readonly isLed: boolean;
}

/** How many commits of one epoch that this client alone couldn't take are remembered. */
const MAX_CONTEXTS = 4;

/** A GroupInfo by which this client doesn't join. */
export interface Refusal {
  readonly reason: string;
  /** Who is there again. */
  readonly member?: Member | undefined;
  /** Whether this client may join by it later. */
  readonly isForNow?: boolean | undefined;
}

const without = (all: ReadonlySet<string> | undefined, gone: ReadonlySet<string>) =>
  all && new Set([...all].filter((name) => !gone.has(name)));

const isSame = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean =>
  a === b || (a?.size === b?.size && a !== undefined && [...a].every((one) => b?.has(one)));

/** Whether a GroupInfo is that of the epoch in which a group is. */
export function isHere(
  group: Group | undefined,
  { epoch, treeHash, confirmedTranscriptHash }: JudgedGroupInfo,
): boolean {
  return (
    epoch === group?.epoch &&
    equalBytes(treeHash, group.treeHash) &&
    equalBytes(confirmedTranscriptHash, group.confirmedTranscriptHash)
  );
}

export class Trust {
  readonly #hash: HashPart;
  readonly #id: string;
  #members: ReadonlySet<string> | undefined;
  #removed: ReadonlySet<string> = new Set();
  #parted: Parted | undefined;
  #knew: { readonly group: Group; readonly epoch: bigint; readonly known: Known } | undefined;
  #expected: Expected | undefined;
  #vouched: Vouched | undefined;

  constructor(hash: HashPart, id: string) {
    this.#hash = hash;
    this.#id = id;
  }

  async load(client: StoredClient): Promise<void> {
    const value = await client.getEntry(KEYS.trust(this.#id));
    const saved = value && unpack<SavedTrust>(value);
    const { members, removed, parted, expected, vouched } = saved?.header ?? {};
    this.#members = members && new Set(members);
    this.#removed = new Set(removed);
    const { isLed = false } = parted ?? {};
    this.#parted = parted && { members: parted.members && new Set(parted.members), isLed };
    this.#knew = undefined;
    this.#expected =
      expected === undefined ? undefined : { epoch: BigInt(expected), contexts: saved?.parts ?? [] };
    this.#vouched = vouched && { since: BigInt(vouched.since), members: new Set(vouched.members) };
  }

  #saved(): EntryChange {
    const members = this.#members && [...this.#members];
    const expected = this.#expected?.epoch.toString();
    const vouched = this.#vouched && {
      since: this.#vouched.since.toString(),
      members: [...this.#vouched.members],
    };
    const parted = this.#parted && {
      ...this.#parted,
      members: this.#parted.members && [...this.#parted.members],
    };
    const saved: SavedTrust = { members, removed: [...this.#removed], parted, expected, vouched };
    return { key: KEYS.trust(this.#id), value: pack(saved, ...(this.#expected?.contexts ?? [])) };
  }

  /**
   * Takes the epoch that a commit starts for whoever takes it, which this client alone can't.
   * @param context as the error has it
   * @returns the change that keeps it
   */
  expect(epoch: bigint, context: Uint8Array): EntryChange {
    const before = this.#expected?.epoch === epoch ? this.#expected.contexts : [];
    const others = before.filter((one) => !equalBytes(one, context));
    this.#expected = { epoch, contexts: [...others, context].slice(-MAX_CONTEXTS) };
    return this.#saved();
  }

  /** Forgets what was expected: another commit may have come that this client won't see. */
  expectAny(): void {
    this.#expected = undefined;
  }

  /** Whether a GroupInfo is of the epoch that a commit starts which this client alone can't take; `undefined`: of another one. */
  isExpected({ epoch, epochContext }: JudgedGroupInfo): boolean | undefined {
    if (this.#expected?.epoch !== epoch) return undefined;
    return this.#expected.contexts.some((one) => equalBytes(one, epochContext));
  }

  /**
   * Others may be elsewhere from now on, or no longer. What is made up where this client is led can't change whom it knew before.
   * @param isLed whether nobody may be where it is
   * @returns the change that keeps it, if there is one
   */
  part(isParted: boolean, isLed: boolean): EntryChange | undefined {
    const before = this.#parted;
    if (isParted ? before?.isLed === isLed : before === undefined) return undefined;
    const { members } = before ?? { members: this.#members };
    this.#parted = isParted ? { members, isLed } : undefined;
    this.#areGone(this.#removed);
    return this.#saved();
  }

  /** Those who were removed where the others are aren't elsewhere: they needn't be heard, and sign nothing. */
  #areGone(removed: ReadonlySet<string>): void {
    this.#knew = undefined;
    const parted = this.#parted;
    if (parted?.isLed === false) this.#parted = { ...parted, members: without(parted.members, removed) };
  }

  /** Which of the members this client knew when others may have gone another way; `undefined`: it isn't known. */
  async knew(group: Group): Promise<Known | undefined> {
    const known = this.#parted?.members;
    if (known === undefined) return undefined;
    const { epoch } = group;
    // There may be many messages of an epoch, and many members.
    if (this.#knew?.group !== group || this.#knew.epoch !== epoch) {
      const all = group.members;
      const names = await this.#names(all);
      const there = all.filter((_, i) => known.has(names[i] as string)).map((one) => one.signatureKey);
      const keys = new Set(there.map((key) => toHex(key)));
      this.#knew = { group, epoch, known: { count: known.size, keys, names: new Set(there.map(nameOf)) } };
    }
    return this.#knew.known;
  }

  /**
   * Whether somebody is one of those whom this client knew when others may have gone another way, or knows, and not the only other
   * one; `undefined`: it isn't known.
   */
  async isOneOfMany(one: WithKey, own: WithKey): Promise<boolean | undefined> {
    const known = (this.#parted ?? { members: this.#members }).members;
    const names = await this.#names([one, own]);
    return known?.has(names[0] as string) && [...known].some((name) => !names.includes(name));
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
    this.#areGone(new Set(removed));
    return this.#saved();
  }

  /**
   * Takes the members of a GroupInfo that is one to follow.
   * @param highest the highest epoch that this client was in
   * @returns the change that keeps them, if there is one
   */
  async vouch({ members }: JudgedGroupInfo, highest: bigint): Promise<EntryChange | undefined> {
    // Of a large group, none are kept: nor those whom another one has vouched for.
    const isMany = members.length > MAX_MEMBERS;
    const now = isMany ? undefined : { since: highest, members: new Set(await this.#names(members)) };
    const { since } = this.#vouched ?? {};
    if (since === now?.since && isSame(this.#vouched?.members, now?.members)) return undefined;
    this.#vouched = now;
    return this.#saved();
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
    const vouched = this.#vouched?.since === highest ? this.#vouched.members : undefined;
    const { members: parted, isLed } = this.#parted ?? {};
    // Where it was led, others may be missing. Whoever was removed elsewhere is back only by the word of somebody else.
    const mayBeBack = isLed === true || !this.#removed.has(ofSigner);
    const isKnown = last === undefined || [vouched, parted].some((names) => names?.has(ofSigner));
    if (last?.has(ofSigner) !== true && !(mayBeBack && isKnown))
      return { reason: "expected the signature of somebody who was a member before" };
    const names = await this.#names(members);
    const back = members.find((_, i) => this.#removed.has(names[i] as string));
    const reason = "somebody is a member in it who was removed";
    return back && { reason, member: back, isForNow: true };
  }
}
