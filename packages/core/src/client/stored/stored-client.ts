// RFC 9420 §10, §11, §16.2: a client whose state is in a storage: nothing that it answers can be lost or used again.
import { type Bytes, copied, needBytes } from "../../bytes.js";
import { guardFunctions, noVerdict } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { ClientConfig } from "../../group/index.js";
import { answer, OPERATION, type OperationOptions, perform, type Steps } from "../../operation/index.js";
import { checkOptions, needed, type OptionShape } from "../../option-shapes.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import { MAX_ID_SIZE } from "../../wire/index.js";
import { Client, type ClientParts, partsOf } from "../client.js";
import type { Group } from "../group.js";
import { CLIENT, type ClientOptions, READ_WELCOME, type ReadWelcomeOptions } from "../options.js";
import type { StagedWelcome } from "../staged-welcome.js";
import type { ClientStorage } from "./client-storage.js";
import { type FoundClient, readClient, type StoredStatus } from "./entries.js";
import { makeSigner, needGiven, recordOf, signerIn, suiteOf } from "./saved-signer.js";
import { type StoredGroup, StoredState } from "./stored-state.js";

/** The options of {@link openClient}. */
export interface StoredClientOptions extends ClientOptions {
  /** Where the client keeps its state. It has the storage to itself. */
  readonly storage: ClientStorage;
}

/** A group that a {@link StoredClient} has. */
export interface KnownGroup {
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

const STORED_CLIENT: OptionShape<StoredClientOptions> = { ...CLIENT, storage: needed("object") };
const KNOWN_GROUP: OptionShape<KnownGroupOptions> = { ...OPERATION, joining: "boolean" };

/**
 * A client whose state is in a storage. No method of it, of its groups or of their staged commits answers before what it
 * changed is safe there; so whatever it returned may be sent at once.
 *
 * - A write that fails rejects with `storage`, and closes the group: nobody knows whether the storage has the change.
 *   {@link group} returns it as the storage has it.
 * - If another opener of the storage was first, the call rejects with `stale-state`, and nothing has changed.
 *   {@link group} returns the group as the other one left it: call again.
 * - What is given up by its `signal` while it is written rejects with `storage`.
 */
export class StoredClient extends Client {
  readonly #state: StoredState;

  /** @internal */
  constructor(parts: ClientParts, state: StoredState) {
    super(parts, state);
    this.#state = state;
  }

  /** @internal */
  begin(found: FoundClient, signer: Uint8Array | undefined): Promise<void> {
    const access = { config: () => this.config, kept: () => this.kept };
    return this.#state.begin(access, found, signer);
  }

