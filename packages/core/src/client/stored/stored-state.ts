// RFC 9420 §9.2, §10, §12: what a client with a storage has made safe, and what its operations have changed since.
import { type Bytes, equalBytes, toHex, wipe } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { type ClientConfig, type GroupState, isJoinDiscarded, wipeState } from "../../group/index.js";
import type { LoadedState } from "../../group/storage/index.js";
import type { OwnKeyPackage } from "../../key-package/index.js";
import { answer, type EntryChange } from "../../operation/index.js";
import type { Signer } from "../../provider/index.js";
import type { Group } from "../group.js";
import type { GroupSafety, Sight } from "../group-safety.js";
import type { Membership } from "../membership.js";
import type { Keeper } from "../open-groups.js";
import type { ClientStorage, StorageChange, StoredEntry, VersionStep } from "./client-storage.js";
import { type ClientAccess, ClientWrites } from "./client-writes.js";
import { type FoundClient, groupKey, isSame, prefixOf, readList, readValue, successorOf } from "./entries.js";
import { isStale, notOpen, said, stale } from "./failures.js";
import {
  type GroupHome,
  isHere,
  isOpen,
  loadGroup,
  NO_VIEWS,
  type StoredGroup,
  safetyOf,
} from "./group-writes.js";
import { Journal } from "./journal.js";
import { KeptSigners, signersIn } from "./kept-signers.js";
import { makeWrite } from "./writing.js";

/** An entry that the application has in the storage of its client. */
export type AppEntry = Pick<StoredEntry, "key"> & { readonly value: Bytes };

/** Whether the list of groups must say something else of one. */
function isListedOtherwise({ status, successor, signers }: StoredGroup, state: GroupState): boolean {
  const others = signersIn(state);
  return (
    status !== state.status ||
    !isSame(successorOf(state), successor) ||
    signers.length !== others.length ||
    signers.some((one, i) => one !== others[i])
  );
}

export class StoredState implements Keeper, GroupHome {
  readonly storage: ClientStorage;
  readonly #random: (length: number) => Uint8Array;
  readonly signers: KeptSigners;
  #access!: ClientAccess;
  writes!: ClientWrites;
  readonly #of = new WeakMap<Group, StoredGroup>();
  /** The group that is entered now, because it was loaded. */
  #opening: StoredGroup | undefined;

  /** @param storage whose functions throw only MlsErrors, except `write` */
  constructor(storage: ClientStorage, random: (length: number) => Uint8Array) {
    this.storage = storage;
    this.#random = random;
    this.signers = new KeptSigners(storage, () => this.config);
  }

