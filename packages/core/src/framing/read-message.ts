// RFC 9420 §6: what anybody can read of a message, without its group and without keys: for servers and queues.
import { type Bytes, copied, needBytes, type Owned } from "../bytes.js";
import { Reader } from "../codec/index.js";
import { DecodeError } from "../errors.js";
import { checkOptions } from "../option-shapes.js";
import {
  ContentType,
  type Credential,
  type FramedContent,
  FramedContentHeader,
  HEADER_SIZE,
  isStandardType,
  MlsMessage,
  newMembersOf,
  ProposalTypes,
  peekMessage,
  type ReadableTypes,
  type Sender,
  SenderType,
  WireFormat,
} from "../wire/index.js";

/** Who a message says has sent it: nobody has verified it. */
export type UnverifiedSender =
  | { readonly kind: "member"; readonly leafIndex: number }
  | { readonly kind: "external"; readonly senderIndex: number }
  | { readonly kind: "new-member" };

/** Where the message ends. */
export interface UnverifiedExtent {
  /** Nothing of it was verified: whoever sent the bytes could write into them what they wanted. */
  readonly verified: false;
  /** The bytes of the first message. */
  readonly message: Bytes;
  /** The bytes after it: a view of the bytes that were read, empty after the last message. */
  readonly rest: Bytes;
}

export interface UnverifiedHeader {
  readonly groupId: Bytes;
  readonly epoch: bigint;
  readonly contentType: "application" | "proposal" | "commit";
  /** The bytes that the sender authenticated but didn't encrypt. */
  readonly authenticatedData: Bytes;
}

/** A PublicMessage (§6.2), as far as it can be read. */
export interface UnverifiedPublicMessage extends UnverifiedHeader, Omit<UnverifiedExtent, "rest"> {
  readonly kind: "public-message";
  readonly sender: UnverifiedSender;
  /** Of a proposal: its code point (§17.4). */
  readonly proposalType: number | undefined;
  /**
   * Of a commit: the ProposalRefs (§5.2) of the proposals that it refers to, in its order. `undefined` for a proposal, and
   * for a commit that can't be decoded: it is malformed, or has a proposal of an unknown type in it. Decoded when it is read.
   */
  readonly references: readonly Bytes[] | undefined;
  /**
   * As in the others. `undefined` for a proposal of a type that neither RFC 9420 nor an extension defines: its length
   * isn't encoded, so where the message ends can't be told, and `message` has all bytes.
   */
  readonly rest: Bytes | undefined;
}

/** A PrivateMessage (§6.3), as far as it can be read. Its sender is encrypted. */
export interface UnverifiedPrivateMessage extends UnverifiedHeader, UnverifiedExtent {
  readonly kind: "private-message";
}

/** A Welcome (§12.4.3.1), as far as it can be read. Its group is encrypted. */
export interface UnverifiedWelcome extends UnverifiedExtent {
  readonly kind: "welcome";
  /** The code point of the cipher suite (§17.1). */
  readonly suite: number;
  /** The KeyPackageRefs (§5.2) of the key packages that it is for. */
  readonly references: readonly Bytes[];
}

/** A GroupInfo (§12.4.3), as far as it can be read without its tree. */
export interface UnverifiedGroupInfo extends UnverifiedExtent {
  readonly kind: "group-info";
  readonly suite: number;
  readonly groupId: Bytes;
  readonly epoch: bigint;
  /** The leaf index of the member that it says has signed it. */
  readonly signer: number;
}

/** A KeyPackage (§10). {@link Client.readKeyPackage} verifies one. */
export interface UnverifiedKeyPackage extends UnverifiedExtent {
  readonly kind: "key-package";
  readonly suite: number;
  readonly credential: Owned<Credential>;
  readonly signatureKey: Bytes;
}

/** A message as anybody can read it, without its group and without keys. Nothing of it is verified. */
export type UnverifiedMessage =
  | UnverifiedPublicMessage
  | UnverifiedPrivateMessage
  | UnverifiedWelcome
  | UnverifiedGroupInfo
  | UnverifiedKeyPackage;

const LISTED = { "[]": "object" };

/** The types that extensions register. @throws MlsError `usage` */
export function typesOf(extensions: readonly ReadableTypes[]): ProposalTypes {
  checkOptions(extensions, LISTED, "extensions");
  for (const { proposals = [], psks = [] } of extensions) {
    checkOptions(proposals, LISTED, "proposals");
    checkOptions(psks, LISTED, "psks");
  }
  return ProposalTypes.of(extensions);
}

const CONTENT_TYPES = { 1: "application", 2: "proposal", 3: "commit" } as const;

