// The core's own parts, not its API: an attacker isn't held to what the API allows.
export { decode, encode } from "../../../packages/core/dist/codec/index.js";
export {
  encryptWithLabel,
  makeKeyPackageRef,
  signWithLabel,
} from "../../../packages/core/dist/crypto/index.js";
export { signContent } from "../../../packages/core/dist/framing/authentication.js";
export { type PrivateMessageKeys, sealPrivate } from "../../../packages/core/dist/framing/private-message.js";
export { sealPublic } from "../../../packages/core/dist/framing/public-message.js";
export type { GroupConfig } from "../../../packages/core/dist/group/config.js";
export { contextBytes, type Epoch } from "../../../packages/core/dist/group/epoch.js";
export { Registry } from "../../../packages/core/dist/group/extensions/registry.js";
export { DEFAULT_POLICY } from "../../../packages/core/dist/group/policy.js";
export { loadState } from "../../../packages/core/dist/group/storage/saved-group.js";
export {
  deriveWelcomeSecret,
  welcomeKeyAndNonce,
} from "../../../packages/core/dist/schedule/key-schedule.js";
export { SecretTree } from "../../../packages/core/dist/schedule/secret-tree.js";
export { signLeafNode } from "../../../packages/core/dist/tree/leaf-node.js";
export { RatchetTree } from "../../../packages/core/dist/tree/ratchet-tree.js";
export type { Content, FramedContent, Sender } from "../../../packages/core/dist/wire/framed-content.js";
export { KeyPackage } from "../../../packages/core/dist/wire/key-package.js";
export { SenderData } from "../../../packages/core/dist/wire/message.js";
export { MlsMessage } from "../../../packages/core/dist/wire/mls-message.js";
export { RatchetTreeNodes } from "../../../packages/core/dist/wire/ratchet-tree.js";
export { GroupInfo } from "../../../packages/core/dist/wire/welcome.js";
