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
import { ContentType, Sender, WireFormat } from "./framed-content.js";
import { KeyPackage } from "./key-package.js";
import { ProtocolVersion, protocolVersion } from "./leaf-node.js";
import { identifier, MAX_KEY_PACKAGE_SIZE } from "./limits.js";
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

/** The version and the wire format, in bytes. */
export const HEADER_SIZE = 4;

function wrongFormat(expected: string, { wireFormat }: MlsMessage): MlsError {
  return new MlsError("usage", `expected ${expected}, got a message of wire format ${wireFormat}`);
}

/** What can be read of a message before it is decoded. */
export interface MessagePeek {
  readonly wireFormat: number;
  /** Of a PublicMessage or a PrivateMessage. */
  readonly epoch?: bigint;
  readonly contentType?: number;
  /** Of a PublicMessage; that of a PrivateMessage is a member. */
  readonly senderType?: number;
  /** Of a proposal in a PublicMessage. */
  readonly proposalType?: number;
}

/** Looks into the header of an encoded MLSMessage. @throws DecodeError */
export function peekMessage(bytes: Uint8Array): MessagePeek {
  const reader = new Reader(bytes);
  protocolVersion.read(reader);
  const wireFormat = reader.uint16();
  if (wireFormat !== WireFormat.publicMessage && wireFormat !== WireFormat.privateMessage)
    return { wireFormat };
  identifier.read(reader);
  const epoch = reader.uint64();
  if (wireFormat === WireFormat.privateMessage) return { wireFormat, epoch, contentType: reader.uint8() };
  const { senderType } = Sender.read(reader);
  skip(opaque, reader);
  const contentType = reader.uint8();
  const proposal = contentType === ContentType.proposal && { proposalType: reader.uint16() };
  return { wireFormat, epoch, senderType, contentType, ...proposal };
}

/** What is exchanged in an MLSMessage, or raw: the structure alone. */
const RAW = {
  [WireFormat.welcome]: "Welcome",
  [WireFormat.groupInfo]: "GroupInfo",
  [WireFormat.keyPackage]: "KeyPackage",
} as const;

/**
 * Whether bytes that hold a structure hold it in an MLSMessage. No bytes are a valid encoding of both: a raw KeyPackage or
 * GroupInfo of a suite with the number of the wire format would need an empty `init_key` or `group_id`, and a raw Welcome
 * an empty list (docs/decisions/raw-structures.md).
 */
function isFramed(bytes: Uint8Array, wireFormat: keyof typeof RAW): boolean {
  const [a, b, c, d, next = 0] = bytes;
  const hasHeader = a === 0 && b === ProtocolVersion.mls10 && c === 0 && d === wireFormat;
  // The version of the KeyPackage or GroupInfo begins with 0; a raw one has the length of its first vector here.
  return hasHeader && (wireFormat === WireFormat.welcome || next === 0);
}

/**
 * Decodes a structure in an MLSMessage, or raw.
 * @param max the most bytes
 * @throws DecodeError; MlsError `usage` for another message, `limit`
 */
function readStructure<T>(codec: Codec<T>, wireFormat: keyof typeof RAW, given: Uint8Array, max: number): T {
  const name = RAW[wireFormat];
  const bytes = needBytes(given, `the ${name}`, max).slice();
  const framed = isFramed(bytes, wireFormat);
  const reader = new Reader(bytes, undefined, framed ? HEADER_SIZE : 0);
  try {
    const value = codec.read(reader);
    reader.finish();
    return value;
  } catch (error) {
    if (!framed) refuseOther(name, bytes);
    throw error;
  }
}

/** Another message is a mistake of the caller, rather than damaged bytes. @throws MlsError `usage` */
function refuseOther(expected: string, bytes: Uint8Array): void {
  let other: MlsMessage;
  try {
    other = decode(MlsMessage, bytes);
  } catch {
    return;
  }
  throw wrongFormat(`a ${expected}`, other);
}

/** Decodes a key package, in an MLSMessage or raw. @throws DecodeError, MlsError `usage` for another message, `limit` */
export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  return readStructure(KeyPackage, WireFormat.keyPackage, bytes, MAX_KEY_PACKAGE_SIZE);
}

/**
 * Decodes a Welcome, in an MLSMessage or raw.
 * @param max the most bytes
 * @throws DecodeError, MlsError `usage` for another message, `limit`
 */
export function readWelcome(bytes: Uint8Array, max: number): Welcome {
  return readStructure(Welcome, WireFormat.welcome, bytes, max);
}

/**
 * Decodes a GroupInfo, in an MLSMessage or raw.
 * @param max the most bytes
 * @throws DecodeError, MlsError `usage` for another message, `limit`
 */
export function readGroupInfo(bytes: Uint8Array, max: number): GroupInfo {
  return readStructure(GroupInfo, WireFormat.groupInfo, bytes, max);
}

/**
 * The KeyPackage, Welcome or GroupInfo that an MLSMessage (§6) carries, raw: as ActivityPub and Discord's DAVE exchange
 * them. All functions that take one of these take it framed as well as raw.
 * @param message an encoded MLSMessage
 * @throws DecodeError; MlsError `usage` for a message of a group
 * @example
 * const raw = unframe(await client.createKeyPackage());
 */
export function unframe(message: Uint8Array): Bytes {
  const bytes = needBytes(message, "a message");
  const decoded = decode(MlsMessage, bytes);
  if (!(decoded.wireFormat in RAW)) throw wrongFormat("a KeyPackage, Welcome or GroupInfo", decoded);
  return new Uint8Array(bytes.subarray(HEADER_SIZE));
}

/** Encodes a key package as an MLSMessage. @throws MlsError `limit` if nobody would take it */
export function writeKeyPackage(keyPackage: KeyPackage): Bytes {
  const bytes = encode(MlsMessage, { version: 1, wireFormat: WireFormat.keyPackage, keyPackage });
  needBytes(bytes, "the key package", MAX_KEY_PACKAGE_SIZE);
  return bytes;
}