type Header = Pick<FramedContent, "groupId" | "epoch" | "authenticatedData">;

function groupHeader({ groupId, epoch, authenticatedData }: Header, type: ContentType): UnverifiedHeader {
  const contentType = CONTENT_TYPES[type];
  return { groupId: copied(groupId), epoch, contentType, authenticatedData: copied(authenticatedData) };
}

function publicHeader(
  header: Header & Pick<FramedContent, "sender">,
  type: ContentType,
  proposalType: number | undefined,
) {
  const sender = senderOf(header.sender);
  return { kind: "public-message", sender, proposalType, ...groupHeader(header, type) } as const;
}

/** The ProposalRefs in a commit. */
function referencesIn(message: Bytes, types: ProposalTypes): readonly Bytes[] | undefined {
  const decoded = MlsMessage.read(new Reader(message, types));
  if (decoded.wireFormat !== WireFormat.publicMessage) return undefined;
  const { content } = decoded.publicMessage.content;
  if (content.contentType !== ContentType.commit) return undefined;
  try {
    return content.commit.proposals.flatMap((one) =>
      "reference" in one ? new Uint8Array(one.reference) : [],
    );
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function senderOf(sender: Sender): UnverifiedSender {
  if (sender.senderType === SenderType.member) return { kind: "member", leafIndex: sender.leafIndex };
  if (sender.senderType === SenderType.external) return { kind: "external", senderIndex: sender.senderIndex };
  return { kind: "new-member" };
}

/** Bytes whose parts can be handed out: those of memory that threads share are copied, once for all that follow. */
function ownMemory(bytes: Uint8Array): Bytes {
  const isOwn = Object.prototype.toString.call(bytes.buffer) === "[object ArrayBuffer]";
  return isOwn ? (bytes as Bytes) : new Uint8Array(bytes);
}

/**
 * Reads the first message of some bytes, without its group and without keys: where it belongs, and where it ends. For
 * servers and queues. Nothing is verified. It takes no raw structures, as these don't say what they are.
 * @param bytes one or more encoded MLSMessages, one after the other
 * @param extensions those of the protocol (§13) whose proposals may be in them, to find the end of these
 * @throws DecodeError if they don't begin with a message; a proposal or commit in it may still be malformed. MlsError
 *   `usage`
 * @example
 * for (let rest: Uint8Array | undefined = bytes; rest?.length; ) {
 *   const one = readMessage(rest);
 *   if ("groupId" in one) queue(one.groupId, one.message);
 *   rest = one.rest;
 * }
 */
export function readMessage(bytes: Uint8Array, extensions: readonly ReadableTypes[] = []): UnverifiedMessage {
  const all = ownMemory(needBytes(bytes, "a message"));
  const types = typesOf(extensions);
  const { proposalType } = peekMessage(all);
  const isOpen =
    proposalType !== undefined && !isStandardType(proposalType) && types.form(proposalType) === undefined;
  const reader = new Reader(all, types);
  const message = isOpen ? undefined : MlsMessage.read(reader);
  const extent = (end: number) =>
    ({ verified: false, message: all.slice(0, end), rest: all.subarray(end) }) as const;
  if (message === undefined) {
    const header = FramedContentHeader.read(new Reader(all, undefined, HEADER_SIZE));
    const read = publicHeader(header, ContentType.proposal, proposalType);
    return { ...read, references: undefined, ...extent(all.length), rest: undefined };
  }
  const ends = extent(reader.offset);
  switch (message.wireFormat) {
    case WireFormat.publicMessage: {
      const { content } = message.publicMessage;
      const { contentType } = content.content;
      return {
        get references() {
          return referencesIn(ends.message, types);
        },
        ...ends,
        ...publicHeader(content, contentType, proposalType),
      };
    }
    case WireFormat.privateMessage: {
      const { contentType } = message.privateMessage;
      return { kind: "private-message", ...groupHeader(message.privateMessage, contentType), ...ends };
    }
    case WireFormat.welcome: {
      const { cipherSuite: suite } = message.welcome;
      return { kind: "welcome", suite, references: newMembersOf(message.welcome), ...ends };
    }
    case WireFormat.groupInfo: {
      const { groupContext, signer } = message.groupInfo;
      const { cipherSuite: suite, groupId, epoch } = groupContext;
      return { kind: "group-info", suite, groupId: copied(groupId), epoch, signer, ...ends };
    }
    case WireFormat.keyPackage: {
      const { cipherSuite: suite, leafNode } = message.keyPackage;
      const credential = copied(leafNode.credential);
      return { kind: "key-package", suite, credential, signatureKey: copied(leafNode.signatureKey), ...ends };
    }
  }
}
