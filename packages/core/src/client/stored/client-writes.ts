// RFC 9420 §10, §11: the writes of what a client has besides the contents of its groups, one after the other.
import { wipe } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import type { ClientConfig } from "../../group/index.js";
import type { EntryChange } from "../../operation/index.js";
import type { Awaitable } from "../../provider/index.js";
import type { KeyPackageStore } from "../key-packages.js";
import type { StorageChange, VersionStep } from "./client-storage.js";
import {
  type AppEntries,
  type ChangedGroup,
  type Contents,
  changeOf,
  draftOf,
  type Ending,
  followsUnseen,
  goingWith,
  isLate,
  isStill,
  leaveOut,
  leaveOutMoved,
  type Mark,
  mergedChanges,
  neededSigners,
  type Replaced,
  replacedBy,
  type TriedWrite,
  wipeEntries,
} from "./contents.js";
import { addDeletions, endKeys } from "./deletions.js";
import {
  type FoundClient,
  groupEntry,
  isSame,
  readClient,
  readValue,
  SIGNER_KEY,
  VERSION_KEY,
  wipeFound,
} from "./entries.js";
import { isStale, saidError, stale } from "./failures.js";
import {
  closeGone,
  type GroupHome,
  isHere,
  isOpen,
  lapse,
  MAX_TRIES,
  refreshGroup,
  type StoredGroup,
} from "./group-writes.js";
import { stepFrom } from "./journal.js";
import { KeyPackageWrites } from "./key-package-writes.js";
import { type Batch, Batches, inTurn, makeWrite } from "./writing.js";

/** What the client gives. */
export interface ClientAccess {
  readonly config: () => ClientConfig;
  readonly kept: () => KeyPackageStore;
}

export class ClientWrites {
  readonly #home: GroupHome;
  readonly #random: (length: number) => Uint8Array;
  readonly keyPackages: KeyPackageWrites;
  #version: Uint8Array | undefined;
  /** The last write: whether it was made, nobody knows after some that failed. */
  #tried: TriedWrite | undefined;
  /** The groups in the storage, by their names. */
  groups: ReadonlyMap<string, StoredGroup> = new Map();
  /** Groups that are new, or whose status has changed, with those that they take the place of; and those that end. */
  readonly changed: Map<StoredGroup, Replaced> = new Map();
  readonly ending: Ending = new Map();
  /** Entries of the application that go with what is changed. */
  readonly #entries = new Set<AppEntries>();
  readonly #batches = new Batches((batch) => this.#storeClient(batch));
  /** What is being written. */
  #contents: Contents | undefined;
  /** Whether the storage may have another state than the one here. */
  isBehind = false;
  /** How often that changed which is known of the storage. */
  #changes = 0;
  /** How often groups or key packages have left the storage, perhaps, and their keys have ended. */
  ends = 0;

  constructor(home: GroupHome, access: ClientAccess, random: (length: number) => Uint8Array) {
    this.#home = home;
    this.#random = random;
    const forRows = home.storage.handles === true ? random : undefined;
    this.keyPackages = new KeyPackageWrites(access.config, access.kept, forRows);
    this.keyPackages.watch();
  }

