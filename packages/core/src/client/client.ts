// RFC 9420 §10, §11, §12.4.3: a client, its key packages and its groups.
import { type Bytes, copied, copyOf, EMPTY, equalBytes, needBytes, wipe } from "../bytes.js";
import {
  checkSigner,
  guardHooksOf,
  guardProvider,
  KeyScope,
  signerOf,
  validateSigner,
} from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { buildExternalCommit, type ExternalCommit } from "../group/commit/index.js";
import {
  type ClientConfig,
  checkSavedSigner,
  type Epoch,
  guardMember,
  needAuthentication,
  needSigner,
  newLifetime,
  privateKeysIn,
  privateKeysOf,
  wipeEpoch,
  wipeState,
} from "../group/index.js";
import { createEpoch, joinByWelcome } from "../group/join/index.js";
import { createExternalProposal, type ResumptionOptions } from "../group/proposals/index.js";
import { type LoadedState, loadKeyPackages, loadState, saveKeyPackages } from "../group/storage/index.js";
import {
  createKeyPackage,
  createLeafNode,
  type KeptKeyPackage,
  type OwnKeyPackage,
} from "../key-package/index.js";
import {
  type Awaitable,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  type HpkePrivateKey,
  isPromise,
  type Signer,
} from "../provider/index.js";
import {
  basicCredential,
  type Credential,
  isCustomPsk,
  type PreSharedKeyID,
  ProposalType,
  PSKType,
  ResumptionPSKUsage,
  readGroupInfo,
  readWelcome,
  SenderType,
  writeKeyPackage,
} from "../wire/index.js";
import { configOf } from "./config.js";
import type { Group } from "./group.js";
import type { MessageOptions } from "./group-options.js";
import { type KeyPackageInfo, KeyPackageStore, keysOfPackage } from "./key-packages.js";
import { OpenGroups } from "./open-groups.js";
import { answer, type OperationOptions, perform, type Steps, withKeys } from "./operation.js";
import type {
  ClientOptions,
  ExternalJoin,
  ExternalJoinOptions,
  GroupOptions,
  JoinOptions,
  KeyPackageOptions,
  NewGroup,
} from "./options.js";
import { needOwnReinit, resume } from "./resume.js";

/** @throws MlsError `usage`: JavaScript callers have no type checker */
function needProvider(crypto: CryptoProvider | undefined): void {
  if (Array.isArray(crypto?.suites) && typeof crypto.suite === "function") return;
  const hint = isPromise(crypto) ? "a promise: await it first" : `${typeof crypto}`;
  throw new MlsError("usage", `expected options.crypto: a crypto provider, got ${hint}`);
}

/**
 * One identity in one cipher suite: makes key packages, and creates, joins and restores groups.
 * @example
 * const group = await alice.createGroup();
 * const { welcome } = await group.add(await bob.createKeyPackage());
 * await group.mergePendingCommit();
 * const joined = await bob.join(welcome!);
 */
export class Client {
  readonly #provider: CipherSuiteProvider;
  /** For operations without a lock. */
  readonly #config: ClientConfig;
  readonly #externalPsk: ClientOptions["externalPsk"];
  readonly #keyPackages: KeyPackageStore;
  readonly #groups: OpenGroups;

  private constructor(options: ClientOptions, provider: CipherSuiteProvider, signer: Signer) {
    const { credential } = options;
    this.#provider = provider;
    const { externalPsk } = guardHooksOf({ externalPsk: options.externalPsk }, "externalPsk", (hook) =>
      hook(),
    );
    this.#externalPsk = externalPsk;
    const own = typeof credential === "string" ? basicCredential(credential) : copied(credential);
    const forGroups: ClientConfig = {
      ...configOf(options, provider, own, signer, (id) => this.#findPsk(id)),
      isOpen: (groupId) => this.#groups.get(groupId)?.active === true,
    };
    this.#config = guardMember(forGroups, (hook) => hook());
    this.#groups = new OpenGroups(forGroups);
    this.#keyPackages = new KeyPackageStore(provider.hpke, ({ keyPackage }) =>
      this.#config.registry.isReusable(keyPackage),
    );
  }

