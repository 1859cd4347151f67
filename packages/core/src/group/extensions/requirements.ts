// RFC 9420 §11.1, §12.1.8.1: GroupContext extensions of RFC 9420, and what a group requires of its members.
import type { Owned } from "../../bytes.js";
import { ensure } from "../../errors.js";
import type { CipherSuite } from "../../provider/index.js";
import { DEFAULT_EXTENSIONS, supportOf, type TreeSummary } from "../../tree/index.js";
import {
  type Extension,
  ExtensionType,
  type ExternalSender,
  ExternalSenders,
  findExtension,
  isStandardType,
  type LeafNode,
  makeExtension,
  ProtocolVersion,
  type ReInit,
  RequiredCapabilities,
} from "../../wire/index.js";

/**
 * The GroupContext extension `required_capabilities` (§11.1). The default types of RFC 9420 needn't be listed.
 * @example
 * await client.createGroup({ extensions: [requiredCapabilities({ credentialTypes: [CredentialType.basic] })] });
 */
export function requiredCapabilities(required: Partial<RequiredCapabilities>): Owned<Extension> {
  const { extensionTypes = [], proposalTypes = [], credentialTypes = [] } = required;
  const content = { extensionTypes, proposalTypes, credentialTypes };
  return makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, content);
}

/**
 * The GroupContext extension `external_senders` (§12.1.8.1): who may send proposals from outside the group.
 * @example
 * const server = { credential: basicCredential("server"), signatureKey: signer.publicKey };
 * await client.createGroup({ extensions: [externalSenders([server])] });
 */
export function externalSenders(senders: readonly ExternalSender[]): Owned<Extension> {
  return makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);
}

/** What every member of a group must support: code points, without the default types. */
export interface GroupRequirements {
  readonly cipherSuite: number;
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

/**
 * What a group with these GroupContext extensions requires of its members (§11.1, §13.4).
 * @throws DecodeError if `required_capabilities` is malformed
 */
export function requirementsOf(suite: CipherSuite, extensions: readonly Extension[]): GroupRequirements {
  return { cipherSuite: suite.id, ...requiredTypes(extensions) };
}

const required = new WeakMap<readonly Extension[], Requirements>();

/** What {@link requiredTypes} are: code points, without the default types. */
type Requirements = Omit<GroupRequirements, "cipherSuite">;

/**
 * The types that every member of a group with these GroupContext extensions must support. Lists of extensions are
 * immutable, and that of a group is asked for with each leaf.
 * @throws DecodeError if `required_capabilities` is malformed
 */
export function requiredTypes(extensions: readonly Extension[]): Requirements {
  let types = required.get(extensions);
  if (types === undefined) {
    const found = findExtension(extensions, ExtensionType.requiredCapabilities, RequiredCapabilities);
    const inUse = extensions.map(({ extensionType }) => extensionType);
    types = {
      extensions: [...inUse, ...(found?.extensionTypes ?? [])].filter((t) => !DEFAULT_EXTENSIONS.has(t)),
      proposals: (found?.proposalTypes ?? []).filter((type) => !isStandardType(type)),
      credentials: found?.credentialTypes ?? [],
    };
    required.set(extensions, types);
  }
  return types;
}

/** @throws ValidationError */
function checkSupport(
  supported: TreeSummary["supported"],
  requirements: GroupRequirements,
  who: string,
): void {
  const { cipherSuite, extensions, proposals, credentials } = requirements;
  ensure(
    supported.versions.has(ProtocolVersion.mls10) && supported.cipherSuites.has(cipherSuite),
    "11.1: all members need to support the cipher suite and protocol version in use",
    () => `suite ${cipherSuite}, ${who}`,
  );
  for (const type of extensions)
    ensure(
      supported.extensions.has(type),
      "13.4: the capabilities must indicate support for each extension in the GroupContext and those it requires",
      () => `extension type ${type}, ${who}`,
    );

  for (const type of proposals)
    ensure(
      supported.proposals.has(type),
      "7.3: the proposal types of required_capabilities must be in the capabilities",
      () => `proposal type ${type}, ${who}`,
    );

  for (const type of credentials)
    ensure(
      supported.credentials.has(type),
      "7.3: the credential types of required_capabilities must be in the capabilities",
      () => `credential type ${type}, ${who}`,
    );
}

/**
 * Checks that some member supports all that the group of a ReInit requires (§12.1.5): else nobody could create it, and
 * the ReInit would end the old group for good.
 * @throws ValidationError, DecodeError
 */
export function checkReinit(
  suite: CipherSuite,
  { version, cipherSuite, extensions }: ReInit,
  members: Iterable<{ readonly leafNode: LeafNode }>,
): void {
  const required = { ...requirementsOf(suite, extensions), cipherSuite };
  for (const { leafNode } of members) {
    const supported = supportOf(leafNode);
    const able =
      supported.versions.has(version) &&
      supported.cipherSuites.has(cipherSuite) &&
      (["extensions", "proposals", "credentials"] as const).every((list) =>
        required[list].every((type) => supported[list].has(type)),
      );
    if (able) return;
  }
  ensure(
    false,
    "11.2: some member must support the version, the cipher suite and the extensions of a ReInit",
    () => `version ${version}, suite ${cipherSuite}, extension types ${required.extensions.slice(0, 8)}`,
  );
}

/** Checks a leaf node's capabilities against a group's requirements. @throws ValidationError */
export function checkCapabilities(leafNode: LeafNode, requirements: GroupRequirements): void {
  checkSupport(supportOf(leafNode), requirements, "in a leaf node");
}

/**
 * Checks that all members support what the group requires and the credential types in use (§7.3). Takes constant
 * time in the size of the group.
 * @throws ValidationError
 */
export function checkMembers(
  { supported, credentialTypes }: TreeSummary,
  requirements: GroupRequirements,
): void {
  checkSupport(supported, requirements, "of some member");
  for (const type of credentialTypes)
    ensure(
      supported.credentials.has(type),
      "7.3: the credential type must be supported by all members of the group",
      () => `credential type ${type}`,
    );
}
