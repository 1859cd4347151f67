// RFC 9420 §7.2, §13.5: the content of the own leaf nodes.
import { MlsError } from "../../errors.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { CryptoProvider } from "../../provider/index.js";
import { DEFAULT_EXTENSIONS } from "../../tree/index.js";
import { type Capabilities, CredentialType, type Extension, ProtocolVersion } from "../../wire/index.js";
import type { Registry } from "./registry.js";
import { DEFAULT_PROPOSALS } from "./requirements.js";

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
  const added = [...extensions.slice(chosen.length), ...keyPackageExtensions]
    .map(({ extensionType }) => extensionType)
    .filter((type) => !DEFAULT_EXTENSIONS.has(type));
  const list = (...types: readonly (readonly number[])[]) => [...new Set(types.flat())];
  return {
    credential,
    capabilities: {
      versions: supported.versions,
      cipherSuites: list(supported.cipherSuites, grease.cipherSuites),
      extensions: list(supported.extensions, grease.extensions, added),
      proposals: list(supported.proposals, grease.proposals),
      credentials: list(supported.credentials, grease.credentials),
    },
    extensions,
  };
}

/** @throws MlsError `usage` for a default type, which `capabilities` must not list (§7.2) */
function withoutDefaults(
  kind: "extension" | "proposal",
  types: readonly number[] = [],
  defaults: ReadonlySet<number>,
): readonly number[] {
  const listed = types.find((type) => defaults.has(type));
  if (listed !== undefined) {
    throw new MlsError(
      "usage",
      `expected capabilities without the default types of RFC 9420 §7.2, got ${kind} type ${listed}`,
    );
  }
  return types;
}

/**
 * The capabilities of a client (§7.2): from its provider, its extensions, and what the application adds.
 * @throws MlsError `usage` if the application adds a default type
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
      ...withoutDefaults("extension", extra.extensions, DEFAULT_EXTENSIONS),
      ...supported.extensions,
    ],
    proposals: [...withoutDefaults("proposal", extra.proposals, DEFAULT_PROPOSALS), ...supported.proposals],
    credentials: [
      ...(extra.credentials ?? [CredentialType.basic, CredentialType.x509]),
      ...supported.credentials,
    ],
  };
}

/** Types that the application supports (§7.2), besides the default ones and those of registered extensions. */
export interface ExtraCapabilities {
  readonly extensions?: readonly number[];
  readonly proposals?: readonly number[];
  /** Credential types. Default: basic and X.509. */
  readonly credentials?: readonly number[];
}
