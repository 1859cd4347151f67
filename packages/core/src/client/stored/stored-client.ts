// RFC 9420 §10, §11, §16.2: a client whose state is in a storage: nothing that it answers can be lost or used again.
import { type Bytes, copied, isBytes, needBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import type { ClientConfig } from "../../group/index.js";
import {
  answer,
  type EntryChange,
  OPERATION,
  type OperationOptions,
  perform,
  type Steps,
  WRITE,
  type WriteOptions,
} from "../../operation/index.js";
import { checkOptions, needed, type OptionShape } from "../../option-shapes.js";
import { MAX_ID_SIZE } from "../../wire/index.js";
import { Client, type ClientParts } from "../client.js";
import type { Group } from "../group.js";
import { READ_WELCOME, type ReadWelcomeOptions } from "../options.js";
import type { StagedWelcome } from "../staged-welcome.js";
import { askedChanges, changesOf, needKey, needPrefix, stepsOf } from "./app-entries.js";
import type { VersionStep } from "./client-storage.js";
import { type AppEntries, isSameMark, type Mark, since } from "./contents.js";
import type { FoundClient, StoredStatus } from "./entries.js";
import { notOpen, stale } from "./failures.js";
import { isHere, type StoredGroup } from "./group-writes.js";
import type { SignerEntry } from "./saved-signer.js";
import type { AppEntry, StoredState } from "./stored-state.js";
import type { Batch } from "./writing.js";

/** A group that a {@link StoredClient} has. */
export interface KnownGroup {
  /** Its name in the storage. Two groups that this client joins by external commits may have one ID, and never one name. */
  readonly name: string;
  readonly groupId: Bytes;
  /** `joining`: by an external commit that isn't merged. */
  readonly status: StoredStatus;
}

/** The options of {@link StoredClient.group} and {@link StoredClient.deleteGroup}. */
export interface KnownGroupOptions extends OperationOptions {
  /**
   * Whether the group is meant that this client joins by an external commit, if there is another one with this ID. After
   * a restart it doesn't know that it replaces that one: close it before, and delete it before the merge. Default: false.
   */
  readonly joining?: boolean;
}

const WATCH: OptionShape<{ listener: () => void }> = { listener: needed("function") };
const KNOWN_GROUP: OptionShape<KnownGroupOptions> = { ...OPERATION, joining: "boolean" };
const DELETED_GROUP: OptionShape<KnownGroupOptions & WriteOptions<never>> = { ...KNOWN_GROUP, ...WRITE };

/**
 * A client whose state is in a storage. No method of it, of its groups or of their staged commits answers before what it
 * changed is safe there; so whatever it returned may be sent at once.
 *
 * - A write that fails, or that is given up by its `signal`, rejects with `storage`: nobody knows whether the storage has
 *   the change. The client and its groups are then as the storage has them: they read it again before they go on.
 * - If another opener of the storage was first, its changes are taken over, and the call goes on. Only what goes by
 *   something that its caller wasn't told of yet rejects with `stale-state`, and nothing has changed: what goes by the group
 *   as it was, such as `remove` and `commit`, where anything but keys of messages is different; and `encrypt` and
 *   `exportSecret` where there are new members, who would read it. Look at the group, which is as the storage has it now, and
 *   call again. {@link refresh} and {@link watch} tell of changes too. Calls of the client that share their write with a join
 *   which another opener has made impossible are refused with it: call them again.
 */
export class StoredClient extends Client {
  readonly #state: StoredState;

  /** @internal */
  constructor(parts: ClientParts, state: StoredState) {
    super(parts, state);
    this.#state = state;
  }

  /** @internal */
  async begin(found: FoundClient, signer: SignerEntry | undefined): Promise<void> {
    const access = { config: () => this.config, kept: () => this.kept };
    await this.#state.begin(access, found, signer);
    // Key packages that have expired since leave the storage.
    await this.perform({ work: () => true, finish: answer }, {});
  }

  /** All groups of this client. Each is loaded when {@link group} is first called for it. */
  knownGroups(): readonly KnownGroup[] {
    return this.#state.groups.map(({ name, groupId, status }) => ({
      name,
      groupId: copied(groupId),
      status: status as StoredStatus,
    }));
  }

  /**
   * A group of this client, with its proposals and staged commits: the object that is open, or else a new one, loaded from
   * the storage.
   * @param which its ID, or one of {@link knownGroups}
   * @returns `undefined` if this client has no such group
   * @throws MlsError `missing-signer` (see {@link Client.addSigner}), `state` for damaged entries, `try-again` if the storage
   *   or the provider fails, `stale-state` if another opener has just deleted it
   * @example
   * const group = await client.group(groupId);
   */
  async group(which: Uint8Array | KnownGroup, options: KnownGroupOptions = {}): Promise<Group | undefined> {
    const find = this.#finder(which, options);
    const found = await this.perform({ work: find, finish: answer }, options);
    return found && this.#open(found, { signal: options.signal });
  }

  /**
   * Deletes all that the storage has of a group, and closes it. The other members aren't told.
   * @param which as for {@link group}
   * @returns whether it was there
   * @throws MlsError `storage`; `try-again` if the storage can't be read
   * @example
   * if (!group.active) await client.deleteGroup(group.groupId);
   */
  async deleteGroup(
    which: Uint8Array | KnownGroup,
    options: KnownGroupOptions & WriteOptions<boolean> = {},
  ): Promise<boolean> {
    const find = this.#finder(which, options, DELETED_GROUP);
    let { status } = isBytes(which) ? {} : (Object(which) as Partial<KnownGroup>);
    const finish = () => {
      const found = find();
      status ??= found?.status;
      // Who gives up joining a group doesn't delete one that another opener has joined meanwhile.
      if (found === undefined || (status === "joining" && found.status !== status)) return false;
      this.#state.writes.end(found);
      return true;
    };
    return this.perform({ work: () => undefined, finish }, options);
  }

  /**
   * Looks whether another opener of the storage has changed anything, and takes it over: key packages, the list of groups,
   * and the groups that are open. Nothing goes wrong without it: whoever is late learns so with the next call. Call it when
   * another tab says that it has changed something, or when the page is shown again.
   * @returns whether anything was changed
   * @throws MlsError `try-again` if the storage fails
   * @example
   * if (await client.refresh()) show(group.members);
   */
  async refresh(options: OperationOptions = {}): Promise<boolean> {
    checkOptions(options, OPERATION);
    const { writes } = this.#state;
    const finish = (isChanged: boolean) => {
      writes.tell();
      return isChanged;
    };
    return perform({ work: () => writes.refresh(), finish }, options);
  }

  /**
   * Deletes the private keys in a key store or a token that nothing in the storage refers to: a process that ended between
   * making a key and writing its reference leaves such. So does one that ended before it could delete a key, or whose write
   * failed, and was made after all. Keys that the storage keeps itself are never left behind. Call it at the start, while no
   * other opener of the storage works, and only if this client has the key store, or the label in the token, to itself.
   * @returns how many were deleted; 0 if the provider has no key store of its own
   * @throws MlsError `try-again` if the storage, the key store or the token fails
   * @example
   * const client = await openClient({ storage, crypto, credential: "alice", authentication });
   * await client.sweep();
   */
  async sweep(options: OperationOptions = {}): Promise<number> {
    checkOptions(options, OPERATION);
    return perform({ work: () => this.#state.sweep(), finish: answer }, options);
  }

  /**
   * Takes over what other openers of the storage change from now on, as {@link refresh} does, soon after they did.
   * @param listener is called after something was taken over. What it throws is dropped
   * @returns what ends that: it keeps a process alive, perhaps
   * @throws MlsError `unsupported` if the storage tells nothing of other openers: call {@link refresh} now and then
   * @example
   * const stop = client.watch(() => show(group.members));
   */
  watch(listener: () => void): () => void {
    checkOptions({ listener }, WATCH);
    return this.#state.watch(listener);
  }

  /**
   * The value of an entry of the application, as it is in the storage.
   * @param key as of {@link EntryChange}
   * @throws MlsError `try-again` if the storage fails, `usage`
   * @example
   * const cursor = await client.getEntry("app/cursor");
   */
  async getEntry(key: string, options: OperationOptions = {}): Promise<Bytes | undefined> {
    checkOptions(options, OPERATION);
    needKey(key);
    return perform({ work: () => this.#state.entry(key), finish: answer }, options);
  }

  /**
   * All entries of the application whose key begins with `prefix`, in the byte order of their keys, as of one moment.
   * @param prefix `app/`, or more
   * @throws as {@link getEntry}
   * @example
   * for (const { key, value } of await client.listEntries("app/outbox/")) await send(key, value);
   */
  async listEntries(prefix: string, options: OperationOptions = {}): Promise<readonly AppEntry[]> {
    checkOptions(options, OPERATION);
    needPrefix(prefix);
    return perform({ work: () => this.#state.entries(prefix), finish: answer }, options);
  }

  /**
   * Writes entries of the application by themselves, all or none. {@link WriteOptions.alongside} writes them with what a call
   * changes.
   * @param steps entries that are compared, and replaced or deleted with the others
   * @returns `false` if the entry of a step isn't what the step comes from: then nothing has changed
   * @throws MlsError `storage` if nobody knows whether they were written; `usage`
   * @example
   * await client.writeEntries([{ key: "app/outbox/7", value: undefined }]);
   */
  async writeEntries(
    changes: readonly EntryChange[],
    steps: readonly VersionStep[] = [],
    options: OperationOptions = {},
  ): Promise<boolean> {
    checkOptions(options, OPERATION);
    const all = changesOf(changes, "changes");
    const compared = stepsOf(steps, all);
    let isMade = true;
    const store = async () => {
      isMade = await this.#state.writeEntries(all, compared);
    };
    await perform({ work: () => undefined, finish: answer, store }, options);
    return isMade;
  }

  override async readWelcome(welcome: Uint8Array, options: ReadWelcomeOptions = {}): Promise<StagedWelcome> {
    const chosen = checkOptions(options, READ_WELCOME);
    const bytes = needBytes(welcome, "a Welcome").slice();
    const { signal } = chosen;
    // Groups that ended by ReInit say which one follows them: those that another opener has ended, too.
    await this.perform({ work: () => undefined, finish: answer }, { signal });
    try {
      return await super.readWelcome(bytes, chosen);
    } catch (error) {
      // An open group may be one that another opener has moved on, to the epoch that the new one resumes.
      if (!(error instanceof MlsError && error.code === "missing") || !(await this.refresh({ signal })))
        throw error;
      return super.readWelcome(bytes, chosen);
    }
  }

  /** @internal */
  override forget(group: Group): Promise<void> {
    return this.#state.forget(group);
  }

  protected override load(groupId: Uint8Array): Promise<Group | undefined> | undefined {
    const open = this.groups.get(groupId);
    if (open !== undefined)
      return open.own.isLapsed ? this.#state.revive(open, {}).then(() => open) : undefined;
    const found = this.#state.find(groupId, false);
    return found && this.#open(found, {});
  }

  protected override perform<R, T>(steps: Steps<R, T>, options: WriteOptions<T>): Promise<T> {
    const state = this.#state.writes;
    let ends: number;
    const work = () =>
      state.upToDate(() => {
        ends = state.ends;
        return steps.work();
      });
    let before!: Mark;
    let [isChanged, hasExpired, isUndone] = [false, false, false];
    let batch: Batch | undefined;
    let entries: AppEntries | undefined;
    let ended!: readonly StoredGroup[];
    const finish = (result: R) => {
      if (steps.bringsIn && ends !== state.ends) throw stale();
      before = state.mark;
      const answer = steps.finish(result);
      const now = state.mark;
      ended = since(before.ending, now.ending);
      isChanged = !isSameMark(before, now);
      hasExpired = this.kept.takeExpired();
      return answer;
    };
    // What it was refused by may have ended since, here or by another opener.
    const isOld = async () => (await state.look()) || ends !== state.ends;
    const beside = (ask: () => unknown) => {
      try {
        const changes = askedChanges(ask);
        entries = state.keep(changes, [...since(before.changed, state.changed), ...ended]);
      } catch (error) {
        isUndone = true;
        state.undo(before, error);
        throw error;
      }
    };
    const store = async () => {
      // Not before: alongside() may have thrown.
      for (const { group } of ended) group?.own.close();
      // What changes nothing waits for no write of others.
      const mustWrite = isChanged || entries !== undefined;
      if (mustWrite || hasExpired) batch = state.store();
      // What has expired can leave the storage with a later one.
      await (mustWrite ? batch?.done : batch?.done.catch(() => undefined));
      // Left out of the write, because another opener was first.
      if (ended.some(({ name }) => state.groups.has(name))) return "again";
      // Its group was closed before it was written.
      if (entries?.isWritten === false) throw notOpen();
      return undefined;
    };
    const unsafe = () => state.giveUp(batch);
    const { isPartlyDone, drop, turn, failed } = steps;
    const all = { work, finish, isOld, isPartlyDone, beside, drop, turn, store, unsafe, failed };
    return super.perform(all, options).catch(async (error: unknown) => {
      // So that the client shows what is there when its caller learns of it.
      if (isUndone) await state.ready().catch(() => undefined);
      throw error;
    });
  }

  /** Finds a group when it is asked. @throws MlsError `usage` */
  #finder(
    which: Uint8Array | KnownGroup,
    options: KnownGroupOptions,
    shape: OptionShape<KnownGroupOptions> = KNOWN_GROUP,
  ): () => StoredGroup | undefined {
    const { joining = false } = checkOptions(options, shape);
    const { groupId, name } = isBytes(which) ? { groupId: which } : (Object(which) as Partial<KnownGroup>);
    const id = needBytes(groupId, "the group ID", MAX_ID_SIZE).slice();
    if (name !== undefined && typeof name !== "string")
      throw new MlsError("usage", `expected the name of a known group, got a ${typeof name}`);
    return () => this.#state.find(id, joining, name);
  }

  async #open(found: StoredGroup, options: OperationOptions): Promise<Group> {
    // One that takes its place may be written just now.
    const open = found.status === "joining" ? undefined : this.groups.get(found.groupId);
    let group = open ?? (isHere(found) ? found.group : undefined);
    if (group === undefined) {
      let enter: Awaited<ReturnType<StoredState["read"]>>["enter"];
      const read = async (config: ClientConfig) => {
        const opened = await this.#state.read(config, found);
        enter = opened.enter;
        return opened.loaded;
      };
      group = await this.restoreFrom(read, (loaded) => enter(() => this.groups.restore(loaded)), options);
    }
    // Also one that another call opened meanwhile, and whose write failed since.
    await this.#state.revive(group, options);
    return group;
  }
}
