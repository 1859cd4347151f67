// RFC 9420 §7.2, §13.5: what the own leaf nodes say.
import type { LeafDescription } from "../../key-package/index.js";
import type { CryptoProvider } from "../../provider/index.js";
import { type Capabilities, CredentialType, ProtocolVersion } from "../../wire/index.js";
import type { Registry } from "./registry.js";

/** What a new leaf node says: what is supported, and values that others are to ignore (§13.5). */
export function describeLeaf(
  registry: Registry,
  random: (length: number) => Uint8Array,
  { credential, capabilities: supported, extensions: given }: LeafDescription,
): LeafDescription {
  const grease = registry.grease(random);
  const extensions = registry.leafNodeExtensions(given, random);
  const added = extensions.slice(given.length).map(({ extensionType }) => extensionType);
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

/** What leaf nodes advertise: what the provider at hand serves, and what the application says (§7.2). */
export function capabilitiesOf(
  crypto: CryptoProvider,
  { supported }: Registry,
  extra: ExtraCapabilities = {},
): Capabilities {
  return {
    versions: [ProtocolVersion.mls10],
    cipherSuites: crypto.suites.map(({ id }) => id),
    extensions: [...(extra.extensions ?? []), ...supported.extensions],
    proposals: [...(extra.proposals ?? []), ...supported.proposals],
    credentials: [
      ...(extra.credentials ?? [CredentialType.basic, CredentialType.x509]),
      ...supported.credentials,
    ],
  };
}

/** What a client supports besides what every client does (§7.2). */
export interface ExtraCapabilities {
  readonly extensions?: readonly number[];
  readonly proposals?: readonly number[];
  /** Credential types; basic and X.509 if left out. */
  readonly credentials?: readonly number[];
}
