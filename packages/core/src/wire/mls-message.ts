// RFC 9420 §6: MLSMessage, the envelope of every message.
import { type Bytes, needBytes } from "../bytes.js";
import {
  type Codec,
  decode,
  encode,
  opaque,
  Reader,
  skip,
  struct,
  type TypeOf,
  uint16,
  variant,
} from "../codec/index.js";
import { MlsError } from "../errors.js";
import { Sender, WireFormat } from "./framed-content.js";
import { KeyPackage } from "./key-package.js";
import { protocolVersion } from "./leaf-node.js";
import { MAX_KEY_PACKAGE_SIZE } from "./limits.js";
import { PrivateMessage, PublicMessage } from "./message.js";
import { GroupInfo, Welcome } from "./welcome.js";

const body = variant("wireFormat", uint16, {
  [WireFormat.publicMessage]: struct({ publicMessage: PublicMessage }),
  [WireFormat.privateMessage]: struct({ privateMessage: PrivateMessage }),
  [WireFormat.welcome]: struct({ welcome: Welcome }),
  [WireFormat.groupInfo]: struct({ groupInfo: GroupInfo }),
  [WireFormat.keyPackage]: struct({ keyPackage: KeyPackage }),
});

/**
 * MLSMessage, RFC 9420 §6. The proposal or commit of a PublicMessage and the `secrets` of a Welcome are decoded when they
 * are first read: if they are malformed, reading them throws a DecodeError.
 */
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

/** What can be read of a message before it is decoded. */
export interface MessagePeek {
  readonly wireFormat: number;
  /** Of a PublicMessage or a PrivateMessage. */
  readonly epoch?: bigint;
  readonly contentType?: number;
  /** Of a PublicMessage; that of a PrivateMessage is a member. */
  readonly senderType?: number;
}

/** Looks into the header of an encoded MLSMessage. @throws DecodeError */
export function peekMessage(bytes: Uint8Array): MessagePeek {
  const reader = new Reader(bytes);
  protocolVersion.read(reader);
  const wireFormat = reader.uint16();
  if (wireFormat !== WireFormat.publicMessage && wireFormat !== WireFormat.privateMessage)
    return { wireFormat };
  skip(opaque, reader);
  const epoch = reader.uint64();
  if (wireFormat === WireFormat.privateMessage) return { wireFormat, epoch, contentType: reader.uint8() };
  const { senderType } = Sender.read(reader);
  skip(opaque, reader);
  return { wireFormat, epoch, senderType, contentType: reader.uint8() };
}

/** Decodes a key package in an MLSMessage. @throws DecodeError, MlsError `usage` for another message, `limit` */
export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decode(MlsMessage, needBytes(bytes, "the key package", MAX_KEY_PACKAGE_SIZE).slice());
  if (message.wireFormat !== WireFormat.keyPackage) throw wrongFormat("KeyPackage", message);
  return message.keyPackage;
}

/**
 * Decodes a Welcome in an MLSMessage.
 * @param max the most bytes
 * @throws DecodeError, MlsError `usage` for another message, `limit`
 */
export function readWelcome(bytes: Uint8Array, max: number): Welcome {
  const message = decode(MlsMessage, needBytes(bytes, "the Welcome", max).slice());
  if (message.wireFormat !== WireFormat.welcome) throw wrongFormat("Welcome", message);
  return message.welcome;
}

/**
 * Decodes a GroupInfo in an MLSMessage.
 * @param max the most bytes
 * @throws DecodeError, MlsError `usage` for another message, `limit`
 */
export function readGroupInfo(bytes: Uint8Array, max: number): GroupInfo {
  const message = decode(MlsMessage, needBytes(bytes, "the GroupInfo", max).slice());
  if (message.wireFormat !== WireFormat.groupInfo) throw wrongFormat("GroupInfo", message);
  return message.groupInfo;
}

/** Encodes a key package as an MLSMessage. @throws MlsError `limit` if nobody would take it */
export function writeKeyPackage(keyPackage: KeyPackage): Bytes {
  const bytes = encode(MlsMessage, { version: 1, wireFormat: WireFormat.keyPackage, keyPackage });
  needBytes(bytes, "the key package", MAX_KEY_PACKAGE_SIZE);
  return bytes;
}
