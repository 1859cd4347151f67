// RFC 9420 §5.1.2, §8.4, §13: the configuration of a group: what its steps use besides its state.
import { toHex } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { LeafDescription } from "../key-package/index.js";
import type { Awaitable, CipherSuiteProvider, Signer } from "../provider/index.js";
import type { Capabilities, Credential, Extension, LeafNode, PreSharedKeyID } from "../wire/index.js";
import type { AuthenticationService } from "./authentication.js";
import type { ExtraCapabilities, Registry } from "./extensions/index.js";
import type { Policy } from "./policy.js";

/** The configuration of a group, for members and followers. */
export interface GroupConfig {
  readonly provider: CipherSuiteProvider;
  readonly authentication: AuthenticationService;
  readonly policy: Policy;
  /** Returns a pre-shared key; `undefined` if it isn't known here. */
  readonly psk: (id: PreSharedKeyID) => Awaitable<Uint8Array | undefined>;
  /** The extensions of the protocol. */
  readonly registry: Registry;
  /** What this client supports, without GREASE values and default types; `undefined` for followers. */
  readonly own?: Capabilities | undefined;
  /** Whether this client is in a group with an ID; `undefined` for followers. */
  readonly isOpen?: ((groupId: Uint8Array) => boolean) | undefined;
}

/**
 * The asynchronous context of the runtime, by its shape: an `AsyncLocalStorage` of `node:async_hooks` fits. It tells
 * which operation a hook belongs to, also after the hook's first `await`.
 */
export interface AsyncContext {
  run<T>(store: unknown, work: () => T): T;
  getStore(): unknown;
}

/** The configuration of a group for members. */
export interface ClientConfig extends GroupConfig {
  readonly asyncContext: AsyncContext | undefined;
  /**
   * The content of a new leaf node of the client, and of a key package with these extensions.
   * @param capabilities in the place of those that the client's options list besides
   */
  describeLeaf(
    keyPackageExtensions?: readonly Extension[],
    capabilities?: ExtraCapabilities,
  ): LeafDescription;
  /** The client's signer with a public key. */
  signerFor(publicKey: Uint8Array): Signer | undefined;
  /** A signer that an operation was given, as the operation calls it. */
  guard(signer: Signer): Signer;
  /** Adds a signer, such as one that a group switches to. @param isKept whether the application keeps it for the next start */
  addSigner(signer: Signer, isKept?: boolean): void;
  /** Whether nobody but this client holds a signer, so that no other client could restore what it saves. */
  isUnsaved(signer: Signer): boolean;
  /** That of new leaf nodes and key packages. It changes when a group switches to another one. */
  readonly identity: { signatureKey: Uint8Array; credential: Credential };
}

/** The signer for a leaf node. @throws MlsError `missing-signer` if the client has none */
export function needSigner(config: ClientConfig, { signatureKey }: Pick<LeafNode, "signatureKey">): Signer {
  const signer = config.signerFor(signatureKey);
  if (signer === undefined) {
    const got = toHex(signatureKey.subarray(0, 16));
    throw new MlsError(
      "missing-signer",
      `expected a signer with the public key ${got}..., which the client's leaf has: pass it to addSigner()`,
    );
  }
  return signer;
}

/**
 * Checks that what is saved with this leaf can be restored: that the application holds its signer.
 * @throws MlsError `usage` for the signer that the client made for itself
 */
export function checkSavedSigner(config: ClientConfig, leafNode: LeafNode): void {
  if (config.isUnsaved(needSigner(config, leafNode))) {
    throw new MlsError(
      "usage",
      "nobody could restore this state: the client made its signer itself, and signers are never saved; create the client with options.signer, whose key you store",
    );
  }
}
