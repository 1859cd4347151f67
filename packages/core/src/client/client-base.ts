// RFC 9420 §10, §12.1.8: a client without its groups: its identity and its key packages.
import { type Bytes, copied, copyOf, EMPTY, needBytes, wipe } from "../bytes.js";
import { checkSigner, guardHooksOf, KeyScope } from "../crypto/index.js";
import { type ClientConfig, checkSavedSigner, guardMember, needSigner, newLifetime } from "../group/index.js";
import { createExternalProposal } from "../group/proposals/index.js";
import { loadKeyPackages, saveKeyPackages } from "../group/storage/index.js";
import { createKeyPackage, type KeptKeyPackage, type OwnKeyPackage } from "../key-package/index.js";
import type {
  Awaitable,
  CipherSuite,
  CipherSuiteProvider,
  HpkePrivateKey,
  Signer,
} from "../provider/index.js";
import {
  basicCredential,
  type Credential,
  type PreSharedKeyID,
  ProposalType,
  SenderType,
  writeKeyPackage,
} from "../wire/index.js";
import { configOf } from "./config.js";
import type { MessageOptions } from "./group-options.js";
import { type KeyPackageInfo, KeyPackageStore, keysOfPackage } from "./key-packages.js";
import { answer, type OperationOptions, perform, type Steps, withKeys } from "./operation.js";
import type { ClientOptions, KeyPackageOptions } from "./options.js";

/** One identity in one cipher suite, with its key packages. */
export abstract class ClientBase {
  // In private fields, so that printing a client shows nothing of them.
  readonly #provider: CipherSuiteProvider;
  readonly #externalPsk: ClientOptions["externalPsk"];
  readonly #configOfGroups: ClientConfig;
  readonly #config: ClientConfig;
  readonly #kept: KeyPackageStore;

  protected constructor(options: ClientOptions, provider: CipherSuiteProvider, signer: Signer) {
    const { credential } = options;
    this.#provider = provider;
    const { externalPsk } = guardHooksOf({ externalPsk: options.externalPsk }, "externalPsk", (hook) =>
      hook(),
    );
    this.#externalPsk = externalPsk;
    const own = typeof credential === "string" ? basicCredential(credential) : copied(credential);
    this.#configOfGroups = {
      ...configOf(options, provider, own, signer, (id) => this.findPsk(id)),
      isOpen: (groupId) => this.isOpen(groupId),
    };
    this.#config = guardMember(this.#configOfGroups, (hook) => hook());
    this.#kept = new KeyPackageStore(provider.hpke, ({ keyPackage }) =>
      this.#config.registry.isReusable(keyPackage),
    );
  }

  protected abstract findPsk(id: PreSharedKeyID): Awaitable<Uint8Array | undefined>;
  protected abstract isOpen(groupId: Uint8Array): boolean;

  protected get provider(): CipherSuiteProvider {
    return this.#provider;
  }

  protected get externalPsk(): ClientOptions["externalPsk"] {
    return this.#externalPsk;
  }

  /** For groups, each of which calls the hooks under its own lock. */
  protected get configOfGroups(): ClientConfig {
    return this.#configOfGroups;
  }

  /** For operations without a lock. */
  protected get config(): ClientConfig {
    return this.#config;
  }

  protected get kept(): KeyPackageStore {
    return this.#kept;
  }

  get cipherSuite(): CipherSuite {
    return this.provider.suite;
  }

  /** That of new key packages: the option's, or the one that a group switched to last. */
  get credential(): Credential {
    return copied(this.config.identity.credential);
  }

  /** `Npk` bytes. That of new key packages: the option's, or the one that a group switched to last. */
  get signatureKey(): Bytes {
    return this.config.identity.signatureKey.slice();
  }

  /** Adds a signer that restored groups need, because they switched to it. @throws UnsupportedError */
  addSigner(signer: Signer): void {
    checkSigner(this.provider, signer);
    this.config.addSigner(signer);
  }

  protected get signer(): Signer {
    return needSigner(this.config, this.config.identity);
  }

  /** Runs an operation. The private keys that it makes end with it, except those of its result. */
  protected run<R, T>(
    make: (config: ClientConfig) => Steps<R, T>,
    keysIn: (result: R) => Iterable<HpkePrivateKey>,
    options: OperationOptions,
  ): Promise<T> {
    const scope = new KeyScope(this.provider);
    const steps = make({ ...this.config, provider: scope.provider });
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
    const leaf = this.config.describeLeaf(extensions);
    return createKeyPackage(provider, this.signer, leaf, lifetime ?? newLifetime(policy), extensions);
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
      this.kept.add(own);
      return writeKeyPackage(own.keyPackage);
    };
    const work = (config: ClientConfig) => this.#newKeyPackage(config, options);
    return this.run((config) => ({ work: () => work(config), finish }), keysOfPackage, options);
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
      const message = await createExternalProposal(this.config, {
        groupId,
        epoch,
        sender: { senderType: SenderType.newMemberProposal },
        signer: this.signer,
        proposal: { proposalType: ProposalType.add, keyPackage: own.keyPackage },
        authenticatedData,
      });
      return { own, message };
    };
    const finish = ({ own, message }: { own: OwnKeyPackage; message: Bytes }) => {
      this.kept.add(own);
      return message;
    };
    return this.run(
      (config) => ({ work: () => work(config), finish }),
      ({ own }) => keysOfPackage(own),
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
    return this.kept.infos;
  }

  /**
   * Deletes a key package with its private keys (§10): no Welcome for it can be opened any more.
   * @param reference its KeyPackageRef
   * @returns whether it was there
   * @example
   * client.deleteKeyPackage(reference);
   */
  deleteKeyPackage(reference: Uint8Array): boolean {
    return this.kept.delete(needBytes(reference, "a KeyPackageRef"));
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
      const { all } = this.kept;
      for (const { keyPackage } of all) checkSavedSigner(this.config, keyPackage.leafNode);
      return saveKeyPackages(this.provider, all);
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
        for (const own of loaded) this.kept.add(own, own.joined);
      },
    });
    return this.run(steps, (loaded) => loaded.flatMap(keysOfPackage), options);
  }
}
