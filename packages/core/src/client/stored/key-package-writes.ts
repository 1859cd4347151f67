// RFC 9420 §10: the key packages in a storage, and those of the client, which other openers change too.
import { equalBytes, toHex } from "../../bytes.js";
import type { ClientConfig } from "../../group/index.js";
import { loadKeyPackages, saveKeyPackages } from "../../group/storage/index.js";
import type { JoinedGroup, KeptKeyPackage, OwnKeyPackage } from "../../key-package/index.js";
import type { HpkePrivateKey } from "../../provider/index.js";
import { type KeyPackageStore, keysOfPackage, unionOf } from "../key-packages.js";
import type { StorageChange } from "./client-storage.js";
import { type FoundClient, keyPackageKey, keyRowsOf } from "./entries.js";
import { KeyRows } from "./key-rows.js";

/** By the hexadecimal KeyPackageRef. */
export type KeyPackageMap = Map<string, KeptKeyPackage>;

/** Those in the storage: `undefined` for one whose keys are gone, `known` for one that is as it was. */
type Loaded = ReadonlyMap<string, KeptKeyPackage | undefined | "known">;

export class KeyPackageWrites {
  readonly #config: () => ClientConfig;
  readonly #kept: () => KeyPackageStore;
  /** Those in the storage. `undefined` for one whose keys are gone. */
  #stored = new Map<string, KeptKeyPackage | undefined>();
  /** Those that have left the storage. */
  readonly #gone = new Set<string>();
  /** The hexadecimal KeyPackageRefs: each write compares all key packages. */
  readonly #ids = new WeakMap<KeptKeyPackage, string>();
  readonly #random: ((length: number) => Uint8Array) | undefined;
  /** The private keys in the storage, where it keeps handles of them. */
  readonly #rows = new Map<string, KeyRows>();
  /** What is called when they are written. */
  #written: (() => void)[] = [];
  /** Those that were deleted here, whose keys are to end when the storage doesn't have them any more. */
  readonly #ending = new Map<string, KeptKeyPackage>();

  /** @param random for a storage that keeps handles of keys */
  constructor(
    config: () => ClientConfig,
    kept: () => KeyPackageStore,
    random: ((length: number) => Uint8Array) | undefined,
  ) {
    this.#config = config;
    this.#kept = kept;
    this.#random = random;
  }

