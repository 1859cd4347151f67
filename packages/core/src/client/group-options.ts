// RFC 9420 §6, §12: the options of the calls of groups. Each interface has a shape, which the calls check.
import type {
  CommitOptions,
  ExpectedKeyPackage,
  ExtensionChanges,
  GroupInfoOptions,
  NewIdentity,
} from "../group/proposals/index.js";
import { OPERATION, type OperationOptions, WRITE, type WriteOptions } from "../operation/index.js";
import { needed, type OptionKind, type OptionNames, type OptionShape } from "../option-shapes.js";
import type { Credential, CustomProposal, CustomPsk, Extension, ReInit } from "../wire/index.js";

/** The options of sending a message. */
export interface MessageOptions extends OperationOptions {
  /** Bytes that the message authenticates but doesn't encrypt. */
  readonly authenticatedData?: Uint8Array | undefined;
}

/** The options of exporting a secret. */
export interface ExportOptions extends OperationOptions {
  /** One of the past epochs whose exporters `policy.maxPastExporters` keeps. Default: the present one. */
  readonly epoch?: bigint | undefined;
}

/** What they answer doesn't matter here. */
type Writing = WriteOptions<never>;

export const listOf = (item: OptionKind): OptionNames => ({ "[]": item });
const EXTENSION: OptionShape<Extension> = {
  extensionType: needed("number"),
  extensionData: needed("bytes"),
};
export const EXTENSIONS = listOf(EXTENSION);
const CHANGES: OptionShape<ExtensionChanges> = {
  setExtensions: EXTENSIONS,
  dropExtensions: listOf("number"),
};
const CREDENTIAL: OptionShape<Credential> = {
  credentialType: needed("number"),
  identity: "bytes",
  certificates: listOf({ certData: needed("bytes") }),
  data: "bytes",
};
export const IDENTITY_OR_NAME = [CREDENTIAL, "string", "!"];
const EXPECTED: OptionShape<ExpectedKeyPackage> = {
  keyPackage: needed("bytes"),
  credential: IDENTITY_OR_NAME,
  signatureKey: "bytes",
};
const TO_ADD = ["bytes", EXPECTED];
export const TO_ADD_LIST = listOf(TO_ADD);
const CUSTOM_PSK: OptionShape<CustomPsk> = { pskType: needed("number"), data: needed("bytes") };
const PSK = [{ external: "bytes" }, { resumption: "bigint" }, { custom: CUSTOM_PSK }];
export const PSKS = listOf(PSK);
const REINIT: OptionShape<Omit<ReInit, "version">> = {
  groupId: needed("bytes"),
  cipherSuite: needed("number"),
  extensions: needed(EXTENSIONS),
};
export const CUSTOM: OptionShape<CustomProposal> = {
  proposalType: needed("number"),
  data: needed("bytes"),
};
const IDENTITY: OptionShape<NewIdentity> = {
  signer: "object",
  credential: CREDENTIAL,
  renewCapabilities: "boolean",
};

export const EXPORT: OptionShape<ExportOptions> = { ...OPERATION, epoch: "bigint" };

export const MESSAGE: OptionShape<MessageOptions> = { ...OPERATION, authenticatedData: "bytes" };

/** Of a message whose sending a storage keeps. */
export const SENT: OptionShape<MessageOptions & Writing> = { ...MESSAGE, ...WRITE };

export const BYTES_LIST = listOf("bytes");
export const CHOICE = ["bytes", "function", BYTES_LIST];
const ADDED = { add: TO_ADD_LIST };
const REMOVED = { remove: ["function", listOf("number")] };
const OWN_PATH = { identity: IDENTITY, forcePath: "boolean" };
const OTHERS = {
  ...SENT,
  ...CHANGES,
  psks: PSKS,
  extensions: EXTENSIONS,
  reinit: REINIT,
  proposals: listOf("data"),
  references: BYTES_LIST,
  ratchetTreeInWelcome: "boolean",
  replacePending: "boolean",
};
export const COMMIT: OptionShape<CommitOptions & Writing> = {
  ...OTHERS,
  ...ADDED,
  ...REMOVED,
  ...OWN_PATH,
};
export const ADD: OptionShape<Omit<CommitOptions, "add"> & Writing> = { ...OTHERS, ...REMOVED, ...OWN_PATH };
export const REMOVE: OptionShape<Omit<CommitOptions, "remove"> & Writing> = {
  ...OTHERS,
  ...ADDED,
  ...OWN_PATH,
};
export const UPDATE: OptionShape<NewIdentity & Omit<CommitOptions, "identity" | "forcePath"> & Writing> = {
  ...OTHERS,
  ...ADDED,
  ...REMOVED,
  ...IDENTITY,
};

export const GROUP_INFO: OptionShape<GroupInfoOptions & OperationOptions> = {
  ...OPERATION,
  externalPub: "boolean",
  ratchetTree: "boolean",
  extensions: EXTENSIONS,
};

/** A request is of one kind. */
export const EXTERNAL_REQUEST: readonly OptionNames[] = [
  { add: TO_ADD },
  { remove: "number" },
  { psk: PSK },
  { extensions: EXTENSIONS },
  CHANGES,
  { reinit: REINIT },
  { custom: CUSTOM },
];
export const REQUEST: readonly OptionNames[] = [...EXTERNAL_REQUEST, { update: ["true", IDENTITY] }];
