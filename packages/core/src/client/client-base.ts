// RFC 9420 §10, §12.1.8: a client without its groups: its identity and its key packages.
import { type Bytes, copied, needBytes, type Owned, wipe } from "../bytes.js";
import {
  checkSigner,
  guardHooksOf,
  guardProvider,
  KeyScope,
  makeKeyPackageRef,
  signWithLabel,
  validateSigner,
} from "../crypto/index.js";
import { MlsError } from "../errors.js";
import {
  type ClientConfig,
  checkSavedSigner,
  guardMember,
  isOver,
  needSigner,
  newLifetime,
} from "../group/index.js";
import { checkKeyPackageAlone, checkOwnLeaf } from "../group/proposals/index.js";
import { loadKeyPackages, saveKeyPackages } from "../group/storage/index.js";
import { createKeyPackage, type KeptKeyPackage, type OwnKeyPackage } from "../key-package/index.js";
import {
  answer,
  OPERATION,
  type OperationOptions,
  perform,
  type Steps,
  WRITE,
  type WriteOptions,
  withKeys,
} from "../operation/index.js";
import { checkOptions } from "../option-shapes.js";
import type {
  Awaitable,
  CipherSuite,
  CipherSuiteProvider,
  CryptoProvider,
  HpkePrivateKey,
  Signer,
} from "../provider/index.js";
import {
  basicCredential,
  type Credential,
  KeyPackage,
  type PreSharedKeyID,
  readKeyPackage,
  writeKeyPackage,
} from "../wire/index.js";
import {
  detailsOf,
  type KeyPackageDetails,
  type KeyPackageInfo,
  KeyPackageStore,
  keysOfPackage,
} from "./key-packages.js";
import { type ClientOptions, configOf, KEY_PACKAGE, type KeyPackageOptions } from "./options.js";

/** Gives an operation copies of saved bytes: to read one overwrites it, and the operation may have to read another. */
export async function withCopies<T>(
  saved: Uint8Array,
  name: string,
  use: (copy: () => Uint8Array) => Promise<T>,
): Promise<T> {
  const bytes = needBytes(saved, name).slice();
  try {
    return await use(() => bytes.slice());
  } finally {
    wipe(bytes);
  }
}

/** One identity in one cipher suite, with its key packages. */
export abstract class ClientBase {
  // In private fields, so that printing a client shows nothing of them.
  readonly #crypto: CryptoProvider;
  readonly #externalPsk: ClientOptions["externalPsk"];
  readonly #configOfGroups: ClientConfig;
  readonly #config: ClientConfig;
  readonly #kept: KeyPackageStore;