  /** All groups of this client. Each is loaded when {@link group} is first called for it. */
  knownGroups(): readonly KnownGroup[] {
    return this.#state.groups.map(({ groupId, status }) => ({
      groupId: copied(groupId),
      status: status as StoredStatus,
    }));
  }

  /**
   * A group of this client, with its proposals and staged commits: the object that is open, or else a new one, loaded from
   * the storage.
   * @returns `undefined` if this client has no such group
   * @throws MlsError `missing-signer` (see {@link Client.addSigner}), `state` for damaged entries, `try-again` if the storage
   *   or the provider fails, `stale-state` if another opener has just deleted it
   * @example
   * const group = await client.group(groupId);
   */
  async group(groupId: Uint8Array, options: KnownGroupOptions = {}): Promise<Group | undefined> {
    const found = await this.#find(groupId, options);
    return found && this.#open(found, { signal: options.signal });
  }

  /**
   * Deletes all that the storage has of a group, and closes it. The other members aren't told.
   * @returns whether it was there
   * @throws MlsError `storage`, `stale-state`
   * @example
   * if (!group.active) await client.deleteGroup(group.groupId);
   */
  async deleteGroup(groupId: Uint8Array, options: KnownGroupOptions = {}): Promise<boolean> {
    const { joining = false } = checkOptions(options, KNOWN_GROUP);
    const id = needBytes(groupId, "the group ID", MAX_ID_SIZE).slice();
    const finish = () => {
      const found = this.#state.find(id, joining);
      if (found !== undefined) this.#state.end(found);
      return found !== undefined;
    };
    return this.perform({ work: () => undefined, finish }, options);
  }

  /**
   * Looks whether another opener of the storage has changed anything, and takes it over: key packages and the list of
   * groups. Open groups that it has moved on are closed: get them again. Nothing goes wrong without it: who is late learns
   * so by `stale-state`. Call it when another tab says that it has changed something, or when the page is shown again.
   * @returns whether anything was changed
   * @throws MlsError `try-again` if the storage fails
   * @example
   * if (await client.refresh()) group = await client.group(groupId);
   */
  async refresh(options: OperationOptions = {}): Promise<boolean> {
    checkOptions(options, OPERATION);
    return perform({ work: () => this.#state.refresh(), finish: answer }, options);
  }

  override async readWelcome(welcome: Uint8Array, options: ReadWelcomeOptions = {}): Promise<StagedWelcome> {
    const chosen = checkOptions(options, READ_WELCOME);
    const bytes = needBytes(welcome, "a Welcome").slice();
    // A group that ended by ReInit says what the group must be that follows it. Without it, the Welcome for that is refused,
    // and all others are none of its business.
    const ended = this.#state.groups.filter(({ status }) => status === "reinitialized");
    for (const one of ended) await this.#open(one, { signal: chosen.signal }).catch(() => undefined);
    return super.readWelcome(bytes, chosen);
  }

  protected override load(groupId: Uint8Array): Promise<Group | undefined> | undefined {
    const found = this.groups.get(groupId) === undefined ? this.#state.find(groupId, false) : undefined;
    return found && this.#open(found, {});
  }

  protected override perform<R, T>(steps: Steps<R, T>, options: OperationOptions): Promise<T> {
    const work = async () => {
      await this.#state.ready();
      return steps.work();
    };
    return super.perform({ ...steps, work, store: () => this.#state.store() }, options);
  }

  #find(groupId: Uint8Array, options: KnownGroupOptions): Promise<StoredGroup | undefined> {
    const { joining = false } = checkOptions(options, KNOWN_GROUP);
    const id = needBytes(groupId, "the group ID", MAX_ID_SIZE).slice();
    return this.perform({ work: () => this.#state.find(id, joining), finish: answer }, options);
  }

  async #open(found: StoredGroup, options: OperationOptions): Promise<Group> {
    const { group } = found;
    if (group !== undefined && group.own.state.status !== "closed") return group;
    let enter: Awaited<ReturnType<StoredState["read"]>>["enter"];
    const read = async (config: ClientConfig) => {
      const { loaded, ...rest } = await this.#state.read(config, found);
      enter = rest.enter;
      return loaded;
    };
    return this.restoreFrom(read, (loaded) => enter(() => this.groups.restore(loaded)), options);
  }
}

/** How often a client is opened that another opener has changed meanwhile. */
const MAX_TRIES = 5;

/**
 * Opens the client that a storage has, or a new one: the signer, key packages, groups, staged commits and proposals are as
 * they were after the last call that answered. Groups are loaded when they are asked for ({@link StoredClient.group}).
 *
 * Without `signer`, the client makes one at its first opening, whose private key the storage keeps.
 * @param options the same at each opening; `suite` isn't needed again
 * @throws MlsError `state` for damaged entries or another suite; `missing-signer` without the signer that the client was
 *   opened with before; `key-not-extractable` if the provider doesn't export the signer's key: pass `signer`; `try-again`
 *   or `storage` if the storage fails; otherwise as {@link Client.create}
 * @example
 * const alice = await openClient({ storage, crypto: nodeProvider(), credential: "alice", authentication });
 * for (const { groupId } of alice.knownGroups()) show(await alice.group(groupId));
 */
export async function openClient(options: StoredClientOptions): Promise<StoredClient> {
  const { storage, ...chosen } = checkOptions(options, STORED_CLIENT);
  for (const name of ["get", "list", "write"] as const)
    if (typeof storage[name] !== "function")
      throw new MlsError("usage", `expected options.storage: a client storage, got one without ${name}()`);
  const guarded = guardFunctions(storage, (cause) => noVerdict("the storage", cause));
  const work = async () => {
    for (let i = 1; ; i++) {
      try {
        return await open(guarded, chosen);
      } catch (error) {
        // Another process opened a new client first.
        if (i === MAX_TRIES || !(error instanceof MlsError && error.code === "stale-state")) throw error;
      }
    }
  };
  return perform({ work, finish: answer }, chosen);
}

async function open(storage: ClientStorage, chosen: ClientOptions): Promise<StoredClient> {
  const found = await readClient(storage);
  const { signer: saved } = found;
  let made: Uint8Array | undefined;
  const newSigner = async (provider: CipherSuiteProvider) => {
    if (saved !== undefined) return needGiven(await signerIn(provider, saved));
    const { signer, record } = await makeSigner(provider);
    made = record;
    return signer;
  };
  const suite = chosen.suite ?? (saved && suiteOf(saved));
  const parts = await partsOf(suite === undefined ? chosen : { ...chosen, suite }, newSigner);
  const { provider, signer } = parts;
  const state = new StoredState(storage, (length) => provider.random(length));
  const client = new StoredClient({ ...parts, options: { ...parts.options, signer } }, state);
  if (chosen.signer !== undefined) {
    if (saved === undefined) made = await recordOf(provider, signer.publicKey);
    else {
      const former = await signerIn(provider, saved);
      if (former !== undefined) client.addSigner(former);
    }
  }
  await client.begin(found, made);
  return client;
}
