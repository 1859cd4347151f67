// RFC 9420 §12.4.3: GroupInfo and Welcome.
import { opaque, optional, struct, type TypeOf, uint16, uint32, vector } from "../codec/index.js";
import { Extension } from "./extension.js";
import { GroupContext } from "./group-context.js";
import { PreSharedKeyID } from "./psk.js";
import { HPKECiphertext } from "./update-path.js";

/** GroupInfoTBS, RFC 9420 §12.4.3 */
export const GroupInfoTBS = struct({
  groupContext: GroupContext,
  extensions: vector(Extension),
  confirmationTag: opaque,
  signer: uint32,
});
export type GroupInfoTBS = TypeOf<typeof GroupInfoTBS>;

/** GroupInfo, RFC 9420 §12.4.3 */
export const GroupInfo = struct({ ...GroupInfoTBS.fields, signature: opaque });
export type GroupInfo = TypeOf<typeof GroupInfo>;

/** PathSecret, RFC 9420 §12.4.3.1 */
export const PathSecret = struct({ pathSecret: opaque });

/** GroupSecrets, RFC 9420 §12.4.3.1 */
export const GroupSecrets = struct({
  joinerSecret: opaque,
  pathSecret: optional(PathSecret),
  psks: vector(PreSharedKeyID),
});
export type GroupSecrets = TypeOf<typeof GroupSecrets>;

/** EncryptedGroupSecrets, RFC 9420 §12.4.3.1 */
export const EncryptedGroupSecrets = struct({ newMember: opaque, encryptedGroupSecrets: HPKECiphertext });

/** Welcome, RFC 9420 §12.4.3.1 */
export const Welcome = struct({
  cipherSuite: uint16,
  secrets: vector(EncryptedGroupSecrets),
  encryptedGroupInfo: opaque,
});
export type Welcome = TypeOf<typeof Welcome>;
