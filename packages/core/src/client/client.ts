// RFC 9420 §10, §11, §12.4.3: a client, its key packages and its groups.
import { equalBytes, needBytes } from "../bytes.js";
import { destroyKey, guardProvider, signerOf, validateSigner } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import {
  type ClientConfig,
  firstState,
  type GroupState,
  needAuthentication,
  newLifetime,
  privateKeysIn,
  privateKeysOf,
  wipeEpoch,
  wipeState,
} from "../group/index.js";
import { checkPredecessor, createEpoch, joinByWelcome, type OpenedWelcome } from "../group/join/index.js";
import { type LoadedState, loadState } from "../group/storage/index.js";
import { createLeafNode, type OwnKeyPackage } from "../key-package/index.js";
import {
  answer,
  noStorage,
  OPERATION,
  type OperationOptions,
  perform,
  type Steps,
  type WriteOptions,
} from "../operation/index.js";
import { checkOptions } from "../option-shapes.js";
import {
  type Awaitable,
  type CipherSuiteProvider,
  type CryptoProvider,
  chain,
  type HpkePrivateKey,
  isPromise,
  type Signer,
} from "../provider/index.js";
import { isCustomPsk, MAX_ID_SIZE, type PreSharedKeyID, PSKType, readWelcome } from "../wire/index.js";
import { ClientBase, withCopies } from "./client-base.js";
import type { Group } from "./group.js";
import { type Keeper, OpenGroups } from "./open-groups.js";
import {
  CLIENT,
  type ClientOptions,
  type GroupOptions,
  JOIN,
  type JoinOptions,
  type JoinStagedOptions,
  NEW_GROUP,
  READ_WELCOME,
  type ReadWelcomeOptions,
} from "./options.js";
import { StagedWelcome } from "./staged-welcome.js";

type StagedWelcomeParts = OpenedWelcome & { readonly own: OwnKeyPackage };

/** @throws MlsError `usage`: JavaScript callers have no type checker */
function needProvider(crypto: CryptoProvider | undefined): void {
  if (Array.isArray(crypto?.suites) && typeof crypto.suite === "function") return;
  const hint = isPromise(crypto) ? "a promise: await it first" : `${typeof crypto}`;
  throw new MlsError("usage", `expected options.crypto: a crypto provider, got ${hint}`);
}

/** What a client is made of. */
export interface ClientParts {
  readonly options: ClientOptions;
  readonly provider: CipherSuiteProvider;
  readonly signer: Signer;
}

/** @param makeSigner makes the signer, unless the options have one */
export async function partsOf(
  chosen: ClientOptions,
  makeSigner: (provider: CipherSuiteProvider) => Awaitable<Signer>,
): Promise<ClientParts> {
  const { crypto, authentication } = chosen;
  needProvider(crypto);
  needAuthentication(authentication);
  const suite = chosen.suite ?? crypto.suites[0]?.id;
  if (suite === undefined)
    throw new MlsError("unsupported", `${crypto.name} serves no suite on this platform`);
  const provider = guardProvider(crypto.suite(suite));
  const signer = chosen.signer ?? (await makeSigner(provider));
  await validateSigner(provider, signer);
  return { options: chosen, provider, signer };
}

/**
 * One identity in one cipher suite: makes key packages, and creates, joins and restores groups.
 * @example
 * const group = await alice.createGroup();
 * const { welcome } = await group.add(await bob.createKeyPackage());
 * await group.mergePendingCommit();
 * const joined = await bob.join(welcome!);
 */
export class Client extends ClientBase {
  readonly #groups: OpenGroups;

  protected constructor({ options, provider, signer }: ClientParts, keeper?: Keeper) {
    super(options, provider, signer, keeper && ((added) => keeper.signed(added)));
    this.#groups = new OpenGroups(this.configOfGroups, (key) => this.kept.hasLeafKey(key), keeper);
  }

  protected get groups(): OpenGroups {
    return this.#groups;
  }

  /**
   * Creates a client.
   * @throws UnsupportedError if the provider doesn't serve the suite, or the signer has another signature scheme;
   *   MlsError `usage` for missing options
   * @example
   * const client = await Client.create({ crypto: nodeProvider(), credential: "alice", authentication });
   */
  static async create(options: ClientOptions): Promise<Client> {
    const chosen = checkOptions(options, CLIENT);
    const newSigner = async (provider: CipherSuiteProvider) =>
      signerOf(provider, await provider.signature.generateKeyPair());
    const work = async () => new Client(await partsOf(chosen, newSigner));
    return perform({ work, finish: answer }, options);
  }