  #rowsOf(id: string): KeyRows | undefined {
    const random = this.#random;
    if (random === undefined) return undefined;
    const rows = this.#rows.get(id) ?? new KeyRows(keyRowsOf(id), random);
    this.#rows.set(id, rows);
    return rows;
  }

  #idOf(own: KeptKeyPackage): string {
    let id = this.#ids.get(own);
    if (id === undefined) {
      id = toHex(own.reference);
      this.#ids.set(own, id);
    }
    return id;
  }

  /** Those of the client. */
  get all(): KeyPackageMap {
    return new Map(this.#kept().all.map((own) => [this.#idOf(own), own]));
  }

  /** What makes the storage have these. Those whose keys have ended meanwhile are taken out. */
  async changes(kept: KeyPackageMap): Promise<StorageChange[]> {
    const changes: StorageChange[] = [];
    const store = this.#kept();
    this.#written = [];
    for (const [id, own] of kept) {
      if (this.#stored.get(id) === own) continue;
      try {
        const rows = this.#rowsOf(id);
        const { provider } = this.#config();
        const value = await saveKeyPackages(rows?.provider(provider) ?? provider, [own]);
        changes.push({ key: keyPackageKey(id), value });
        const keys = rows?.changes(keysOfPackage(own));
        if (keys !== undefined) {
          changes.push(...keys.changes);
          this.#written.push(keys.done);
        }
      } catch (error) {
        // Deleted meanwhile: its keys have ended.
        if (store.all.some(({ initKey }) => initKey === own.initKey)) throw error;
        kept.delete(id);
      }
    }
    for (const id of this.#stored.keys()) {
      if (kept.has(id)) continue;
      changes.push({ key: keyPackageKey(id), value: undefined });
      changes.push(...(this.#rows.get(id)?.changes([]).changes ?? []));
      this.#written.push(() => this.#rows.delete(id));
    }
    return changes;
  }

  /** The init keys of those that a write takes out because they were used: nothing needs them once it is made. */
  usedUp(kept: KeyPackageMap): HpkePrivateKey[] {
    const isUsed = (id: string) => !kept.has(id) && !this.#ending.has(id);
    return [...this.#stored].flatMap(([id, own]) => (own !== undefined && isUsed(id) ? own.initKey : []));
  }

  /** Notes which have left the storage with a write that was made. @returns whether there are any */
  noteGone(kept: KeyPackageMap): boolean {
    let isLess = false;
    for (const id of this.#stored.keys()) {
      if (kept.has(id)) continue;
      this.#gone.add(id);
      isLess = true;
    }
    return isLess;
  }

  /** Whether the storage has one, or had it: then it was used or deleted. */
  has(id: string): boolean {
    return this.#stored.has(id) || this.#gone.has(id);
  }

  /** Ends the keys of one that is deleted when the storage doesn't have it any more. */
  endLater(own: KeptKeyPackage): void {
    this.#ending.set(this.#idOf(own), own);
  }

  /** Notes that they are in the storage. */
  wrote(kept: KeyPackageMap): void {
    this.#kept().recorded([...kept.values()]);
    for (const done of this.#written) done();
    this.#stored = kept;
    this.end();
  }

  /**
   * Ends the keys of those that neither the storage has any more nor the client.
   * @param isStored whether the storage has one, or may have
   */
  end(isStored = (id: string): boolean => this.#stored.has(id)): void {
    const { all } = this;
    for (const [id, own] of this.#ending) {
      // It came back, because its deletion wasn't written: whoever uses it or deletes it now ends its keys.
      const isBack = all.has(id);
      if (isStored(id) && !isBack) continue;
      this.#ending.delete(id);
      if (!isBack) this.#kept().end(own);
    }
  }

  /**
   * Lets go of those that another opener has taken away before a write could: that one ends their keys, or has joined by
   * them, and its group has the leaf key now.
   * @param kept those of the write
   */
  letGo(kept: KeyPackageMap): void {
    for (const id of this.#ending.keys()) if (!kept.has(id) && !this.#stored.has(id)) this.#ending.delete(id);
  }

  /** Begins to keep those of the client. */
  watch(): void {
    this.#kept().keepIn(this);
  }

  /**
   * Notes that a group is joined by a key package.
   * @returns whether another opener has used it up or deleted it since, or used it for this epoch or a later one
   */
  noteUse({ reference }: OwnKeyPackage, { groupId, epoch }: JoinedGroup): () => boolean {
    const id = toHex(reference);
    const wasThere = this.#stored.has(id);
    const isSame = (one: JoinedGroup) => epoch <= one.epoch && equalBytes(one.groupId, groupId);
    return () => this.#stored.get(id)?.joined.some(isSame) ?? (wasThere && !this.#stored.has(id));
  }

  /** Undoes here what wasn't written. @param isRefused whether the storage surely doesn't have it */
  drop(kept: KeyPackageMap, isRefused: boolean): void {
    this.letGo(kept);
    this.#takeBack(this.#stored, kept, !isRefused);
  }

  /** Undoes what wasn't even begun to be written. @param before those of the client before it */
  undo(before: KeyPackageMap): void {
    this.#takeBack(before, this.all, false);
  }

  /** Takes back what changed between two moments, and not what has changed since. @param keep as of `delete` */
  #takeBack(
    before: ReadonlyMap<string, KeptKeyPackage | undefined>,
    after: KeyPackageMap,
    keep: boolean,
  ): void {
    const store = this.#kept();
    const now = this.all;
    for (const [id, own] of after) {
      const [former, mine] = [before.get(id), now.get(id)];
      if (own === former || mine === undefined) continue;
      if (former === undefined) store.delete(own.reference, keep || store.wasBroughtIn(own));
      else {
        const since = mine.joined.filter((one) => !own.joined.includes(one));
        store.add(mine === own ? former : { ...mine, joined: unionOf(former.joined, since) });
      }
    }
    // Used or deleted: {@link take} brings them back, with other handles, because their keys may have ended here.
    for (const id of before.keys())
      if (!after.has(id) && this.#stored.has(id)) this.#stored.set(id, undefined);
  }

  /** Loads those that another opener has put there or changed. */
  async load({ keyPackages: found, keyRows }: FoundClient): Promise<Loaded> {
    const loaded = new Map<string, KeptKeyPackage | undefined | "known">();
    for (const [id, bytes] of found) {
      const known = this.#stored.get(id);
      // Only one that may be used again changes.
      if (known !== undefined && !this.#config().registry.isReusable(known.keyPackage)) {
        loaded.set(id, "known");
      } else {
        const config = this.#config();
        const rows = this.#rowsOf(id);
        rows?.take(keyRows);
        const provider = rows?.provider(config.provider) ?? config.provider;
        loaded.set(id, (await loadKeyPackages({ ...config, provider }, bytes))[0]);
      }
    }
    return loaded;
  }

  /** Leaves all that were loaded. */
  leave(found: Loaded): void {
    for (const one of found.values()) if (typeof one === "object") this.#kept().leave(one);
  }

  /**
   * Takes over what the storage has. What the client has changed since stays changed.
   * @param kept those that are being written: they are changed in the same way
   * @param isOwn whether the last write of the storage was made here
   */
  take(found: Loaded, kept: KeyPackageMap | undefined, isOwn: boolean): void {
    const store = this.#kept();
    const [before, now] = [this.#stored, this.all];
    // What is being written may have taken it away: its answer says so.
    const isOpen = (id: string) => kept !== undefined && !kept.has(id);
    this.#stored = new Map();
    for (const [id, theirs] of found) {
      const [mine, former, batch] = [now.get(id), before.get(id), kept?.get(id)];
      const own = mine ?? former;
      if (theirs === "known" || theirs === undefined) this.#stored.set(id, former);
      else if (own === undefined) {
        store.add(theirs);
        kept?.set(id, theirs);
        this.#stored.set(id, theirs);
      } else {
        // It is here already, or was used or deleted here.
        store.leave(theirs);
        const same = { ...own, joined: theirs.joined };
        const merge = (one: KeptKeyPackage | undefined) =>
          one && (one === former ? same : { ...one, joined: unionOf(one.joined, theirs.joined) });
        const merged = merge(mine);
        const written = batch === mine ? merged : merge(batch);
        const ending = merge(this.#ending.get(id));
        if (merged) store.add(merged);
        if (written) kept?.set(id, written);
        if (ending) this.#ending.set(id, ending);
        this.#stored.set(id, same);
      }
    }
    for (const id of before.keys()) {
      if (found.has(id)) continue;
      this.#gone.add(id);
      const mine = now.get(id);
      if (mine !== undefined) store.delete(mine.reference, true);
      if (!isOwn && !isOpen(id)) this.#ending.delete(id);
      kept?.delete(id);
    }
    store.recorded(store.all);
    this.end((id) => this.#stored.has(id) || isOpen(id));
  }
}
