// RFC 9420 §10: the key packages in a storage, and those of the client, which other openers change too.
import { toHex } from "../../bytes.js";
import { isStored } from "../../crypto/index.js";
import type { ClientConfig } from "../../group/index.js";
import { loadKeyPackages, saveKeyPackages } from "../../group/storage/index.js";
import type { JoinedGroup, KeptKeyPackage } from "../../key-package/index.js";
import { type KeyPackageStore, keysOfPackage } from "../key-packages.js";
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
  /** The hexadecimal KeyPackageRefs: each write compares all key packages. */
  readonly #ids = new WeakMap<KeptKeyPackage, string>();
  readonly #random: ((length: number) => Uint8Array) | undefined;
  /** The private keys in the storage, where it keeps handles of them. */
  readonly #rows = new Map<string, KeyRows>();
  /** What ends the keys of those that were deleted here, when the storage doesn't have them any more. */
  #written: (() => void)[] = [];
  readonly #ends = new Map<() => void, string>();

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
        // Used or deleted meanwhile: its keys have ended.
        if (store.all.includes(own)) throw error;
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

  /** Notes that they are in the storage. */
  wrote(kept: KeyPackageMap): void {
    this.#kept().recorded([...kept.values()]);
    for (const done of this.#written) done();
    this.#stored = kept;
    this.#end();
  }

  /** Ends the keys of those that neither the storage has any more nor the client. */
  #end(): void {
    const { all } = this;
    for (const [end, id] of this.#ends) {
      // It came back, because its deletion wasn't written: whoever uses it or deletes it now ends its keys.
      const isBack = all.has(id);
      if (this.#stored.has(id) && !isBack) continue;
      this.#ends.delete(end);
      if (!isBack) end();
    }
  }

  #endLater(): KeyPackageStore["endLater"] {
    return (own, end) => this.#ends.set(end, this.#idOf(own));
  }

  /** Has the keys of key packages that are deleted end when the storage doesn't have them any more. */
  watch(): void {
    this.#kept().endLater = this.#endLater();
  }

  /** Undoes here what wasn't written. @param isRefused whether the storage surely doesn't have it */
  drop(kept: KeyPackageMap, isRefused: boolean): void {
    const store = this.#kept();
    const now = this.all;
    for (const [id, own] of kept) {
      if (this.#stored.get(id) === own) continue;
      this.#stored.delete(id);
      if (now.has(id)) store.delete(own.reference, !isRefused);
    }
    // Used or deleted here: {@link take} brings them back.
    for (const id of this.#stored.keys()) if (!kept.has(id)) this.#stored.delete(id);
  }

  /** Undoes what wasn't even begun to be written. @param before those of the client before it */
  undo(before: KeyPackageMap): void {
    const now = this.all;
    for (const [id, own] of now) if (before.get(id) !== own) this.#kept().delete(own.reference);
    // {@link take} brings them back: their keys may have ended here.
    for (const [id, own] of before) if (now.get(id) !== own) this.#stored.delete(id);
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

  /** Ends the keys of one that was loaded, and is here already or isn't needed: a key store has them still. */
  #leave(own: KeptKeyPackage): void {
    if (!isStored(this.#config().provider.hpke, own.initKey)) this.#kept().end(own);
  }

  /** Leaves all that were loaded. */
  leave(found: Loaded): void {
    for (const one of found.values()) if (typeof one === "object") this.#leave(one);
  }

  /**
   * Takes over what the storage has. What the client has changed since stays changed.
   * @param kept those that are being written: they are changed in the same way
   * @returns whether one of them was used or deleted both here and elsewhere
   */
  take(found: Loaded, kept?: KeyPackageMap): boolean {
    const store = this.#kept();
    const [before, now] = [this.#stored, this.all];
    const put = (id: string, own: KeptKeyPackage, joined: readonly JoinedGroup[]) => {
      const added = store.add(own, joined);
      kept?.set(id, added);
      return added;
    };
    this.#stored = new Map();
    for (const [id, theirs] of found) {
      const [mine, former] = [now.get(id), before.get(id)];
      if (theirs === "known" || theirs === undefined) this.#stored.set(id, former);
      else if (mine === undefined && !before.has(id)) this.#stored.set(id, put(id, theirs, theirs.joined));
      else {
        // It is here already, or was used or deleted here.
        this.#leave(theirs);
        const isChanged = former !== undefined && mine !== former;
        const merged = mine && put(id, mine, isChanged ? union(mine.joined, theirs.joined) : theirs.joined);
        this.#stored.set(id, isChanged ? former : merged);
      }
    }
    let isUsedElsewhere = false;
    for (const id of before.keys()) {
      if (found.has(id)) continue;
      const mine = now.get(id);
      // The other one may have joined by it: its group has the leaf key now.
      if (mine !== undefined) store.delete(mine.reference, true);
      if (kept !== undefined && !kept.delete(id)) isUsedElsewhere = true;
    }
    store.recorded(store.all);
    this.#end();
    return isUsedElsewhere;
  }
}

/** The groups of both lists; of one that is in both, the later epoch. */
function union(some: readonly JoinedGroup[], others: readonly JoinedGroup[]): JoinedGroup[] {
  const all = new Map<string, JoinedGroup>();
  for (const one of [...some, ...others]) {
    const id = toHex(one.groupId);
    const known = all.get(id);
    if (known === undefined || known.epoch < one.epoch) all.set(id, one);
  }
  return [...all.values()];
}
