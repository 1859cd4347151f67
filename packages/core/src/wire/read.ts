// RFC 9420 §6: what an application hands over, decoded.
import { needBytes } from "../bytes.js";
import { decode, encode } from "../codec/index.js";
import { MlsError } from "../errors.js";
import { WireFormat } from "./framed-content.js";
import type { KeyPackage } from "./key-package.js";
import { MlsMessage } from "./mls-message.js";
import type { GroupInfo, Welcome } from "./welcome.js";

/** A key package in an MLSMessage. @throws DecodeError, MlsError `usage` for another message */
export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decode(MlsMessage, needBytes(bytes, "a key package").slice());
  if (message.wireFormat !== WireFormat.keyPackage)
    throw new MlsError("usage", "this message is no KeyPackage");
  return message.keyPackage;
}

/** A Welcome in an MLSMessage. @throws DecodeError, MlsError `usage` for another message */
export function readWelcome(bytes: Uint8Array): Welcome {
  const message = decode(MlsMessage, needBytes(bytes, "a Welcome").slice());
  if (message.wireFormat !== WireFormat.welcome) throw new MlsError("usage", "this message is no Welcome");
  return message.welcome;
}

/** A GroupInfo in an MLSMessage. @throws DecodeError, MlsError `usage` for another message */
export function readGroupInfo(bytes: Uint8Array): GroupInfo {
  const message = decode(MlsMessage, needBytes(bytes, "a GroupInfo").slice());
  if (message.wireFormat !== WireFormat.groupInfo)
    throw new MlsError("usage", "this message is no GroupInfo");
  return message.groupInfo;
}

/** A key package as an MLSMessage. */
export function writeKeyPackage(keyPackage: KeyPackage): Uint8Array {
  return encode(MlsMessage, { version: 1, wireFormat: WireFormat.keyPackage, keyPackage });
}