  /** Begins with what was found. @param signer the record of a new client's signer */
  begin(
    access: ClientAccess,
    found: FoundClient,
    signer: Omit<StorageChange, "key"> | undefined,
  ): Promise<void> {
    this.#access = access;
    this.writes = new ClientWrites(this, access, this.#random);
    return this.writes.begin(found, signer);
  }

  get config(): ClientConfig {
    return this.#access.config();
  }

  // The groups

  get groups(): readonly StoredGroup[] {
    return [...this.writes.groups.values()];
  }

  /**
   * @param joining whether the group that this client joins by an external commit is meant, where there are two
   * @param name which one, if that is known
   */
  find(groupId: Uint8Array, joining: boolean, name?: string): StoredGroup | undefined {
    if (name !== undefined) return this.writes.groups.get(name);
    const id = toHex(groupId);
    const all = this.groups.filter((one) => one.id === id);
    const isMeant = ({ status }: StoredGroup) => (status === "joining") === joining;
    return all.find(isMeant) ?? (joining ? undefined : all[0]);
  }

  has(groupId: Uint8Array): boolean {
    const found = this.find(groupId, false);
    return found?.status === "active" && !isOpen(found) && found !== this.#opening;
  }

  lists(groupId: Uint8Array): boolean {
    const id = toHex(groupId);
    const isOther = (one: StoredGroup) => one.id === id && !(one.status === "joining" && isOpen(one));
    return this.#opening === undefined && this.groups.some(isOther);
  }

  endedFor(groupId: Uint8Array): Uint8Array | undefined {
    const isNamed = ({ successor }: StoredGroup) => successor !== undefined && equalBytes(successor, groupId);
    return this.groups.find(isNamed)?.groupId;
  }

  safety(group: Group, sight: Sight): GroupSafety {
    return safetyOf(this, this.#of.get(group) as StoredGroup, group.own, sight);
  }

  signed(signer: Signer): void {
    this.signers.add(signer);
  }

  signersFor(state: GroupState): Promise<void> {
    return this.signers.loadFor(state);
  }

  added(group: Group, by: OwnKeyPackage | undefined): void {
    const { groupId, epoch } = group;
    const opening = this.#opening;
    const one = opening ?? this.newEntry(toHex(this.#random(8)), groupId);
    one.group = group;
    one.isUsedElsewhere = by && this.writes.keyPackages.noteUse(by, { groupId, epoch });
    this.#of.set(group, one);
    if (opening === undefined) this.writes.change(one);
  }

  newEntry(name: string, groupId: Uint8Array): StoredGroup {
    const journal = this.newJournal(name);
    const rest = {
      status: undefined,
      successor: undefined,
      signers: [],
      group: undefined,
      attempt: undefined,
      isUsedElsewhere: undefined,
    };
    return {
      name,
      groupId,
      id: toHex(groupId),
      journal,
      views: NO_VIEWS,
      told: NO_VIEWS,
      isUnsafe: false,
      ...rest,
    };
  }

  readonly newJournal = (name: string): Journal =>
    new Journal(prefixOf(name), this.#random, this.storage.handles);

  /** As {@link loadGroup}. @returns the state, and how it is entered */
  async read(
    config: ClientConfig,
    one: StoredGroup,
  ): Promise<{ loaded: LoadedState; enter: (restore: () => Group) => Group }> {
    const { loaded, journal } = await loadGroup(this, one, config);
    const enter = (restore: () => Group) => {
      // Deleted meanwhile.
      if (!this.writes.groups.has(one.name)) throw stale();
      if (one.group !== undefined && isHere(one)) {
        // Two calls have asked for it.
        wipeState(loaded.state);
        return one.group;
      }
      one.journal = journal;
      return this.entering(one, restore);
    };
    return { loaded, enter };
  }

  look(): Promise<boolean> {
    return this.writes.look();
  }

  entering<T>(one: StoredGroup, enter: () => T): T {
    this.#opening = one;
    try {
      return enter();
    } finally {
      this.#opening = undefined;
    }
  }

  /** Has an open group take over what the storage has, if it dropped what it had. */
  async revive(group: Group, options: Parameters<Membership["run"]>[1]): Promise<void> {
    const { own } = group;
    if (own.isLapsed) await own.run({ work: () => undefined, finish: answer }, options, "nothing");
  }

  /** @returns how many keys were deleted that nothing refers to */
  async sweep(): Promise<number> {
    const { hpke } = this.config.provider;
    if (hpke.sweepPrivateKeys === undefined) return 0;
    const entries = [
      ...(await readList(this.storage, "client/")),
      ...(await readList(this.storage, "group/")),
    ];
    const values = entries.map(({ value }) => value);
    try {
      return await hpke.sweepPrivateKeys(values);
    } finally {
      wipe(...values);
    }
  }

  /** @throws MlsError `unsupported` */
  watch(listener: () => void): () => void {
    const { storage } = this;
    if (storage.changes === undefined)
      throw new MlsError("unsupported", "this storage doesn't tell when another opener has changed it");
    let [isRunning, isAgain, isOver] = [false, false, false];
    const look = async (): Promise<void> => {
      isAgain = isRunning;
      if (isRunning || isOver) return;
      isRunning = true;
      try {
        // What fails now is noticed by the next call of the client, too.
        if ((await this.writes.refresh()) && !isOver) {
          this.writes.tell();
          listener();
        }
      } catch {}
      isRunning = false;
      if (isAgain) await look();
    };
    const stop = storage.changes(() => void look());
    return () => {
      isOver = true;
      stop();
    };
  }

  async missing({ name }: StoredGroup): Promise<MlsError> {
    // Who deletes it takes it from the list in the same write.
    if ((await readValue(this.storage, groupKey(name))) !== undefined)
      return new MlsError("state", "entries of the group are missing in the storage");
    this.writes.isBehind = true;
    return stale();
  }

  /** Deletes a group that was just made. */
  forget(group: Group): Promise<void> {
    const one = this.#of.get(group);
    one?.group?.own.close();
    if (one !== undefined) this.writes.end(one);
    return this.writes.store().done;
  }

  // The application's own entries

  entry(key: string): Promise<Bytes | undefined> {
    return readValue(this.storage, key) as Promise<Bytes | undefined>;
  }

  async entries(prefix: string): Promise<AppEntry[]> {
    const found = await readList(this.storage, prefix);
    return found.map(({ key, value }) => ({ key, value: value.slice() }));
  }

  /** @returns whether the steps came from what is there @throws MlsError `storage` */
  async writeEntries(changes: readonly EntryChange[], steps: readonly VersionStep[]): Promise<boolean> {
    if (changes.length === 0 && steps.length === 0) return true;
    try {
      await makeWrite(this.storage, changes, steps);
      return true;
    } catch (error) {
      if (isStale(error)) return false;
      throw error;
    }
  }

  async write(
    one: StoredGroup,
    own: Membership,
    entries: readonly EntryChange[],
    isGivenUp: () => boolean,
  ): Promise<boolean> {
    if (own.state.status === "closed") throw notOpen();
    if (isJoinDiscarded(own.state)) {
      this.writes.end(one, "joining");
      this.writes.keep(entries, [one]);
    } else if (isListedOtherwise(one, own.state)) {
      this.writes.change(one);
      this.writes.keep(entries, [one]);
    } else {
      const { journal } = one;
      const draft = await said(() => journal.next(own, entries.length > 0));
      if (draft === undefined) return false;
      const changes: StorageChange[] = [...draft.changes, ...entries];
      if (isGivenUp()) throw notOpen();
      await makeWrite(this.storage, changes, [draft.step]);
      if (!isGivenUp()) draft.done();
      return true;
    }
    await this.writes.store().done;
    // Left out of the write, because another opener was first.
    if (own.isLapsed) throw stale();
    if (isJoinDiscarded(own.state)) own.end();
    return true;
  }
}
