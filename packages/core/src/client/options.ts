// RFC 9420 §10, §11, §12.4.3: the options of a client, and of creating and joining groups; and what its groups share.
// Each interface has a shape, which the calls check.
import { type Bytes, equalBytes } from "../bytes.js";
import {
  capabilitiesOf,
  describeLeaf,
  type ExtraCapabilities,
  type MlsExtension,
  Registry,
} from "../group/extensions/index.js";
import {
  type AsyncContext,
  type AuthenticationService,
  type ClientConfig,
  POLICY,
  type Policy,
  policyOf,
} from "../group/index.js";
import { OPERATION, type OperationOptions, WRITE, type WriteOptions } from "../operation/index.js";
import { needed, type OptionShape } from "../option-shapes.js";
import type { Awaitable, CipherSuiteProvider, CryptoProvider, Signer } from "../provider/index.js";
import type { Credential, Extension, Lifetime } from "../wire/index.js";
import type { Group } from "./group.js";
import { EXTENSIONS, IDENTITY_OR_NAME, listOf } from "./group-options.js";

export interface KeyPackageOptions extends WriteOptions<Bytes> {
  /**
   * KeyPackage extensions. The capabilities of the leaf node list their types (§10), so the client must support them: by
   * an extension that registers the type, or by `capabilities.extensions`.
   */
  readonly extensions?: readonly Extension[];
  /** When the key package is valid, in seconds since the Unix epoch (§7.2). Default: as `policy.lifetime` says. */
  readonly lifetime?: Lifetime;
  /** What its leaf node lists besides (§7.2), in the place of the client's `capabilities`: nothing that those lack. */
  readonly capabilities?: ExtraCapabilities;
  /**
   * Signs for this client in the group that it is added to by this key package, in the place of the client's signer, so
   * that nobody can link the two. It isn't saved with the key package: {@link Client.addSigner} adds it after a restart.
   */
  readonly signer?: Signer | undefined;
}

export interface ClientOptions extends OperationOptions {
  readonly crypto: CryptoProvider;
  /** The code point of the cipher suite (§17.1). Default: the provider's first. */
  readonly suite?: number;
  /** The identity: a credential, or a name for a basic one. */
  readonly credential: Credential | string;
  /** Validates credentials (§5.3.1). Required: without it nobody is authenticated. */
  readonly authentication: AuthenticationService;
  /**
   * Signs for this client. Default: a new key pair of the provider, for clients that live in memory only: without the
   * signer no state could be restored, so that none can be saved.
   */
  readonly signer?: Signer;
  readonly policy?: Partial<Policy>;
  /** What the own leaf nodes list besides (§7.2). The default types of RFC 9420 aren't listed: `usage`. */
  readonly capabilities?: ExtraCapabilities;
  /** Extensions of the own leaf nodes (§7.2), such as `application_id`. The client must support their types. */
  readonly leafExtensions?: readonly Extension[];
  /** Returns the external PSK with an ID (§8.4); `undefined` if it isn't known. */
  readonly externalPsk?: (id: Uint8Array) => Awaitable<Uint8Array | undefined>;
  /**
   * How to tell, after an `await` in a hook, that a call comes from the hook: it gets the error `reentrant`, where it
   * would wait for itself. On Node, Deno and Bun: `new AsyncLocalStorage()` of `node:async_hooks`. Without it, only calls
   * before a hook's first `await` are told.
   */
  readonly asyncContext?: AsyncContext;
  /** Extensions of the protocol (§13). Their types go into the capabilities. */
  readonly extensions?: readonly MlsExtension[];
}

export interface GroupOptions extends WriteOptions<Group> {
  /** 1 to 1,024 bytes. Default: `Nh` random bytes. */
  readonly groupId?: Uint8Array;
  /** GroupContext extensions. */
  readonly extensions?: readonly Extension[];
  /**
   * Signs for this client in this group, in the place of the client's signer, so that nobody can link the two. It isn't
   * saved with the group: {@link Client.addSigner} adds it after a restart.
   */
  readonly signer?: Signer | undefined;
}

