// RFC 9420 §5.3 to §12.4: the structures of the wire format, each declared once.
export { Commit, ProposalOrRef, ProposalOrRefType } from "./commit.js";
export {
  basicCredential,
  Credential,
  CredentialType,
  isBasicCredential,
  isX509Credential,
  x509Credential,
} from "./credential.js";
export {
  checkUniqueTypes,
  Extension,
  ExtensionType,
  ExternalPub,
  ExternalSender,
  ExternalSenders,
  findExtension,
  makeExtension,
  RequiredCapabilities,
} from "./extension.js";
export {
  AuthenticatedContent,
  Content,
  contentCases,
  ContentType,
  FramedContent,
  framedContentAuthData,
  type FramedContentAuthData,
  framedContentSize,
  Sender,
  SenderType,
  WireFormat,
} from "./framed-content.js";
export { GroupContext } from "./group-context.js";
export { KeyPackage, KeyPackageTBS } from "./key-package.js";
export {
  Capabilities,
  LeafNode,
  LeafNodeContext,
  LeafNodeSource,
  Lifetime,
  ProtocolVersion,
  UnsignedLeafNode,
} from "./leaf-node.js";
export { PrivateContentAAD, PrivateMessage, PublicMessage, SenderData } from "./message.js";
export { MlsMessage } from "./mls-message.js";
export {
  type CustomProposal,
  customProposal,
  isCustomProposal,
  isProposal,
  Proposal,
  ProposalType,
  ProposalTypes,
  ReInit,
} from "./proposal.js";
export {
  type CustomPsk,
  customPsk,
  isCustomPsk,
  PreSharedKeyID,
  PSKLabel,
  PSKType,
  ResumptionPSKUsage,
} from "./psk.js";
export { NodeType, ParentHashInput, ParentNode, RatchetTreeNodes, TreeHashInput } from "./ratchet-tree.js";
export { readGroupInfo, readKeyPackage, readWelcome, writeKeyPackage } from "./read.js";
export { UpdatePath, UpdatePathNode } from "./update-path.js";
export { GroupInfo, GroupInfoTBS, GroupSecrets, Welcome } from "./welcome.js";
