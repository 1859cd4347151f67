// RFC 9420 §6: the content of messages, and its authentication data.
import {
  type Codec,
  onDemand,
  opaque,
  Reader,
  remembered,
  skip,
  struct,
  type TypeOf,
  uint8,
  uint16,
  uint32,
  uint64,
  variant,
} from "../codec/index.js";
import { Commit } from "./commit.js";
import { leafSignatureKey } from "./leaf-node.js";
import { identifier } from "./limits.js";
import { Proposal, ProposalType } from "./proposal.js";

/** RFC 9420 §17.2 */
export const WireFormat = {
  publicMessage: 1,
  privateMessage: 2,
  welcome: 3,
  groupInfo: 4,
  keyPackage: 5,
} as const;

/** RFC 9420 §6 */
export const ContentType = { application: 1, proposal: 2, commit: 3 } as const;
export type ContentType = (typeof ContentType)[keyof typeof ContentType];

/** RFC 9420 §6 */
export const SenderType = { member: 1, external: 2, newMemberProposal: 3, newMemberCommit: 4 } as const;

/** Sender, RFC 9420 §6 */
export const Sender = variant("senderType", uint8, {
  [SenderType.member]: struct({ leafIndex: uint32 }),
  [SenderType.external]: struct({ senderIndex: uint32 }),
  [SenderType.newMemberProposal]: struct({}),
  [SenderType.newMemberCommit]: struct({}),
});
export type Sender = TypeOf<typeof Sender>;

/** The `select` over a content type in FramedContent and PrivateMessageContent */
export const contentCases = {
  [ContentType.application]: struct({ applicationData: opaque }),
  [ContentType.proposal]: struct({ proposal: Proposal }),
  [ContentType.commit]: struct({ commit: Commit }),
};

/** The content type and the content of a message, as in FramedContent, RFC 9420 §6 */
export const Content = variant("contentType", uint8, contentCases);
export type Content = TypeOf<typeof Content>;

/**
 * A proposal or commit is decoded when it is first read: by then its message has been authenticated. Only its end is
 * looked for at once.
 */
const lazyContent: Codec<Content> = {
  write: Content.write,
  read(reader) {
    const contentType = reader.peekUint8();
    if (contentType !== ContentType.proposal && contentType !== ContentType.commit)
      return Content.read(reader);
    const content = onDemand(Content, reader);
    const decoded = <T extends 2 | 3>() => content() as Extract<Content, { contentType: T }>;
    if (contentType === ContentType.proposal) {
      return {
        contentType,
        get proposal() {
          return decoded<2>().proposal;
        },
      };
    }
    return {
      contentType,
      get commit() {
        return decoded<3>().commit;
      },
    };
  },
};

const header = { groupId: identifier, epoch: uint64, sender: Sender, authenticatedData: opaque };
/** The fields of a FramedContent before its content. */
export const FramedContentHeader = struct(header);
const framedContent = struct({ ...header, content: lazyContent });
const rememberedFramedContent = remembered(framedContent);

/**
 * FramedContent, RFC 9420 §6. The encoding of a handshake message is remembered, because it is signed, hashed and
 * authenticated with a MAC. Application data is only signed, and remembering it costs more than it saves.
 */
export const FramedContent: Codec<FramedContent> = {
  write(writer, value) {
    const isApplication = value.content.contentType === ContentType.application;
    (isApplication ? framedContent : rememberedFramedContent).write(writer, value);
  },
  read: (reader) => rememberedFramedContent.read(reader),
};
export type FramedContent = TypeOf<typeof framedContent>;

/** What can be read of a proposal or commit before its message is authenticated, without decoding it. */
export interface ContentPeek {
  readonly contentType: number;
  /** Of a proposal. */
  readonly proposalType?: number;
  /** The key that a new member signs with: that of its Add, or of its commit's path. */
  readonly signatureKey?: Uint8Array;
}

/** Looks into the content of a handshake message. @throws DecodeError */
export function peekContent(content: FramedContent): ContentPeek {
  const reader = new Reader(rememberedFramedContent.encoding(content));
  skip(FramedContentHeader, reader);
  const contentType = reader.uint8();
  if (contentType === ContentType.proposal) {
    const proposalType = reader.uint16();
    if (proposalType !== ProposalType.add) return { contentType, proposalType };
    skip(beforeLeafNode, reader);
    return { contentType, proposalType, signatureKey: leafSignatureKey(reader) };
  }
  skip(opaque, reader);
  return reader.uint8() === 1 ? { contentType, signatureKey: leafSignatureKey(reader) } : { contentType };
}

/** The fields of a KeyPackage before its LeafNode. */
const beforeLeafNode = struct({ version: uint16, cipherSuite: uint16, initKey: opaque });

/** The size of an encoded FramedContent, in bytes: exact for a handshake message, a little too large for others. */
export function framedContentSize(value: FramedContent): number {
  const { groupId, authenticatedData, content } = value;
  return content.contentType === ContentType.application
    ? 32 + groupId.length + authenticatedData.length + content.applicationData.length
    : rememberedFramedContent.encoding(value).length;
}

/** FramedContentAuthData, RFC 9420 §6.1. A commit has a confirmation tag, and other contents have none. */
export interface FramedContentAuthData {
  readonly signature: Uint8Array;
  readonly confirmationTag: Uint8Array | undefined;
}

/** The codec of FramedContentAuthData for a content type. */
export function framedContentAuthData(contentType: ContentType): Codec<FramedContentAuthData> {
  return contentType === ContentType.commit ? commitAuthData : otherAuthData;
}

const commitAuthData: Codec<FramedContentAuthData> = struct({ signature: opaque, confirmationTag: opaque });
const otherAuthData: Codec<FramedContentAuthData> = {
  write: (writer, { signature }) => opaque.write(writer, signature),
  read: (reader) => ({ signature: opaque.read(reader), confirmationTag: undefined }),
};

/** AuthenticatedContent, RFC 9420 §6 */
export interface AuthenticatedContent {
  readonly wireFormat: number;
  readonly content: FramedContent;
  readonly auth: FramedContentAuthData;
}
export const AuthenticatedContent: Codec<AuthenticatedContent> = {
  write(writer, { wireFormat, content, auth }) {
    uint16.write(writer, wireFormat);
    FramedContent.write(writer, content);
    framedContentAuthData(content.content.contentType).write(writer, auth);
  },
  read(reader) {
    const wireFormat = uint16.read(reader);
    const content = FramedContent.read(reader);
    return { wireFormat, content, auth: framedContentAuthData(content.content.contentType).read(reader) };
  },
};
