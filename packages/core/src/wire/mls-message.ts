// RFC 9420 §6: MLSMessage, the envelope of every message.
import { type Codec, struct, type TypeOf, uint16, variant } from "../codec/index.js";
import { WireFormat } from "./framed-content.js";
import { KeyPackage } from "./key-package.js";
import { protocolVersion } from "./leaf-node.js";
import { PrivateMessage, PublicMessage } from "./message.js";
import { GroupInfo, Welcome } from "./welcome.js";

const body = variant("wireFormat", uint16, {
  [WireFormat.publicMessage]: struct({ publicMessage: PublicMessage }),
  [WireFormat.privateMessage]: struct({ privateMessage: PrivateMessage }),
  [WireFormat.welcome]: struct({ welcome: Welcome }),
  [WireFormat.groupInfo]: struct({ groupInfo: GroupInfo }),
  [WireFormat.keyPackage]: struct({ keyPackage: KeyPackage }),
});

/** MLSMessage, RFC 9420 §6 */
export type MlsMessage = { readonly version: 1 } & TypeOf<typeof body>;
export const MlsMessage: Codec<MlsMessage> = {
  write(writer, message) {
    protocolVersion.write(writer, message.version);
    body.write(writer, message);
  },
  read: (reader) => ({ version: protocolVersion.read(reader), ...body.read(reader) }),
};
