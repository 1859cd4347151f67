// RFC 9420 §9.2, §10, §12: what a client with a storage has made safe, and what its operations have changed since.
import { equalBytes, toHex, wipe } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { type ClientConfig, wipeState } from "../../group/index.js";
import { type LoadedState, loadKeyPackages, saveKeyPackages } from "../../group/storage/index.js";
import type { KeptKeyPackage } from "../../key-package/index.js";
import type { Safety } from "../../operation/index.js";
import type { Group } from "../group.js";
import type { KeyPackageStore } from "../key-packages.js";
import type { Keeper } from "../open-groups.js";
import type { ClientStorage, StorageChange, VersionStep } from "./client-storage.js";
import {
  type FoundClient,
  groupEntry,
  groupKey,
  keyPackageKey,
  noGroupEntry,
  prefixOf,
  readClient,
  readList,
  readValue,
  SIGNER_KEY,
  type StoredStatus,
  VERSION_KEY,
} from "./entries.js";
import { isStale, notOpen, said, saidError, stale } from "./failures.js";
import { type Draft, Journal, stepFrom } from "./journal.js";

/** A group of the client. */
export interface StoredGroup {
  /** Its name in the storage. */
  readonly name: string;
  readonly groupId: Uint8Array;
  /** The same, hexadecimal. */
  readonly id: string;
  /** As the storage has it; `undefined` if it isn't there yet. */
  status: StoredStatus | undefined;
  journal: Journal;
  /** Its object, from when it is asked for until it is closed. */
  group: Group | undefined;
}

/** What the client gives. */
interface ClientAccess {
  readonly config: () => ClientConfig;
  readonly kept: () => KeyPackageStore;
}

const isOpen = ({ group }: StoredGroup) => group !== undefined && group.own.state.status !== "closed";

export class StoredState implements Keeper {
  readonly storage: ClientStorage;
  readonly #random: (length: number) => Uint8Array;
  #access!: ClientAccess;
  #version: Uint8Array | undefined;
  /** The groups in the storage, by their names. */
  #groups = new Map<string, StoredGroup>();
  readonly #of = new WeakMap<Group, StoredGroup>();
  /** Groups that are new, or whose status has changed; and those that end. */
  readonly #changed = new Set<StoredGroup>();
  readonly #ending = new Set<StoredGroup>();
  /** The key packages in the storage. `undefined` for one whose keys are gone. */
  #keyPackages = new Map<string, KeptKeyPackage | undefined>();
  /** The hexadecimal KeyPackageRefs: each write compares all key packages. */
  readonly #ids = new WeakMap<KeptKeyPackage, string>();
  /** Why the storage may have another state than the one here, if it may. */
  #behind: unknown;
  /** How often the storage was read: changes of a state from before are refused. */
  #reads = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #nextWrite: Promise<void> | undefined;
  /** The group that is entered now, because it was loaded. */
  #opening: StoredGroup | undefined;

  /** @param storage whose functions throw only MlsErrors */
  constructor(storage: ClientStorage, random: (length: number) => Uint8Array) {
    this.storage = storage;
    this.#random = random;
  }

