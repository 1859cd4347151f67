// RFC 9420 §6.2: messages that are authenticated but not encrypted.
import { concat, equalSecret } from "../bytes.js";
import { encode } from "../codec/index.js";
import { ensure, MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain } from "../provider/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  type FramedContentAuthData,
  framedContentAuthData,
  type ProposalTypes,
  type PublicMessage,
  SenderType,
  WireFormat,
} from "../wire/index.js";
import { checkSender, checkTag, checkWireFormat, framedContentTBS } from "./authentication.js";

/** The MAC over AuthenticatedContentTBM, RFC 9420 §6.2: `Nh` bytes. */
function membershipTag(
  provider: CipherSuiteProvider,
  content: FramedContent,
  auth: FramedContentAuthData,
  groupContext: Uint8Array,
  membershipKey: Uint8Array | undefined,
): Awaitable<Uint8Array> {
  if (membershipKey === undefined) {
    throw new MlsError("usage", "a public message of a member needs the epoch's membership key");
  }
  const authData = encode(framedContentAuthData(content.content.contentType), auth);
  return provider.hash.mac(
    membershipKey,
    concat(framedContentTBS(WireFormat.publicMessage, content, groupContext), authData),
  );
}

function checkContent(content: FramedContent, types: ProposalTypes | undefined): void {
  ensure(
    content.content.contentType !== ContentType.application,
    "6: applications must use PrivateMessage to encrypt application messages",
  );
  checkSender(content, types);
}

/**
 * Makes a PublicMessage, RFC 9420 §6.2, of a signed proposal or commit.
 * @param groupContext the encoded GroupContext of the content's epoch
 * @param membershipKey `KDF.Nh` bytes; required if the sender is a member
 * @param types the proposal types that extensions register
 * @throws ValidationError for application data, and for content that the sender may not send; MlsError `usage` if
 * the key is missing, the confirmation tag is missing or misplaced, or the content was signed for another wire format
 */
export function sealPublic(
  provider: CipherSuiteProvider,
  authenticated: AuthenticatedContent,
  groupContext: Uint8Array,
  membershipKey: Uint8Array | undefined,
  types?: ProposalTypes,
): Awaitable<PublicMessage> {
  const { wireFormat, content, auth } = authenticated;
  checkContent(content, types);
  checkTag(authenticated);
  checkWireFormat(WireFormat.publicMessage, wireFormat);
  if (content.sender.senderType !== SenderType.member) return { content, auth, membershipTag: undefined };
  return chain(
    membershipTag(provider, content, auth, groupContext, membershipKey),
    (tag): PublicMessage => ({ content, auth, membershipTag: tag }),
  );
}

/**
 * Reads the content of a PublicMessage, RFC 9420 §6.2, without a look at its tags and its signature: for somebody who
 * isn't a member.
 * @param types the proposal types that extensions register
 * @throws ValidationError for application data, and for content that the sender may not send
 */
export function readPublic({ content, auth }: PublicMessage, types?: ProposalTypes): AuthenticatedContent {
  checkContent(content, types);
  return { wireFormat: WireFormat.publicMessage, content, auth };
}

/**
 * Reads the content of a PublicMessage, RFC 9420 §6.2, and checks a member's membership tag. The caller must check
 * the signature and the confirmation tag.
 * @param groupContext the encoded GroupContext of the content's epoch
 * @param membershipKey `KDF.Nh` bytes; required if the sender is a member
 * @param types the proposal types that extensions register
 * @throws MlsError `usage` if the key is missing; ValidationError if the membership tag differs, for application data,
 * and for content that the sender may not send
 */
export function openPublic(
  provider: CipherSuiteProvider,
  message: PublicMessage,
  groupContext: Uint8Array,
  membershipKey: Uint8Array | undefined,
  types?: ProposalTypes,
): Awaitable<AuthenticatedContent> {
  const { content, auth } = message;
  const authenticated = readPublic(message, types);
  if (content.sender.senderType !== SenderType.member) return authenticated;
  const received = message.membershipTag;
  return chain(membershipTag(provider, content, auth, groupContext, membershipKey), (expected) => {
    // No proof of a fork: anybody on the way can change a tag.
    ensure(
      received !== undefined && equalSecret(received, expected),
      "6.2: the membership tag of a member's message must be that of the epoch",
    );
    return authenticated;
  });
}
