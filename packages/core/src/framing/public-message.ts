// RFC 9420 §6.2: messages that are authenticated but not encrypted.
import { concat, equalSecret } from "../bytes.js";
import { encode } from "../codec/index.js";
import { ensure, MlsError } from "../errors.js";
import { type Awaitable, chain, type CipherSuiteProvider } from "../provider/index.js";
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
import { checkSender, checkTag, framedContentTBS } from "./authentication.js";

/** The MAC over AuthenticatedContentTBM, RFC 9420 §6.2 */
function membershipTag(
  provider: CipherSuiteProvider,
  content: FramedContent,
  auth: FramedContentAuthData,
  groupContext: Uint8Array,
  membershipKey: Uint8Array | undefined,
): Awaitable<Uint8Array> {
  if (membershipKey === undefined) {
    throw new MlsError("usage", "a member's public message takes the epoch's membership key");
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
 * A PublicMessage, RFC 9420 §6.2, of a signed proposal or commit.
 * @param groupContext the encoded GroupContext of the content's epoch
 * @param membershipKey `KDF.Nh` bytes; needed where the sender is a member
 * @param types the proposal types of extensions
 * @throws ValidationError for application data, and for what the sender may not send; MlsError `usage` for
 * a missing key, a missing tag, or a content that was signed for another wire format
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
  if (wireFormat !== WireFormat.publicMessage) {
    throw new MlsError("usage", "the content is signed for another wire format");
  }
  if (content.sender.senderType !== SenderType.member) return { content, auth, membershipTag: undefined };
  return chain(
    membershipTag(provider, content, auth, groupContext, membershipKey),
    (tag): PublicMessage => ({ content, auth, membershipTag: tag }),
  );
}

/**
 * The content of a PublicMessage, RFC 9420 §6.2, as somebody reads it who isn't a member: without a look at the
 * membership tag, the signature and the confirmation tag.
 * @param types the proposal types of extensions
 * @throws ValidationError for application data, and for what the sender may not send
 */
export function readPublic({ content, auth }: PublicMessage, types?: ProposalTypes): AuthenticatedContent {
  checkContent(content, types);
  return { wireFormat: WireFormat.publicMessage, content, auth };
}

/**
 * The content of a PublicMessage, RFC 9420 §6.2. A member's membership tag is checked; the signature and
 * the confirmation tag are left to the caller.
 * @param groupContext the encoded GroupContext of the content's epoch
 * @param membershipKey `KDF.Nh` bytes; needed where the sender is a member
 * @param types the proposal types of extensions
 * @throws MlsError `fork` for another tag; ValidationError for application data, and for what the sender may not send
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
    if (received === undefined || !equalSecret(received, expected)) {
      throw new MlsError(
        "fork",
        "the membership tag (RFC 9420 §6.2) isn't of this epoch: the message comes from another course of the group's history, or was changed on the way",
      );
    }
    return authenticated;
  });
}