  /** Begins with what was found. @param signer the record of a new client's signer */
  async begin(found: FoundClient, signer: Omit<StorageChange, "key"> | undefined): Promise<void> {
    let { version } = found;
    if (signer !== undefined) {
      const step = stepFrom(VERSION_KEY, version, this.#random);
      await makeWrite(this.#home.storage, [{ ...signer, key: SIGNER_KEY }], [step]);
      version = step.to;
    }
    await this.#take({ ...found, version });
  }

  /** Takes over what the storage has, if it may be another state than the one here. */
  async ready(): Promise<void> {
    while (this.isBehind) {
      const changes = this.#changes;
      const found = await readClient(this.#home.storage);
      try {
        if (changes === this.#changes) await this.#take(found);
      } finally {
        wipeFound(found);
      }
    }
  }

  /**
   * Looks at the versions, and takes over what was changed elsewhere.
   * @returns whether there was anything, now or in an operation whose caller wasn't told: see {@link tell}
   */
  async refresh(): Promise<boolean> {
    let isChanged = await this.look();
    for (const one of this.groups.values()) if (await refreshGroup(this.#home, one)) isChanged = true;
    return isChanged || [...this.groups.values()].some(({ views, told }) => views !== told);
  }

  /** Looks whether another opener has changed what the client has, and takes it over. @returns whether there was anything */
  async look(): Promise<boolean> {
    await this.#batches.running?.done.catch(() => undefined);
    const changes = this.#changes;
    const version = await readValue(this.#home.storage, VERSION_KEY);
    if (!isSame(version, this.#version) && changes === this.#changes) this.isBehind = true;
    const isChanged = this.isBehind;
    await this.ready();
    return isChanged;
  }

  /** Notes that the application learns that groups have changed. */
  tell(): void {
    for (const one of this.groups.values()) one.told = one.views;
  }

  /**
   * Does work of the client. Where it fails, or finds nothing, that may be because another opener was first: then it is done
   * again with what that one changed.
   */
  async upToDate<R>(work: () => Awaitable<R>): Promise<R> {
    await this.ready();
    for (let tries = 1; ; tries++) {
      const version = this.#version;
      const isOld = async () => {
        await this.look();
        return tries < MAX_TRIES && !isSame(version, this.#version);
      };
      try {
        const result = await work();
        if (result !== undefined || !(await isOld())) return result;
      } catch (error) {
        if (!(await isOld())) throw error;
      }
    }
  }

  /** What is compared to see whether an operation of the client has changed anything. */
  get mark(): Mark {
    return { changed: new Map(this.changed), ending: new Map(this.ending), kept: this.keyPackages.all };
  }

  /** Undoes what an operation changed since, which nothing was written of. */
  undo({ changed, ending, kept }: Mark, error: unknown): void {
    for (const one of this.changed.keys()) {
      if (changed.has(one)) continue;
      this.changed.delete(one);
      one.group?.own.close(error);
    }
    this.ending.clear();
    for (const [one, end] of ending) this.ending.set(one, end);
    this.keyPackages.undo(kept);
    this.isBehind = true;
    this.#changes++;
  }

  /** Writes a group with the next write of the client: what it goes by is as it is now. */
  change(one: StoredGroup): void {
    this.changed.set(one, replacedBy(one, this.groups));
  }

  /** Deletes a group with the next write of the client. @param status what it is: see {@link Ending} */
  end(one: StoredGroup, status = one.status): void {
    this.ending.set(one, { status });
  }

  /** Keeps entries of the application for the next write. @param groups those that the call has changed */
  keep(changes: readonly EntryChange[], groups: readonly StoredGroup[]): AppEntries | undefined {
    if (changes.length === 0) return undefined;
    const of = groups.map((one) => ({ one, journal: one.journal }));
    const kept = { changes, of, isWritten: false };
    this.#entries.add(kept);
    return kept;
  }

  /** Makes safe what operations of the client changed: what comes while a write is made shares the next one. */
  store(): Batch {
    return this.#batches.next;
  }

  /** Somebody waits for a write no longer: the next ones don't wait for one that may never be answered. */
  giveUp(batch: Batch | undefined): void {
    if (batch?.isOver !== false) return;
    const message =
      "the write was given up, by a call that waited for it too: nobody knows whether the storage has it";
    this.#batches.running?.end(new MlsError("storage", message));
  }

  /** Lets go of groups that were closed, and of their trees. */
  #release(): void {
    for (const one of this.groups.values()) {
      if (one.group === undefined || isHere(one)) continue;
      one.group = undefined;
      one.journal = this.#home.newJournal(one.name);
    }
  }

  async #storeClient(batch: Batch): Promise<void> {
    this.#release();
    // As they are now: one that is closed later is in the storage as it was before.
    const changed = [...this.changed].filter(([one]) => isOpen(one)).map(changeOf);
    const ending = new Map(this.ending);
    for (const all of [this.changed, this.ending]) all.clear();
    const ended = new Set([...ending.keys(), ...changed.flatMap(({ replaced }) => [...replaced.keys()])]);
    for (const { one, own } of changed) if (ended.has(one)) own.close();
    const contents: Contents = {
      kept: this.keyPackages.all,
      changed,
      ending,
      entries: [...this.#entries],
      drafts: new Map(),
      isRefused: false,
    };
    this.#entries.clear();
    this.#contents = contents;
    const undo = (error: unknown) => {
      batch.undo = undefined;
      this.#drop(contents, error);
    };
    batch.undo = undo;
    try {
      // What comes while it waits for its turn shares the next one, and a turn that fails has this one undone.
      await inTurn(this.#home.storage, VERSION_KEY, async () => {
        for (let tries = 1; !(await this.#tryStore(batch, contents, tries)); tries++);
      });
      if (!batch.isOver) this.#contents = undefined;
    } catch (cause) {
      const error = saidError(cause);
      if (!batch.isOver) {
        undo(error);
        // So that the client shows what is there when its callers learn of it.
        await this.ready().catch(() => undefined);
      }
      throw error;
    } finally {
      for (const draft of contents.drafts.values()) wipe(...(draft?.changes.map(({ value }) => value) ?? []));
      wipeEntries(contents.entries);
    }
  }

  /** @returns whether the batch is written, or given up; otherwise another opener was first */
  async #tryStore(batch: Batch, contents: Contents, tries: number): Promise<boolean> {
    await this.ready();
    if (batch.isOver) return true;
    if (contents.isRefused || contents.changed.some((one) => isLate(one, this.groups))) throw stale();
    const { kept } = contents;
    this.keyPackages.letGo(kept);
    leaveOut(contents, this.groups);
    // By their names: one that was read again since is another object.
    const ending = new Set([...contents.ending.keys()].map((one) => this.groups.get(one.name) ?? one));
    const [version, known] = [this.#version, this.#changes];
    const changes: StorageChange[] = [];
    const steps: VersionStep[] = [stepFrom(VERSION_KEY, version, this.#random)];
    try {
      changes.push(...(await this.keyPackages.changes(kept)));
      const written: ChangedGroup[] = [];
      for (const group of contents.changed) {
        const draft = await draftOf(contents, group);
        if (draft === "closed") continue;
        const { one, status, successor, signers } = group;
        written.push(group);
        changes.push(groupEntry(one.name, { status, groupId: one.groupId, successor, signers }));
        if (draft === undefined) continue;
        // Copies: what is written is overwritten, and may have to be written again.
        changes.push(...draft.changes.map((change) => ({ ...change, value: change.value?.slice() })));
        steps.push(draft.step);
      }
      for (const { replaced } of written) for (const one of replaced.keys()) ending.add(one);
      const ends = this.keyPackages.usedUp(kept);
      for (const one of ending) ends.push(...(await addDeletions(this.#home, one, changes, steps)));
      const signed = await this.#home.signers.changes(
        neededSigners(this.#home.config.identity, { kept, groups: this.groups.values(), written, ending }),
      );
      changes.push(...signed.changes);
      const entries = goingWith(contents.entries, written, contents.ending);
      changes.push(...mergedChanges(entries));
      if (changes.length === 0) return true;
      if (batch.isOver) return true;
      // One that was given up meanwhile takes nothing with it.
      if (!written.every(isStill)) return false;
      this.#tried = { version: steps[0]?.to, ends };
      await makeWrite(this.#home.storage, changes, steps);
      endKeys(this.#home.config, ends);
      if (this.keyPackages.noteGone(kept) || ending.size > 0) this.ends++;
      if (batch.isOver) return true;
      for (const one of entries) one.isWritten = true;
      for (const { one, journal } of written) if (one.journal === journal) contents.drafts.get(one)?.done();
      this.#wrote(written, ending);
      if (known === this.#changes) {
        this.#version = steps[0]?.to;
        signed.done();
        this.keyPackages.wrote(kept);
      } else {
        this.isBehind = true;
        this.keyPackages.end((id) => kept.has(id));
      }
      this.#changes++;
      return true;
    } catch (error) {
      if (!isStale(error) || batch.isOver || tries === MAX_TRIES) throw error;
      // Another opener was first, with the client's entries or with those of a group.
      this.isBehind = true;
      await this.ready();
      const isLess = await leaveOutMoved(this.#home, contents.changed, error);
      if (!isLess && isSame(version, this.#version) && ending.size === 0) throw error;
      return false;
    } finally {
      wipe(...changes.map(({ value }) => value));
    }
  }

  #wrote(written: readonly ChangedGroup[], ending: ReadonlySet<StoredGroup>): void {
    const groups = new Map(this.groups);
    for (const one of ending) {
      groups.delete(one.name);
      closeGone(one);
    }
    for (const { one, status, successor, signers } of written) {
      Object.assign(one, { status, successor, signers });
      groups.set(one.name, one);
    }
    this.groups = groups;
  }

  /** Undoes here what a batch couldn't make safe. */
  #drop({ kept, changed }: Contents, error: unknown): void {
    this.#contents = undefined;
    this.keyPackages.drop(kept, isStale(error));
    for (const { one, own, journal } of changed) {
      if (one.journal !== journal) continue;
      if (one.status !== undefined) lapse(one, own, error);
      else {
        if (isStale(error)) own.keys.isRecording = false;
        own.close(error);
      }
    }
    this.isBehind = true;
    this.#changes++;
  }

  /** Takes over what the storage has. What is changed here and not written yet stays changed. */
  async #take(found: FoundClient): Promise<void> {
    const changes = this.#changes;
    await this.#home.signers.load(found.signers);
    const loaded = await this.keyPackages.load(found);
    if (changes !== this.#changes) {
      this.keyPackages.leave(loaded);
      return;
    }
    // From here on without waiting.
    const contents = this.#contents;
    const tried = isSame(found.version, this.#tried?.version) ? this.#tried : undefined;
    if (tried !== undefined) endKeys(this.#home.config, tried.ends);
    if (!isSame(found.version, this.#version)) this.ends++;
    this.keyPackages.take(loaded, contents?.kept, tried !== undefined);
    const before = this.groups;
    const ended = new Set([...before.values()].flatMap(({ name, successor }) => (successor ? name : [])));
    const added = contents?.changed.filter(({ one }) => one.status === undefined) ?? [];
    const groups = new Map<string, StoredGroup>();
    for (const { name, groupId, ...listed } of found.groups) {
      const own = added.find(({ one }) => one.name === name)?.one;
      const one = before.get(name) ?? own ?? this.#home.newEntry(name, groupId);
      groups.set(name, Object.assign(one, listed));
    }
    this.groups = groups;
    this.#home.signers.found(found.signers);
    for (const [name, one] of before) if (!groups.has(name)) closeGone(one);
    this.#version = found.version;
    this.isBehind = false;
    this.#changes++;
    if (contents !== undefined && followsUnseen(added, groups, ended)) contents.isRefused = true;
  }
}