  /**
   * Creates a group (§11) with this client as its only member.
   * @throws ValidationError if this client doesn't support the extensions; MlsError `group-exists` if it is in a group with this ID
   * @example
   * const group = await alice.createGroup({ groupId: new TextEncoder().encode("team") });
   */
  async createGroup(options: GroupOptions = {}): Promise<Group> {
    const chosen = checkOptions(options, NEW_GROUP);
    const make = (config: ClientConfig, signer: () => Promise<Signer>) =>
      this.newGroup(config, signer, chosen);
    return this.joinBy<Group>(() => make, answer, chosen);
  }

  /** The state of a new group, whose only member this client is. @internal */
  async newGroup(
    config: ClientConfig,
    signer: () => Promise<Signer>,
    {
      groupId = config.provider.random(config.provider.suite.hash.Nh),
      extensions = [],
    }: Pick<GroupOptions, "groupId" | "extensions">,
  ): Promise<GroupState> {
    needBytes(groupId, "the group ID", MAX_ID_SIZE);
    this.#groups.checkNew(groupId);
    const lifetime = newLifetime(config.policy);
    const leaf = await createLeafNode(config.provider, await signer(), config.describeLeaf(), lifetime);
    return firstState(await createEpoch(config, groupId, extensions, leaf));
  }

