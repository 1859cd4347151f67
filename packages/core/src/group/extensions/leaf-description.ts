// RFC 9420 §7.2, §13.5: the content of the own leaf nodes.
import { MlsError } from "../../errors.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { CryptoProvider } from "../../provider/index.js";
import { DEFAULT_EXTENSIONS } from "../../tree/index.js";
import {
  type Capabilities,
  CredentialType,
  type Extension,
  isGrease,
  isStandardType,
  ProtocolVersion,
} from "../../wire/index.js";
import type { Registry } from "./registry.js";

/**
 * The content of a new leaf node: what the client supports, and GREASE values (§13.5).
 * @param keyPackageExtensions those of the key package that the leaf node is for: its capabilities list them (§10)
 */
export function describeLeaf(
  registry: Registry,
  random: (length: number) => Uint8Array,
  { credential, capabilities: supported, extensions: chosen }: LeafDescription,
  keyPackageExtensions: readonly Extension[] = [],
): LeafDescription {
  const grease = registry.grease(random);
  const extensions = registry.leafNodeExtensions(chosen, random);
  const used = [...extensions, ...keyPackageExtensions].map(({ extensionType }) => extensionType);
  checkOwnTypes(used, supported);
  const list = (...types: readonly (readonly number[])[]) => [...new Set(types.flat())];
  return {
    credential,
    capabilities: {
      versions: supported.versions,
      cipherSuites: list(supported.cipherSuites, grease.cipherSuites),
      extensions: list(supported.extensions, grease.extensions, used.filter(isGrease)),
      proposals: list(supported.proposals, grease.proposals),
      credentials: list(supported.credentials, grease.credentials),
    },
    extensions,
  };
}

/**
 * Checks the extension types of an own leaf node or key package. Its capabilities would list them (§7.3, §10), and what
 * they list, others may use in the GroupContext: so the client must support it there too.
 * @throws MlsError `usage`
 */
function checkOwnTypes(types: readonly number[], { extensions }: Capabilities): void {
  const unknown = types.find(
    (type) => !DEFAULT_EXTENSIONS.has(type) && !extensions.includes(type) && !isGrease(type),
  );
  if (unknown === undefined) return;
  throw new MlsError(
    "usage",
    `expected extensions of types that the client supports, got type ${unknown}: give the client an extension that registers it, or list it in capabilities.extensions`,
  );
}

/** @throws MlsError `usage` for a default type, which `capabilities` must not list (§7.2) */
function withoutDefaults(
  kind: "extension" | "proposal",
  types: readonly number[] = [],
  isDefault: (type: number) => boolean,
): readonly number[] {
  const listed = types.find(isDefault);
  if (listed !== undefined) {
    throw new MlsError(
      "usage",
      `expected capabilities without the default types of RFC 9420 §7.2, got ${kind} type ${listed}`,
    );
  }
  return types;
}

/** @throws MlsError `usage` for a proposal type that isn't registered: the client couldn't decode such proposals */
function registered(types: readonly number[], supported: readonly number[]): readonly number[] {
  const unknown = types.find((type) => !supported.includes(type) && !isGrease(type));
  if (unknown !== undefined) {
    throw new MlsError(
      "usage",
      `expected capabilities with registered proposal types, got ${unknown}: give the client an extension that registers it`,
    );
  }
  return types;
}

/**
 * The capabilities of a client (§7.2): from its provider, its extensions, and what the application adds.
 * @throws MlsError `usage` if the application adds a default type, or a proposal type that isn't registered
 */
export function capabilitiesOf(
  crypto: CryptoProvider,
  { supported }: Registry,
  extra: ExtraCapabilities = {},
): Capabilities {
  return {
    versions: [ProtocolVersion.mls10],
    cipherSuites: crypto.suites.map(({ id }) => id),
    extensions: [
      ...withoutDefaults("extension", extra.extensions, (type) => DEFAULT_EXTENSIONS.has(type)),
      ...supported.extensions,
    ],
    proposals: [
      ...registered(withoutDefaults("proposal", extra.proposals, isStandardType), supported.proposals),
      ...supported.proposals,
    ],
    credentials: [
      ...(extra.credentials ?? [CredentialType.basic, CredentialType.x509]),
      ...supported.credentials,
    ],
  };
}

/** Types that the application supports (§7.2), besides the default ones and those of registered extensions. */
export interface ExtraCapabilities {
  /** The application must know what they mean in a GroupContext: others may use there what is listed. */
  readonly extensions?: readonly number[];
  /** Registered types, which are listed anyway, and GREASE values. */
  readonly proposals?: readonly number[];
  /** Credential types. Default: basic and X.509. */
  readonly credentials?: readonly number[];
}
