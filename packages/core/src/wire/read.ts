// RFC 9420 §6: the decoding of messages that an application hands over.
import { needBytes } from "../bytes.js";
import { decode, encode } from "../codec/index.js";
import { MlsError } from "../errors.js";
import { WireFormat } from "./framed-content.js";
import type { KeyPackage } from "./key-package.js";
import { MlsMessage } from "./mls-message.js";
import type { GroupInfo, Welcome } from "./welcome.js";

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
