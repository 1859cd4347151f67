// RFC 9420 §11.1, §12.1.8.1, §12.4.3.2: the extensions that the protocol itself reads, and what a group asks of members.
import { encode } from "../../codec/index.js";
import { ensure } from "../../errors.js";
import type { CipherSuite } from "../../provider/index.js";
import { DEFAULT_EXTENSIONS, type TreeSummary } from "../../tree/index.js";
import {
  checkUniqueTypes,
  type Extension,
  ExtensionType,
  type ExternalSender,
  ExternalSenders,
  findExtension,
  type LeafNode,
  ProtocolVersion,
  RequiredCapabilities,
} from "../../wire/index.js";

/** The GroupContext extension `required_capabilities` (§11.1). Types that every client supports needn't be listed. */
export function requiredCapabilities(required: Partial<RequiredCapabilities>): Extension {
  const { extensionTypes = [], proposalTypes = [], credentialTypes = [] } = required;
  return {
    extensionType: ExtensionType.requiredCapabilities,
    extensionData: encode(RequiredCapabilities, { extensionTypes, proposalTypes, credentialTypes }),
  };
}

/** The GroupContext extension `external_senders` (§12.1.8.1): who may propose from outside of the group. */
export function externalSenders(senders: readonly ExternalSender[]): Extension {
  return {
    extensionType: ExtensionType.externalSenders,
    extensionData: encode(ExternalSenders, senders),
  };
}

/** RFC 9420 §17.4: the proposal types that every client supports and that no `capabilities` list (§7.2). */
const DEFAULT_PROPOSALS: ReadonlySet<number> = /* @__PURE__ */ new Set([1, 2, 3, 4, 5, 6, 7]);

/** What every member of a group must support. */
export interface GroupRequirements {
  readonly cipherSuite: number;
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

/**
 * What a group with these GroupContext extensions asks of its members (§11.1, §13.4). Default types are left out.
 * @throws ValidationError if two extensions have one type; DecodeError if `required_capabilities` is malformed
 */
export function requirementsOf(suite: CipherSuite, extensions: readonly Extension[]): GroupRequirements {
  checkUniqueTypes(extensions);
  const required = findExtension(extensions, ExtensionType.requiredCapabilities, RequiredCapabilities);
  const inUse = extensions.map(({ extensionType }) => extensionType);
  return {
    cipherSuite: suite.id,
    extensions: [...inUse, ...(required?.extensionTypes ?? [])].filter((t) => !DEFAULT_EXTENSIONS.has(t)),
    proposals: (required?.proposalTypes ?? []).filter((type) => !DEFAULT_PROPOSALS.has(type)),
    credentials: required?.credentialTypes ?? [],
  };
}

interface Lists {
  readonly versions: (value: number) => boolean;
  readonly cipherSuites: (value: number) => boolean;
  readonly extensions: (value: number) => boolean;
  readonly proposals: (value: number) => boolean;
  readonly credentials: (value: number) => boolean;
}

function checkSupport(lists: Lists, requirements: GroupRequirements, who: () => string): void {
  const { cipherSuite, extensions, proposals, credentials } = requirements;
  ensure(
    lists.versions(ProtocolVersion.mls10) && lists.cipherSuites(cipherSuite),
    "11.1: all members need to support the cipher suite and protocol version in use",
    who,
  );
  for (const type of extensions) {
    ensure(
      lists.extensions(type),
      "13.4: the capabilities must indicate support for each extension in the GroupContext and those it requires",
      () => `extension type ${type}, ${who()}`,
    );
  }
  for (const type of proposals) {
    ensure(
      lists.proposals(type),
      "7.3: the proposal types of required_capabilities must be in the capabilities",
      () => `proposal type ${type}, ${who()}`,
    );
  }
  for (const type of credentials) {
    ensure(
      lists.credentials(type),
      "7.3: the credential types of required_capabilities must be in the capabilities",
      () => `credential type ${type}, ${who()}`,
    );
  }
}

/** Whether a leaf node's capabilities do for a group. @throws ValidationError */
export function checkCapabilities({ capabilities }: LeafNode, requirements: GroupRequirements): void {
  checkSupport(
    {
      versions: (value) => capabilities.versions.includes(value),
      cipherSuites: (value) => capabilities.cipherSuites.includes(value),
      extensions: (value) => capabilities.extensions.includes(value),
      proposals: (value) => capabilities.proposals.includes(value),
      credentials: (value) => capabilities.credentials.includes(value),
    },
    requirements,
    () => "in a leaf node",
  );
}

/**
 * Whether all members together fit each other and the group (§7.3): what each of them supports, and that the
 * credential types in use are supported by all. Takes no time that grows with the group.
 * @throws ValidationError
 */
export function checkMembers(
  { supported, credentialTypes }: TreeSummary,
  requirements: GroupRequirements,
): void {
  checkSupport(
    {
      versions: (value) => supported.versions.has(value),
      cipherSuites: (value) => supported.cipherSuites.has(value),
      extensions: (value) => supported.extensions.has(value),
      proposals: (value) => supported.proposals.has(value),
      credentials: (value) => supported.credentials.has(value),
    },
    requirements,
    () => "of some member",
  );
  for (const type of credentialTypes) {
    ensure(
      supported.credentials.has(type),
      "7.3: the credential type must be supported by all members of the group",
      () => `credential type ${type}`,
    );
  }
}