  protected constructor(
    options: ClientOptions,
    provider: CipherSuiteProvider,
    signer: Signer,
    keepSigner?: (signer: Signer) => void,
  ) {
    const { credential } = options;
    this.#crypto = options.crypto;
    const { externalPsk } = guardHooksOf({ externalPsk: options.externalPsk }, "externalPsk", (hook) =>
      hook(),
    );
    this.#externalPsk = externalPsk;
    const own = typeof credential === "string" ? basicCredential(credential) : credential;
    this.#configOfGroups = {
      isOpen: (groupId) => this.isOpen(groupId),
      ...configOf(options, provider, own, signer, (id) => this.findPsk(id), keepSigner),
    };
    this.#config = guardMember(this.#configOfGroups, (hook) => hook());
    this.#kept = new KeyPackageStore(provider.hpke, (key) => this.needsKey(key));
  }

  protected abstract findPsk(id: PreSharedKeyID): Awaitable<Uint8Array | undefined>;
  protected abstract isOpen(groupId: Uint8Array): boolean;
  /** Whether an open group has a private key. */
  protected abstract needsKey(key: HpkePrivateKey): boolean;

  protected get provider(): CipherSuiteProvider {
    return this.config.provider;
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

  /** The key packages, without those that expired too long ago: each use ends the keys of those. */
  protected get kept(): KeyPackageStore {
    this.#kept.endExpired((lifetime) => isOver(lifetime, this.config.policy));
    return this.#kept;
  }

  get cipherSuite(): CipherSuite {
    return copied(this.provider.suite);
  }

  /** That of new key packages: the option's, or the one that a group with the client's signer switched to last. */
  get credential(): Owned<Credential> {
    return copied(this.config.identity.credential);
  }

  /** `Npk` bytes. That of new key packages: the option's, or the one that a group with it switched to last. */
  get signatureKey(): Bytes {
    return this.config.identity.signatureKey.slice();
  }

  /** Adds a signer that restored groups need, because they switched to it. @throws UnsupportedError */
  addSigner(signer: Signer): void {
    checkSigner(this.provider, signer);
    this.config.addSigner(signer, true);
  }

  protected get signer(): Signer {
    return needSigner(this.config, this.config.identity);
  }

  /** Runs an operation of the client, as all of them are run. */
  protected perform<R, T>(steps: Steps<R, T>, options: WriteOptions<T>): Promise<T> {
    return perform(steps, options);
  }

  /** Runs an operation. The private keys that it makes end with it, except those of its result. */
  protected run<R, T>(
    make: (config: ClientConfig) => Steps<R, T>,
    keysIn: (result: R) => Iterable<HpkePrivateKey>,
    options: WriteOptions<T>,
  ): Promise<T> {
    const scope = new KeyScope(this.provider);
    const steps = make({ ...this.config, provider: scope.provider });
    return this.perform(
      withKeys(scope, steps, (result) => (result === undefined ? [] : keysIn(result))),
      options,
    );
  }

  /**
   * Signs for this client outside of groups, by SignWithLabel (§5.1.2): to log in at a service, for example. `verifyWithLabel` of
   * `@copse/core/extension` checks it. The signer is that of new key packages: see {@link signatureKey}.
   * @param label what it is for, so that the signature is good for nothing else: 1 to 100 printable ASCII characters. Those of
   *   the protocol's own signatures end in `TBS`, and none of the application may
   * @param content should have a challenge of who asks, and who that is
   * @throws MlsError `usage`, `missing-signer`; CryptoError
   * @example
   * const signature = await client.sign("chat.example login", challenge);
   */
  async sign(label: string, content: Uint8Array, options: OperationOptions = {}): Promise<Bytes> {
    checkOptions(options, OPERATION);
    if (typeof label !== "string" || !/^[ -~]{1,100}$/.test(label) || label.endsWith("TBS"))
      throw new MlsError(
        "usage",
        'expected a label of 1 to 100 printable ASCII characters that doesn\'t end in "TBS"',
      );
    const bytes = needBytes(content, "the content").slice();
    const work = async () => (await signWithLabel(this.signer, label, bytes)).slice();
    return perform({ work, finish: answer }, options);
  }

  /** The signer of an option as an operation calls it, or else the client's. @throws as {@link validateSigner} */
  protected async signerOr(given: Signer | undefined): Promise<Signer> {
    if (given === undefined) return this.signer;
    await validateSigner(this.provider, given);
    return this.config.guard(given);
  }

  /** A new key package of this client. @internal */
  async newKeyPackage(
    config: ClientConfig,
    { extensions: chosen = [], lifetime, capabilities, signer }: KeyPackageOptions = {},
  ): Promise<OwnKeyPackage> {
    const { provider, registry, policy } = config;
    const extensions = registry.withDefaults("keyPackage", chosen, (length) => provider.random(length));
    const leaf = config.describeLeaf(extensions, capabilities);
    checkOwnLeaf(config, leaf);
    const by = await this.signerOr(signer);
    return createKeyPackage(provider, by, leaf, lifetime ?? newLifetime(policy), extensions);
  }

  /**
   * Makes a key package (§10), with which a member can add this client to one group. The client keeps its private
   * keys: see {@link saveKeyPackages}. The raw form is that of {@link unframe}; {@link readKeyPackage} says its reference
   * and lifetime, for whoever stores it.
   * @returns an encoded MLSMessage
   * @throws MlsError `usage` for extensions or capabilities that the client doesn't support; UnsupportedError for a
   *   signer of another scheme
   * @example
   * await group.add(await bob.createKeyPackage());
   */
  async createKeyPackage(options: KeyPackageOptions = {}): Promise<Bytes> {
    const chosen = checkOptions(options, KEY_PACKAGE);
    return this.adopt(async (config) => {
      const own = await this.newKeyPackage(config, chosen);
      const message = writeKeyPackage(own.keyPackage);
      const finish = () => {
        if (chosen.signer !== undefined) this.config.addSigner(chosen.signer);
        return message;
      };
      return [own, finish];
    }, chosen);
  }

  /**
   * Keeps a key package that `make` returns, with its private keys.
   * @returns what the function gives that `make` returns besides, and that is called then
   * @internal
   */
  adopt<T>(
    make: (config: ClientConfig) => Promise<readonly [own: OwnKeyPackage, finish: () => T]>,
    options: WriteOptions<T>,
  ): Promise<T> {
    const steps = (config: ClientConfig): Steps<readonly [OwnKeyPackage, () => T], T> => ({
      work: () => make(config),
      finish: ([own, finish]) => {
        this.kept.addNew(own);
        return finish();
      },
    });
    return this.run(steps, ([own]) => keysOfPackage(own), options);
  }

  /**
   * Reads and verifies a key package (§10) of anybody, to look at before it is added: its signatures, its keys, and whose
   * it is, by the authentication service. Its lifetime is data here; what a group requires of new members is checked
   * when it is added.
   * @param keyPackage an encoded MLSMessage, or a raw KeyPackage; of any suite that the provider serves
   * @throws UnsupportedError for another suite, as nothing can be verified then: {@link readMessage} shows it;
   *   MlsError `authentication`, `limit`; ValidationError, CryptoError, DecodeError
   * @example
   * const { credential, expired } = await alice.readKeyPackage(bytes);
   */
  async readKeyPackage(keyPackage: Uint8Array, options: OperationOptions = {}): Promise<KeyPackageDetails> {
    checkOptions(options, OPERATION);
    const read = readKeyPackage(keyPackage);
    const work = async (config: ClientConfig) => {
      const { cipherSuite } = read;
      const provider =
        cipherSuite === config.provider.suite.id
          ? config.provider
          : guardProvider(this.#crypto.suite(cipherSuite));
      await checkKeyPackageAlone({ ...config, provider }, read);
      const reference = await makeKeyPackageRef(provider, KeyPackage.encoding(read));
      return detailsOf(read, reference, config);
    };
    const steps = (config: ClientConfig): Steps<KeyPackageDetails, KeyPackageDetails> => ({
      work: () => work(config),
      finish: answer,
    });
    return this.run(steps, () => [], options);
  }

  /**
   * The key packages whose private keys this client keeps: those that weren't used yet, and those that may be used more
   * than once. Don't offer those that are `expired` any more: nobody can add them. They open a Welcome for a while still
   * (`policy.keyPackageGrace`), since it may have been sent before.
   * @example
   * const left = client.keyPackages().filter(({ expired, lastResort }) => !expired && !lastResort);
   * if (left.length < 10) await publish(await client.createKeyPackage());
   */
  keyPackages(): readonly KeyPackageInfo[] {
    return this.kept.all.map((own) => {
      const { reference, notBefore, notAfter, expired, lastResort } = detailsOf(
        own.keyPackage,
        own.reference,
        this.config,
      );
      return { reference, notBefore, notAfter, expired, lastResort };
    });
  }

  /**
   * Deletes a key package with its private keys (§10): no Welcome for it can be opened any more.
   * @param reference its KeyPackageRef
   * @returns whether it was there
   * @example
   * await client.deleteKeyPackage(reference);
   */
  async deleteKeyPackage(reference: Uint8Array, options: WriteOptions<boolean> = {}): Promise<boolean> {
    checkOptions(options, WRITE);
    const id = needBytes(reference, "a KeyPackageRef").slice();
    return this.perform({ work: () => undefined, finish: () => this.kept.delete(id) }, options);
  }

  /**
   * The unused key packages with their private keys, for {@link loadKeyPackages} of a client with the same identity.
   * Store the bytes as safely as keys.
   * @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys; `usage` if the client
   *   made its signer itself and has no storage, so that nobody could use what is saved
   * @example
   * const saved = await client.saveKeyPackages();
   */
  async saveKeyPackages(options: OperationOptions = {}): Promise<Bytes> {
    checkOptions(options, OPERATION);
    const work = async () => {
      const { all } = this.kept;
      for (const { keyPackage } of all) checkSavedSigner(this.config, keyPackage.leafNode);
      this.kept.recorded(all);
      return saveKeyPackages(this.provider, all);
    };
    return this.perform({ work, finish: answer, drop: wipe }, options);
  }

  /**
   * Adds the key packages that {@link saveKeyPackages} saved, if they aren't here already. Load the latest bytes only: a key
   * package that was used since would open its Welcome again. Those of another identity are useless here: {@link join} lacks
   * their signer. One whose keys a key store or a token doesn't have any more, or that has left this client's storage since it
   * was opened, was used or deleted: it is left out.
   * @throws MlsError `state` for damaged or foreign bytes, or another suite; `try-again` if the provider can't find the
   *   keys now, with the `cause`; `usage` if one lists types that this client doesn't support
   * @example
   * await restarted.loadKeyPackages(saved);
   */
  async loadKeyPackages(saved: Uint8Array, options: OperationOptions = {}): Promise<void> {
    checkOptions(options, OPERATION);
    return withCopies(saved, "saved key packages", (copy) => {
      const steps = (config: ClientConfig): Steps<readonly KeptKeyPackage[], void> => ({
        work: async () => loadKeyPackages(config, copy()),
        finish: (loaded) => this.kept.bringIn(loaded),
        bringsIn: true,
      });
      return this.run(steps, (loaded) => loaded.flatMap(keysOfPackage), options);
    });
  }
}