  /**
   * Creates a client.
   * @throws UnsupportedError if the provider doesn't serve the suite, or the signer has another signature scheme;
   *   MlsError `usage` for missing options
   * @example
   * const client = await Client.create({ crypto: nodeProvider(), credential: "alice", authentication });
   */
  static create(options: ClientOptions): Promise<Client> {
    const work = async () => {
      const { crypto, authentication, credential } = options;
      needProvider(crypto);
      needAuthentication(authentication);
      if (credential === undefined)
        throw new MlsError("usage", "expected options.credential: a credential or a name");
      const suite = options.suite ?? crypto.suites[0]?.id;
      if (suite === undefined)
        throw new MlsError("unsupported", `${crypto.name} serves no suite on this platform`);
      const provider = guardProvider(crypto.suite(suite));
      const signer = options.signer ?? signerOf(provider, await provider.signature.generateKeyPair());
      await validateSigner(provider, signer);
      return new Client(options, provider, signer);
    };
    return perform({ work, finish: answer }, options ?? {});
  }

  get cipherSuite(): CipherSuite {
    return this.#provider.suite;
  }

  /** That of new key packages: the option's, or the one that a group switched to last. */
  get credential(): Credential {
    return copied(this.#config.identity.credential);
  }

  /** `Npk` bytes. That of new key packages: the option's, or the one that a group switched to last. */
  get signatureKey(): Bytes {
    return this.#config.identity.signatureKey.slice();
  }

  /** Adds a signer that restored groups need, because they switched to it. @throws UnsupportedError */
  addSigner(signer: Signer): void {
    checkSigner(this.#provider, signer);
    this.#config.addSigner(signer);
  }

  get #signer(): Signer {
    return needSigner(this.#config, this.#config.identity);
  }

  /** Runs an operation. The private keys that it makes end with it, except those of its result. */
  #run<R, T>(
    make: (config: ClientConfig) => Steps<R, T>,
    keysIn: (result: R) => Iterable<HpkePrivateKey>,
    options: OperationOptions,
  ): Promise<T> {
    const scope = new KeyScope(this.#provider);
    const steps = make({ ...this.#config, provider: scope.provider });
    return perform(
      withKeys(scope, steps, (result) => (result === undefined ? [] : keysIn(result))),
      options,
    );
  }

  async #newKeyPackage(
    { provider, registry, policy }: ClientConfig,
    { extensions: chosen = [], lifetime }: KeyPackageOptions = {},
  ): Promise<OwnKeyPackage> {
    const extensions = registry.keyPackageExtensions(chosen, (length) => provider.random(length));
    const leaf = this.#config.describeLeaf(extensions);
    return createKeyPackage(provider, this.#signer, leaf, lifetime ?? newLifetime(policy), extensions);
  }

  /**
   * Makes a key package (§10), with which a member can add this client to one group. The client keeps its private
   * keys: see {@link saveKeyPackages}.
   * @returns an encoded MLSMessage
   * @example
   * await group.add(await bob.createKeyPackage());
   */
  createKeyPackage(options: KeyPackageOptions = {}): Promise<Bytes> {
    const finish = (own: OwnKeyPackage) => {
      this.#keyPackages.add(own);
      return writeKeyPackage(own.keyPackage);
    };
    const work = (config: ClientConfig) => this.#newKeyPackage(config, options);
    return this.#run((config) => ({ work: () => work(config), finish }), keysOfPackage, options);
  }

  /**
   * Creates a group (§11) with this client as its only member.
   * @throws ValidationError if this client doesn't support the extensions, or is in a group with this ID
   * @example
   * const group = await alice.createGroup({ groupId: new TextEncoder().encode("team") });
   */
  createGroup(options: GroupOptions = {}): Promise<Group> {
    const work = async (config: ClientConfig) => {
      const groupId = copyOf(options.groupId) ?? config.provider.random(config.provider.suite.hash.Nh);
      this.#groups.checkNew(groupId);
      const lifetime = newLifetime(config.policy);
      const leaf = await createLeafNode(config.provider, this.#signer, config.describeLeaf(), lifetime);
      return createEpoch(config, groupId, copied(options.extensions ?? []), leaf);
    };
    const finish = (epoch: Epoch) => this.#groups.enter(epoch);
    return this.#run(
      (config) => ({ work: () => work(config), finish, drop: wipeEpoch }),
      privateKeysOf,
      options,
    );
  }

  /**
   * Joins a group by a Welcome (§12.4.3.1) for one of this client's key packages. The key package is then deleted,
   * unless an extension allows its reuse (§16.8).
   * @param welcome an encoded MLSMessage
   * @param options `replace`: whether the new group replaces an open one with the same ID, which is then closed
   * @throws MlsError `missing` without the key package, the tree or a PSK; `authentication`, `limit`;
   *   ValidationError, CryptoError, DecodeError
   * @example
   * const group = await bob.join(welcome);
   */
  join(welcome: Uint8Array, options: JoinOptions = {}): Promise<Group> {
    const { previous } = options;
    const work = async (config: ClientConfig) => {
      const message = readWelcome(welcome, config.policy.maxJoinSize);
      const own = this.#keyPackages.for(message);
      const tree = copyOf(options.ratchetTree);
      const predecessors = this.#groups.predecessors(previous);
      const withPsks = { ...config, psk: (id: PreSharedKeyID) => this.#findPsk(id, previous) };
      return { own, ...(await joinByWelcome(withPsks, message, own, tree, predecessors)) };
    };
    type Joined = Awaited<ReturnType<typeof work>>;
    const finish = ({ own, epoch, resumes }: Joined) => {
      const enter = () => this.#groups.enter(epoch, options.replace, resumes);
      const group = this.#keyPackages.use(own, epoch.groupContext, enter);
      if (!this.#config.registry.isReusable(own.keyPackage)) group.retire(own.initKey);
      return group;
    };
    const drop = ({ epoch }: Joined) => wipeEpoch(epoch);
    return this.#run(
      (config) => ({ work: () => work(config), finish, drop }),
      ({ epoch }) => privateKeysOf(epoch),
      options,
    );
  }

  /**
   * Joins a group by an external commit (§12.4.3.2): no member needs to be online. The returned group has the commit
   * pending, as a member's group has its own one: until the commit is merged, the group shows the epoch that the commit
   * starts, and refuses to be used with `pending`. When the delivery service has accepted the commit, call
   * {@link Group.mergePendingCommit}, or pass the commit to {@link Group.receive} when it comes back. If another commit
   * was accepted, call {@link Group.clearPendingCommit}, and join again by a newer GroupInfo.
   * @param groupInfo an encoded MLSMessage, from {@link Group.groupInfo}
   * @param options `replace`: whether the group replaces an open one with the same ID, which is closed by the merge. A
   *   restored group doesn't know it: close the other one before the merge.
   * @returns the group, and the commit for its members as an encoded MLSMessage
   * @throws MlsError `missing` without `external_pub`, the tree or a PSK; `usage` if `resync` matches no member;
   *   `authentication`, `forbidden`, `limit`; ValidationError, CryptoError, DecodeError
   * @example
   * const { group, commit } = await bob.joinByExternalCommit(await aliceGroup.groupInfo());
   * await server.send(commit);
   * await group.mergePendingCommit();
   */
  joinByExternalCommit(groupInfo: Uint8Array, options: ExternalJoinOptions = {}): Promise<ExternalJoin> {
    const steps = (config: ClientConfig): Steps<ExternalCommit, ExternalJoin> => ({
      work: async () =>
        buildExternalCommit(config, readGroupInfo(groupInfo, config.policy.maxJoinSize), {
          signer: this.#signer,
          description: this.#config.describeLeaf(),
          ratchetTree: copyOf(options.ratchetTree),
          isOwn: ({ signatureKey }) => this.#config.signerFor(signatureKey) !== undefined,
          resync: options.resync,
          psks: copied(options.psks ?? []),
          custom: copied(options.custom ?? []),
          proposals: (options.proposals ?? []).map((message) => needBytes(message, "a proposal").slice()),
          authenticatedData: copyOf(options.authenticatedData),
          groupInfo: options.groupInfo,
        }),
      finish: ({ pending, groupInfo }) => ({
        group: this.#groups.join(pending, options.replace),
        commit: pending.commit.slice(),
        groupInfo,
      }),
      drop: ({ pending }) => wipeEpoch(pending.epoch),
    });
    return this.#run(steps, ({ pending }) => privateKeysOf(pending.epoch), options);
  }

  /**
   * Restores a group that {@link Group.save} saved. The client needs the signer of its leaf in the group: signature
   * keys are never saved. A group that is open here can't be restored: two objects with one state would encrypt with
   * the same keys.
   * @param saved the bytes of {@link Group.save}; or a list of them and of all results of {@link Group.saveChanges}
   *   since then, in their order
   * @throws MlsError `state` for damaged or foreign bytes, another suite, or changes out of order; `missing-signer`;
   *   `try-again` if the provider can't find the keys now, with the `cause`; `usage` if the group is open, or if the
   *   leaf lists types of extensions, proposals or credentials that this client doesn't support
   * @example
   * const group = await client.restore([saved, ...changes]);
   */
  restore(saved: Uint8Array | readonly Uint8Array[], options: OperationOptions = {}): Promise<Group> {
    const steps = (config: ClientConfig): Steps<LoadedState, Group> => ({
      work: async () => {
        const records = Array.isArray(saved) ? saved : [saved];
        return loadState(
          config,
          records.map((record) => needBytes(record, "a saved group").slice()),
        );
      },
      finish: (loaded) => this.#groups.restore(loaded),
      drop: ({ state }) => wipeState(state),
    });
    return this.#run(steps, ({ state }) => privateKeysIn(state), options);
  }

  #findPsk(id: PreSharedKeyID, previous?: Group): Awaitable<Uint8Array | undefined> {
    if (isCustomPsk(id)) return this.#config.registry.psk(id);
    if (id.pskType === PSKType.external) return this.#externalPsk?.(id.pskId.slice());
    return this.#findGroup(id.pskGroupId, previous)?.resumptionPsk(id.pskEpoch);
  }

  /** The group with this ID: `previous`, or one of this client's. */
  #findGroup(groupId: Uint8Array, previous: Group | undefined): Group | undefined {
    if (previous !== undefined && equalBytes(previous.groupId, groupId)) return previous;
    return this.#groups.get(groupId);
  }

  /**
   * Proposes to add this client to a group (§12.1.8), with a new key package. After a member commits the proposal,
   * this client joins by the Welcome.
   * @param group its ID and present epoch, for example from the delivery service
   * @returns an encoded MLSMessage
   * @throws MlsError `forbidden`
   * @example
   * const proposal = await bob.proposeJoin({ groupId: group.groupId, epoch: group.epoch });
   */
  proposeJoin(
    group: { readonly groupId: Uint8Array; readonly epoch: bigint },
    options: MessageOptions = {},
  ): Promise<Bytes> {
    const work = async (config: ClientConfig) => {
      const groupId = needBytes(group.groupId, "a group ID").slice();
      const { epoch } = group;
      const authenticatedData = copyOf(options.authenticatedData) ?? EMPTY;
      const own = await this.#newKeyPackage(config);
      const message = await createExternalProposal(this.#config, {
        groupId,
        epoch,
        sender: { senderType: SenderType.newMemberProposal },
        signer: this.#signer,
        proposal: { proposalType: ProposalType.add, keyPackage: own.keyPackage },
        authenticatedData,
      });
      return { own, message };
    };
    const finish = ({ own, message }: { own: OwnKeyPackage; message: Bytes }) => {
      this.#keyPackages.add(own);
      return message;
    };
    return this.#run(
      (config) => ({ work: () => work(config), finish }),
      ({ own }) => keysOfPackage(own),
      options,
    );
  }

  /**
   * Creates a subgroup (§11.3) of some members of a group, linked to it by a resumption PSK. They join by the Welcome,
   * and their clients check the link.
   * @param options `extensions`: GroupContext extensions; default: those of the group
   * @throws ValidationError if a new member isn't a member of the group; otherwise as {@link Group.commit}
   * @example
   * const { group, welcome } = await alice.branch(team, { add: [keyPackageOfBob] });
   */
  branch(from: Group, options: ResumptionOptions & GroupOptions): Promise<NewGroup> {
    const { groupId: chosen, extensions = from.extensions, ...resumption } = options;
    const groupId = copyOf(chosen) ?? this.#provider.random(this.#provider.suite.hash.Nh);
    return resume(
      (one) => this.createGroup(one),
      from,
      ResumptionPSKUsage.branch,
      { groupId, extensions },
      resumption,
    );
  }

  /**
   * Creates the group that a committed ReInit describes (§11.2). This client must use the ReInit's cipher suite, which
   * may differ from the old group's.
   * @param options `add`: key packages of all other members of the old group
   * @throws MlsError `usage` if the old group didn't end by ReInit; UnsupportedError for another suite;
   *   ValidationError unless the members are the same; otherwise as {@link Group.commit}
   * @example
   * const { group, welcome } = await alice.reinitialize(oldGroup, { add: [keyPackageOfBob] });
   */
  async reinitialize(from: Group, options: ResumptionOptions & OperationOptions): Promise<NewGroup> {
    const { groupId, extensions } = needOwnReinit(from.predecessor, this.cipherSuite);
    return resume(
      (one) => this.createGroup(one),
      from,
      ResumptionPSKUsage.reinit,
      { groupId, extensions },
      options,
    );
  }

  /**
   * The key packages whose private keys this client keeps: those that weren't used yet, and those that may be used more
   * than once. They open a Welcome also after their lifetime, since it may have been sent before: delete them when no
   * such Welcome can be on its way any more.
   * @example
   * for (const { reference, notAfter } of client.keyPackages()) {
   *   if (Number(notAfter) * 1000 < Date.now() - 7 * 86_400_000) client.deleteKeyPackage(reference);
   * }
   */
  keyPackages(): readonly KeyPackageInfo[] {
    return this.#keyPackages.infos;
  }

  /**
   * Deletes a key package with its private keys (§10): no Welcome for it can be opened any more.
   * @param reference its KeyPackageRef
   * @returns whether it was there
   * @example
   * client.deleteKeyPackage(reference);
   */
  deleteKeyPackage(reference: Uint8Array): boolean {
    return this.#keyPackages.delete(needBytes(reference, "a KeyPackageRef"));
  }

  /**
   * The unused key packages with their private keys, for {@link loadKeyPackages} of a client with the same identity.
   * Store the bytes as safely as keys.
   * @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys; `usage` if the client
   *   made its signer itself, so that nobody could use what is saved
   * @example
   * const saved = await client.saveKeyPackages();
   */
  saveKeyPackages(options: OperationOptions = {}): Promise<Bytes> {
    const work = async () => {
      const { all } = this.#keyPackages;
      for (const { keyPackage } of all) checkSavedSigner(this.#config, keyPackage.leafNode);
      return saveKeyPackages(this.#provider, all);
    };
    return perform({ work, finish: answer, drop: wipe }, options);
  }

  /**
   * Adds the key packages that {@link saveKeyPackages} saved. Load the latest bytes only: a key package that was used
   * since would open its Welcome again. Those of another identity are useless here: {@link join} lacks their signer. One whose keys a key store or a token doesn't have any more
   * was used or deleted since: it is left out.
   * @throws MlsError `state` for damaged or foreign bytes, or another suite; `try-again` if the provider can't find the
   *   keys now, with the `cause`; `usage` if one lists types that this client doesn't support
   * @example
   * await restarted.loadKeyPackages(saved);
   */
  loadKeyPackages(saved: Uint8Array, options: OperationOptions = {}): Promise<void> {
    const steps = (config: ClientConfig): Steps<readonly KeptKeyPackage[], void> => ({
      work: async () => loadKeyPackages(config, needBytes(saved, "saved key packages").slice()),
      finish: (loaded) => {
        for (const own of loaded) this.#keyPackages.add(own, own.joined);
      },
    });
    return this.#run(steps, (loaded) => loaded.flatMap(keysOfPackage), options);
  }
}