  /**
   * Joins a group by a Welcome (§12.4.3.1) for one of this client's key packages. The key package is then deleted,
   * unless an extension allows its reuse (§16.8). To look at the group first: {@link readWelcome}.
   * @param welcome an encoded MLSMessage, or a raw Welcome
   * @param options `replace`: whether the new group replaces an open one with the same ID, which is then closed
   * @throws MlsError `not-invited` without the key package; `missing` without the tree or a PSK; `group-exists`, `authentication`, `limit`;
   *   ValidationError, CryptoError, DecodeError
   * @example
   * const group = await bob.join(welcome);
   */
  async join(welcome: Uint8Array, options: JoinOptions = {}): Promise<Group> {
    const { replace, alongside, ...reading } = checkOptions(options, JOIN);
    // Before the Welcome is read.
    if (alongside !== undefined && !this.#groups.isStored) throw noStorage();
    const staged = await this.readWelcome(welcome, reading);
    try {
      return await staged.join({ replace, alongside, signal: reading.signal });
    } catch (error) {
      // It has joined, if only the storage failed.
      await staged.discard().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Reads a Welcome (§12.4.3.1) as {@link join} does, with all its checks, but doesn't join yet: the result shows who
   * added this client to which group, with whom, and by which key package. Nothing is used up before
   * {@link StagedWelcome.join}.
   * @param welcome an encoded MLSMessage, or a raw Welcome
   * @throws as {@link join}
   * @example
   * const staged = await bob.readWelcome(welcome);
   * show(staged.committer, staged.members);
   * const group = await staged.join();
   */
  async readWelcome(welcome: Uint8Array, options: ReadWelcomeOptions = {}): Promise<StagedWelcome> {
    const { previous, ratchetTree } = checkOptions(options, READ_WELCOME);
    const message = readWelcome(welcome, this.config.policy.maxJoinSize);
    const steps = (config: ClientConfig): Steps<StagedWelcomeParts, StagedWelcome> => ({
      work: async () => {
        const invitation = this.kept.for(message);
        const predecessors = this.#groups.predecessors(previous);
        const withPsks = { ...config, psk: (id: PreSharedKeyID) => this.findPsk(id, previous) };
        const opened = await joinByWelcome(withPsks, message, invitation, ratchetTree, predecessors);
        return { own: invitation.found, ...opened };
      },
      finish: (opened) => {
        const { own, epoch } = opened;
        const lastResort = this.config.registry.isReusable(own.keyPackage);
        const keyPackage = { reference: own.reference.slice(), lastResort };
        return new StagedWelcome(this.config, opened, keyPackage, {
          perform: (steps, options) => this.perform(steps, options),
          enter: (replace) => this.#enterStaged(opened, previous, replace),
          drop: () => {
            wipeEpoch(epoch);
            // The leaf key is still the key package's.
            for (const key of epoch.keys.pathKeys.values()) destroyKey(this.provider.hpke, key);
          },
        });
      },
      drop: ({ epoch }) => wipeEpoch(epoch),
    });
    return this.run(steps, ({ epoch }) => privateKeysOf(epoch), options);
  }

  #enterStaged(
    { own, epoch, resumption }: StagedWelcomeParts,
    previous: Group | undefined,
    replace: boolean | undefined,
  ): Group {
    // Once more: the groups may have changed since the Welcome was read.
    const resumes = checkPredecessor(this.config, resumption, this.#groups.predecessors(previous), epoch);
    const isReusable = this.config.registry.isReusable(own.keyPackage);
    const shared = isReusable ? own.leafKey : undefined;
    const origin = { shared, recorded: this.kept.recordedKeys(own), by: own };
    const enter = () => this.#groups.enter(epoch, origin, replace, resumes);
    const group = this.kept.use(own, isReusable, epoch.groupContext, enter);
    if (!isReusable) group.retire(own.initKey);
    return group;
  }

  /**
   * Enters the state of a new group, or of a new member whose commit is staged.
   * @param read reads its arguments at the call, and returns what builds the state. That gets the signer, and the state of
   *   this client's group with an ID, when it asks for them
   * @param resultOf makes the result
   * @internal
   */
  joinBy<T>(
    read: (
      limits: ClientConfig["policy"],
    ) => (
      config: ClientConfig,
      signer: () => Promise<Signer>,
      find: (groupId: Uint8Array) => Promise<GroupState | undefined>,
    ) => Promise<GroupState>,
    resultOf: (group: Group) => T,
    {
      signer,
      replace,
      ...options
    }: Pick<GroupOptions, "signer"> & Pick<JoinStagedOptions, "replace"> & WriteOptions<T>,
  ): Promise<T> {
    const make = read(this.config.policy);
    const find = async (groupId: Uint8Array) => {
      await this.load(groupId);
      return this.#groups.get(groupId)?.predecessor;
    };
    const steps = (config: ClientConfig): Steps<GroupState, T> => ({
      work: () => make(config, () => this.signerOr(signer), find),
      finish: (state) => {
        if (signer !== undefined) this.config.addSigner(signer);
        return resultOf(this.#groups.join(state, replace));
      },
      drop: wipeState,
    });
    return this.run(steps, privateKeysIn, options);
  }

  /**
   * Restores a group that {@link Group.save} saved. The client needs the signer of its leaf in the group: signature
   * keys are never saved. A group that is open here, or that this client's storage has, can't be restored: two objects with
   * one state would encrypt with the same keys.
   * @param saved the bytes of {@link Group.save}
   * @throws MlsError `state` for damaged or foreign bytes, or another suite; `missing-signer`; `try-again` if the
   *   provider can't find the keys now, with the `cause`; `group-exists` if the group is open, or in this client's storage:
   *   `group()` of that client gives it; `stale-state`, `storage` with a storage;
   *   `usage` if the leaf lists types of extensions, proposals or credentials that this client doesn't support
   * @example
   * const group = await client.restore(saved);
   */
  async restore(saved: Uint8Array, options: OperationOptions = {}): Promise<Group> {
    checkOptions(options, OPERATION);
    return withCopies(saved, "a saved group", (copy) => {
      const read = (config: ClientConfig) => loadState(config, copy());
      return this.restoreFrom(read, (loaded) => this.#groups.restore(loaded), options, true);
    });
  }

  /** Loads a group. @param enter takes it over @param bringsIn as of {@link Steps} */
  protected restoreFrom(
    read: (config: ClientConfig) => Promise<LoadedState>,
    enter: (loaded: LoadedState) => Group,
    options: OperationOptions,
    bringsIn = false,
  ): Promise<Group> {
    const steps = (config: ClientConfig): Steps<LoadedState, Group> => ({
      work: async () => read(config),
      finish: enter,
      drop: ({ state }) => wipeState(state),
      bringsIn,
    });
    return this.run(steps, ({ state }) => privateKeysIn(state), options);
  }

  /** Closes a new group that isn't whole: nothing is left of it. @internal */
  forget(group: Group): Awaitable<void> {
    return group.close();
  }

  /** Loads a group that only the storage has, where there is one. */
  protected load(_groupId: Uint8Array): Awaitable<unknown> {
    return undefined;
  }

  protected override needsKey(key: HpkePrivateKey): boolean {
    return this.#groups.need(key);
  }

  protected override findPsk(id: PreSharedKeyID, previous?: Group): Awaitable<Uint8Array | undefined> {
    if (isCustomPsk(id)) return this.config.registry.psk(id);
    if (id.pskType === PSKType.external) return this.externalPsk?.(id.pskId.slice());
    const { pskGroupId, pskEpoch } = id;
    return chain(this.load(pskGroupId), () => this.#findGroup(pskGroupId, previous)?.resumptionPsk(pskEpoch));
  }

  protected override isOpen(groupId: Uint8Array): boolean {
    return this.#groups.has(groupId);
  }

  /** The group with this ID: `previous`, or one of this client's. */
  #findGroup(groupId: Uint8Array, previous: Group | undefined): Group | undefined {
    if (previous !== undefined && equalBytes(previous.groupId, groupId)) return previous;
    return this.#groups.get(groupId);
  }
}