  /** Begins with what was found. @param signer the record of a new client's signer */
  async begin(access: ClientAccess, found: FoundClient, signer: Uint8Array | undefined): Promise<void> {
    this.#access = access;
    if (signer !== undefined) {
      const step = stepFrom(VERSION_KEY, found.version, this.#random);
      await this.#write([{ key: SIGNER_KEY, value: signer }], [step]);
      return this.#take({ ...found, version: step.to });
    }
    return this.#take(found);
  }

  // The groups

  get groups(): readonly StoredGroup[] {
    return [...this.#groups.values()];
  }

  /** @param joining whether the group that this client joins by an external commit is meant, where there are two */
  find(groupId: Uint8Array, joining: boolean): StoredGroup | undefined {
    const id = toHex(groupId);
    const all = this.groups.filter((one) => one.id === id);
    const isMeant = ({ status }: StoredGroup) => (status === "joining") === joining;
    return all.find(isMeant) ?? (joining ? undefined : all[0]);
  }

  has(groupId: Uint8Array): boolean {
    const found = this.find(groupId, false);
    return found?.status === "active" && !isOpen(found) && found !== this.#opening;
  }

  safety(group: () => Group): Safety {
    return {
      store: () => this.#storeGroup(group()),
      unsafe: (error) => this.#fail(group().own, error),
    };
  }

  added(group: Group): void {
    const { groupId } = group;
    const name = toHex(this.#random(8));
    const opening = this.#opening;
    const one = opening ?? this.#entry(name, groupId);
    one.group = group;
    this.#of.set(group, one);
    if (opening === undefined) this.#changed.add(one);
  }

  #entry(name: string, groupId: Uint8Array): StoredGroup {
    const journal = this.#journal(name);
    return { name, groupId, id: toHex(groupId), status: undefined, journal, group: undefined };
  }

  #journal(name: string): Journal {
    return new Journal(prefixOf(name), this.#random);
  }

  /** Loads a group. @returns its state, and how it is entered. @throws MlsError `stale-state` if it is gone */
  async read(
    config: ClientConfig,
    one: StoredGroup,
  ): Promise<{ loaded: LoadedState; enter: (restore: () => Group) => Group }> {
    const journal = this.#journal(one.name);
    const loaded = await journal.load(config, await readList(this.storage, prefixOf(one.name)));
    if (loaded === undefined) {
      // Who deletes it takes it from the list in the same write.
      if ((await readValue(this.storage, groupKey(one.name))) !== undefined)
        throw new MlsError("state", "entries of the group are missing in the storage");
      this.#behind = stale();
      throw this.#behind;
    }
    const enter = (restore: () => Group) => {
      if (one.group !== undefined && isOpen(one)) {
        // Two calls have asked for it.
        wipeState(loaded.state);
        return one.group;
      }
      one.journal = journal;
      this.#opening = one;
      try {
        return restore();
      } finally {
        this.#opening = undefined;
      }
    };
    return { loaded, enter };
  }

  /** The group will be gone with the next write. */
  end(one: StoredGroup): void {
    one.group?.own.close();
    this.#ending.add(one);
  }

  /** Makes safe what an operation of a group changed. */
  async #storeGroup(group: Group): Promise<void> {
    const one = this.#of.get(group) as StoredGroup;
    const { status } = group.own.state;
    // Only who gives up joining ends a group by an operation of it. Any other closed one is in the storage, for later.
    if (status === "closed") {
      if (one.group !== group || one.status !== "joining") throw notOpen();
      this.#ending.add(one);
    } else if (status !== one.status) this.#changed.add(one);
    else {
      const draft = await said(() => one.journal.next(group.own));
      if (draft === undefined) return;
      await this.#write(draft.changes, [draft.step]);
      return draft.done();
    }
    return this.store();
  }

  /** Closes a group whose last change may not be safe. */
  #fail(own: Group["own"], error: unknown): void {
    if (own.state.status === "closed") return;
    // What may be in the storage may need the new keys.
    if (!isStale(error)) own.recorded();
    own.close(error);
  }

  // The client

  /** Reads the storage again, if it may have another state than the one here. */
  async ready(): Promise<void> {
    if (this.#behind === undefined) return;
    await this.#enqueue(async () => {
      if (this.#behind !== undefined) await this.#take(await readClient(this.storage));
    });
  }

