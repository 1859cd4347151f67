// RFC 9420 §6: MLSMessage, the envelope of every message.
import { needBytes } from "../bytes.js";
import { type Codec, decode, encode, struct, type TypeOf, uint16, variant } from "../codec/index.js";
import { MlsError } from "../errors.js";
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

function wrongFormat(expected: string, { wireFormat }: MlsMessage): MlsError {
  return new MlsError("usage", `expected a ${expected}, got a message of wire format ${wireFormat}`);
}

/** Decodes a key package in an MLSMessage. @throws DecodeError, MlsError `usage` for another message */
export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decode(MlsMessage, needBytes(bytes, "the key package").slice());
  if (message.wireFormat !== WireFormat.keyPackage) throw wrongFormat("KeyPackage", message);
  return message.keyPackage;
}

/** Decodes a Welcome in an MLSMessage. @throws DecodeError, MlsError `usage` for another message */
export function readWelcome(bytes: Uint8Array): Welcome {
  const message = decode(MlsMessage, needBytes(bytes, "the Welcome").slice());
  if (message.wireFormat !== WireFormat.welcome) throw wrongFormat("Welcome", message);
  return message.welcome;
}

/** Decodes a GroupInfo in an MLSMessage. @throws DecodeError, MlsError `usage` for another message */
export function readGroupInfo(bytes: Uint8Array): GroupInfo {
  const message = decode(MlsMessage, needBytes(bytes, "the GroupInfo").slice());
  if (message.wireFormat !== WireFormat.groupInfo) throw wrongFormat("GroupInfo", message);
  return message.groupInfo;
}

/** Encodes a key package as an MLSMessage. */
export function writeKeyPackage(keyPackage: KeyPackage): Uint8Array {
  return encode(MlsMessage, { version: 1, wireFormat: WireFormat.keyPackage, keyPackage });
}
