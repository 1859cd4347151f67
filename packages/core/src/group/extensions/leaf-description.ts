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
import type { ListedCapabilities } from "./extension-definition.js";
import type { Registry } from "./registry.js";

/** @throws MlsError `usage` for the first of these types that is wrong */
function refuse(
  types: readonly number[],
  isWrong: (type: number) => boolean,
  message: (type: number) => string,
): void {
  const wrong = types.find(isWrong);
  if (wrong !== undefined) throw new MlsError("usage", message(wrong));
}

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
  const extensions = registry.withDefaults("leafNode", chosen, random);
  const used = [...extensions, ...keyPackageExtensions].map(({ extensionType }) => extensionType);
  // The capabilities would list them (§7.3, §10), and what they list, others may use in the GroupContext: so the client
  // must support it there too.
  const isUnknown = (type: number) =>
    !DEFAULT_EXTENSIONS.has(type) && !supported.extensions.includes(type) && !isGrease(type);
  refuse(
    used,
    isUnknown,
    (type) =>
      `expected extensions of types that the client supports, got type ${type}: give the client an extension that registers it, or list it in capabilities.extensions`,
  );
  const list = (name: keyof ListedCapabilities, ...types: number[]) => [
    ...new Set([...supported[name], ...grease.flatMap((one) => one[name] ?? []), ...types]),
  ];
  return {
    credential,
    capabilities: {
      versions: supported.versions,
      cipherSuites: list("cipherSuites"),
      extensions: list("extensions", ...used.filter(isGrease)),
      proposals: list("proposals"),
      credentials: list("credentials"),
    },
    extensions,
  };
}

function refuseDefault(kind: string, type: number | undefined): void {
  if (type !== undefined)
    throw new MlsError(
      "usage",
      `expected capabilities without the default types of RFC 9420 §7.2, got ${kind} type ${type}`,
    );
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
  const { basic, x509 } = CredentialType;
  const { extensions = [], proposals = [], credentials = [basic, x509] } = extra;
  refuseDefault("extension", extensions.find(DEFAULT_EXTENSIONS.has, DEFAULT_EXTENSIONS));
  refuseDefault("proposal", proposals.find(isStandardType));
  // The client couldn't decode proposals of other types.
  refuse(
    proposals,
    (type) => !supported.proposals.includes(type) && !isGrease(type),
    (type) =>
      `expected capabilities with registered proposal types, got ${type}: give the client an extension that registers it`,
  );
  return {
    versions: [ProtocolVersion.mls10],
    cipherSuites: crypto.suites.map(({ id }) => id),
    extensions: [...extensions, ...supported.extensions],
    proposals: [...proposals, ...supported.proposals],
    credentials: [...credentials, ...supported.credentials],
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