  /** Looks at the versions. Groups that were moved on elsewhere are closed. @returns whether there was anything */
  async refresh(): Promise<boolean> {
    await this.#enqueue(async () => {
      const version = await readValue(this.storage, VERSION_KEY);
      const isAt = version !== undefined && this.#version !== undefined && equalBytes(version, this.#version);
      if (!isAt) this.#behind = stale();
    });
    let isChanged = this.#behind !== undefined;
    await this.ready();
    const open = this.groups
      .filter(isOpen)
      .map(({ group, journal }) => ({ own: (group as Group).own, journal }));
    for (const { own, journal } of open) {
      // In its turn, so that no write of its own comes between.
      const work = () => readValue(this.storage, journal.versionKey);
      const isAt = own.lock.run({ work, finish: (version) => journal.isAt(version) }, {}).catch((error) => {
        // Closed by the application meanwhile, it is nothing to look at.
        if (own.state.status === "closed") return true;
        throw error;
      });
      if (await isAt) continue;
      isChanged = true;
      own.close(stale());
    }
    return isChanged;
  }

  /** Makes safe what operations of the client changed: what comes while a write is made shares the next one. */
  store(): Promise<void> {
    const reads = this.#reads;
    this.#nextWrite ??= this.#enqueue(() => {
      this.#nextWrite = undefined;
      return this.#storeClient(reads);
    });
    return this.#nextWrite;
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** Lets go of groups that were closed, and of their trees. */
  #release(): void {
    for (const one of this.#groups.values()) {
      if (one.group === undefined || isOpen(one)) continue;
      one.group = undefined;
      one.journal = this.#journal(one.name);
    }
  }

  async #storeClient(reads: number): Promise<void> {
    this.#release();
    const ending = new Set(this.#ending);
    // As they are now: one that is closed later is in the storage as it was before.
    let changed = [...this.#changed].filter(isOpen).map((one) => {
      const { own } = one.group as Group;
      return { one, own, status: own.state.status as StoredStatus };
    });
    this.#changed.clear();
    this.#ending.clear();
    const kept = new Map(this.#access.kept().all.map((own) => [this.#idOf(own), own]));
    for (const { one } of changed) for (const other of this.#replacedBy(one)) ending.add(other);
    for (const { one, own } of changed) if (ending.has(one)) own.close();
    changed = changed.filter(({ one }) => !ending.has(one));
    const changes: StorageChange[] = [];
    try {
      if (this.#behind !== undefined) throw this.#behind;
      if (reads !== this.#reads) throw stale();
      changes.push(...(await this.#keyPackageChanges(kept)));
      for (const { name, journal } of ending)
        changes.push(noGroupEntry(name), ...(await journal.deletions(this.storage)));
      const drafts: Draft[] = [];
      const written: typeof changed = [];
      for (const { one, own, status } of changed) {
        const draft = await one.journal.next(own).catch((error) => {
          // Closed meanwhile: its own call says so, and the others go on.
          if (own.state.status !== "closed") throw error;
          return "closed" as const;
        });
        if (draft === "closed") continue;
        written.push({ one, own, status });
        changes.push(groupEntry(one.name, status, one.groupId), ...(draft?.changes ?? []));
        if (draft !== undefined) drafts.push(draft);
      }
      if (changes.length === 0) return;
      const step = stepFrom(VERSION_KEY, this.#version, this.#random);
      await this.#write(changes, [step, ...drafts.map((draft) => draft.step)]);
      this.#version = step.to;
      for (const { done } of drafts) done();
      for (const { name } of ending) this.#groups.delete(name);
      for (const { one, status } of written) {
        one.status = status;
        this.#groups.set(one.name, one);
      }
      this.#access.kept().recorded([...kept.values()]);
      this.#keyPackages = kept;
    } catch (cause) {
      const error = saidError(cause);
      this.#behind = error;
      for (const { own } of changed) this.#fail(own, error);
      throw error;
    } finally {
      wipe(...changes.map(({ value }) => value));
    }
  }

  /** The groups with the same ID that a group takes the place of. */
  #replacedBy({ name, id, group }: StoredGroup): StoredGroup[] {
    if (group?.own.state.status === "joining") return [];
    return this.groups.filter(
      (other) => other.name !== name && other.status !== "joining" && other.id === id,
    );
  }

  #idOf(own: KeptKeyPackage): string {
    let id = this.#ids.get(own);
    if (id === undefined) {
      id = toHex(own.reference);
      this.#ids.set(own, id);
    }
    return id;
  }

  async #keyPackageChanges(kept: Map<string, KeptKeyPackage>): Promise<StorageChange[]> {
    const changes: StorageChange[] = [];
    const store = this.#access.kept();
    for (const [id, own] of kept) {
      if (this.#keyPackages.get(id) === own) continue;
      try {
        const value = await saveKeyPackages(this.#access.config().provider, [own]);
        changes.push({ key: keyPackageKey(id), value });
      } catch (error) {
        // Used or deleted meanwhile: its keys have ended.
        if (store.all.includes(own)) throw error;
        kept.delete(id);
      }
    }
    for (const id of this.#keyPackages.keys())
      if (!kept.has(id)) changes.push({ key: keyPackageKey(id), value: undefined });
    return changes;
  }

  /** Takes over what the storage has. */
  async #take({ version, signer, groups, keyPackages }: FoundClient): Promise<void> {
    wipe(signer);
    const store = this.#access.kept();
    const loaded = new Map<string, KeptKeyPackage[]>();
    for (const [id, bytes] of keyPackages)
      loaded.set(id, await loadKeyPackages(this.#access.config(), bytes));
    // From here on without waiting: an operation that ends before has changed the state from before.
    for (const { reference } of store.all) if (!loaded.has(toHex(reference))) store.delete(reference);
    for (const own of [...loaded.values()].flat()) store.add(own, own.joined);
    store.recorded(store.all);
    const all = new Map(store.all.map((own) => [toHex(own.reference), own]));
    this.#keyPackages = new Map([...loaded.keys()].map((id) => [id, all.get(id)]));
    const before = this.#groups;
    this.#groups = new Map();
    for (const { name, status, groupId } of groups) {
      const one = before.get(name) ?? this.#entry(name, groupId);
      one.status = status;
      this.#groups.set(name, one);
    }
    for (const [name, { group }] of before) if (!this.#groups.has(name)) group?.own.close(stale());
    this.#version = version;
    this.#behind = undefined;
    this.#reads++;
  }

  /** @throws MlsError `stale-state` if nothing was written, `storage` if nobody knows whether it was */
  async #write(changes: readonly StorageChange[], steps: readonly VersionStep[]): Promise<void> {
    let isWritten: boolean;
    try {
      isWritten = await this.storage.write(changes, steps);
    } catch (cause) {
      throw new MlsError("storage", "the storage failed, and nobody knows whether it has the change", {
        cause,
      });
    } finally {
      wipe(...changes.map(({ value }) => value));
    }
    if (isWritten === true) return;
    if (isWritten === false) throw stale();
    throw new MlsError("storage", `expected true or false of the storage's write(), got ${typeof isWritten}`);
  }
}