/** The options of {@link Client.readWelcome}. */
export interface ReadWelcomeOptions extends OperationOptions {
  /** The encoded tree. Needed if the Welcome doesn't carry it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /**
   * The group that this one must resume (§11.2, §11.3): the Welcome of another is refused. Needed if another client has
   * that group: after a change of the suite. `Group.resumes` tells which group was resumed.
   */
  readonly previous?: Group | undefined;
}

/** The options of {@link StagedWelcome.join}. */
export interface JoinStagedOptions extends WriteOptions<Group> {
  /**
   * Whether the new group replaces one with the same ID that is open here. That is closed once the new one is known to
   * be valid; until then it goes on. Default: false, and the call fails.
   */
  readonly replace?: boolean | undefined;
}

/** The options of {@link Client.join}. */
export interface JoinOptions extends ReadWelcomeOptions, JoinStagedOptions {}

export const CAPABILITIES: OptionShape<ExtraCapabilities> = {
  extensions: listOf("number"),
  proposals: listOf("number"),
  credentials: listOf("number"),
};

export const KEY_PACKAGE: OptionShape<KeyPackageOptions> = {
  ...WRITE,
  extensions: EXTENSIONS,
  lifetime: { notBefore: needed("bigint"), notAfter: needed("bigint") },
  capabilities: CAPABILITIES,
  signer: "object",
};

export const CLIENT: OptionShape<ClientOptions> = {
  ...OPERATION,
  crypto: "object",
  suite: "number",
  credential: IDENTITY_OR_NAME,
  authentication: "object",
  signer: "object",
  policy: POLICY,
  capabilities: CAPABILITIES,
  leafExtensions: EXTENSIONS,
  externalPsk: "function",
  asyncContext: "object",
  extensions: listOf("object"),
};

export const NEW_GROUP: OptionShape<GroupOptions> = {
  ...WRITE,
  groupId: "bytes",
  extensions: EXTENSIONS,
  signer: "object",
};

export const READ_WELCOME: OptionShape<ReadWelcomeOptions> = {
  ...OPERATION,
  ratchetTree: "bytes",
  previous: "object",
};

export const JOIN_STAGED: OptionShape<JoinStagedOptions> = { ...WRITE, replace: "boolean" };

export const JOIN: OptionShape<JoinOptions> = { ...READ_WELCOME, ...JOIN_STAGED };

/** The configuration of a client's groups. @param keep is called with a signer that an operation was given @throws MlsError `usage` */
export function configOf(
  { crypto, authentication, policy, extensions, asyncContext, ...options }: ClientOptions,
  provider: CipherSuiteProvider,
  credential: Credential,
  signer: Signer,
  psk: ClientConfig["psk"],
  keep?: (signer: Signer) => void,
): ClientConfig {
  const registry = new Registry(extensions);
  const capabilities = capabilitiesOf(crypto, registry, options.capabilities);
  const identity = { signatureKey: signer.publicKey.slice(), credential };
  const { leafExtensions = [] } = options;
  // One for each key. Of two with one key, the latest is used.
  let signers = [signer];
  return {
    provider,
    authentication,
    policy: policyOf(policy),
    psk,
    registry,
    asyncContext,
    own: capabilities,
    identity,
    describeLeaf: (keyPackageExtensions, chosen) => {
      const listed = chosen === undefined ? capabilities : capabilitiesOf(crypto, registry, chosen);
      const own = { credential: identity.credential, capabilities: listed, extensions: leafExtensions };
      return describeLeaf(registry, (length) => provider.random(length), own, keyPackageExtensions);
    },
    signerFor: (publicKey) => signers.find((one) => equalBytes(one.publicKey, publicKey)),
    guard: (added) => added,
    addSigner: (added, isKept) => {
      if (!isKept) keep?.(added);
      const others = signers.filter((one) => !equalBytes(one.publicKey, added.publicKey));
      signers = [added, ...others];
    },
    isUnsaved: (one) =>
      options.signer === undefined && signers.includes(signer) && equalBytes(one.publicKey, signer.publicKey),
  };
}
