// RFC 9420 §6.1: the signature of a message, and which sender may send which content.
import { opaque, type Writer, written } from "../codec/index.js";
import { mlsLabel, withBuffer } from "../crypto/index.js";
import { ensure, MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain, type Signer } from "../provider/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  FramedContent,
  framedContentSize,
  ProposalType,
  type ProposalTypes,
  ProtocolVersion,
  peekContent,
  SenderType,
} from "../wire/index.js";

const LABEL = "FramedContentTBS";

/** Writes FramedContentTBS, RFC 9420 §6.1. */
function writeTBS(
  writer: Writer,
  wireFormat: number,
  content: FramedContent,
  groupContext: Uint8Array | undefined,
): void {
  writer.uint16(ProtocolVersion.mls10);
  writer.uint16(wireFormat);
  FramedContent.write(writer, content);
  const { senderType } = content.sender;
  if (senderType === SenderType.member || senderType === SenderType.newMemberCommit) {
    if (groupContext === undefined)
      throw new MlsError("usage", "the signature covers the GroupContext, which is missing");
    writer.raw(groupContext);
  }
}

/** Large enough that the writer need not grow and copy. */
const tbsSize = (content: FramedContent, groupContext: Uint8Array | undefined): number =>
  64 + framedContentSize(content) + (groupContext?.length ?? 0);

/** Runs `work` with the SignContent (§5.1.2) of FramedContentTBS, written at once, which saves a copy of the message. */
function withSigned<T>(
  wireFormat: number,
  content: FramedContent,
  groupContext: Uint8Array | undefined,
  work: (signed: Writer) => Awaitable<T>,
): Awaitable<T> {
  return withBuffer(tbsSize(content, groupContext), (writer) => {
    opaque.write(writer, mlsLabel(LABEL));
    writer.vector(() => writeTBS(writer, wireFormat, content, groupContext));
    return work(writer);
  });
}

/**
 * Encodes FramedContentTBS, RFC 9420 §6.1.
 * @param groupContext the encoded GroupContext of the content's epoch; required if the sender is a member or joins
 * by the commit, and not covered for other senders
 * @throws MlsError `usage` if it is required and missing
 */
export function framedContentTBS(
  wireFormat: number,
  content: FramedContent,
  groupContext: Uint8Array | undefined,
): Uint8Array {
  return written(
    (writer) => writeTBS(writer, wireFormat, content, groupContext),
    tbsSize(content, groupContext),
  );
}

/** The signature of FramedContentAuthData, RFC 9420 §6.1. @throws MlsError `usage`, as {@link framedContentTBS} */
export function signContent(
  signer: Signer,
  wireFormat: number,
  content: FramedContent,
  groupContext: Uint8Array | undefined,
): Awaitable<Uint8Array> {
  // Else an array of its own, because the signer belongs to the application and may keep it.
  return withSigned(wireFormat, content, groupContext, (signed) =>
    signer.sign(signer.borrows ? signed.view() : signed.finish()),
  );
}

/**
 * Checks the signature of a content, RFC 9420 §6.1.
 * @param groupContext as in {@link framedContentTBS}
 * @param signatureKey the public key of the sender that the content names: `Npk` bytes
 * @throws ValidationError if the signature is invalid
 */
export function verifyContent(
  provider: CipherSuiteProvider,
  { wireFormat, content, auth }: AuthenticatedContent,
  groupContext: Uint8Array | undefined,
  signatureKey: Uint8Array,
): Awaitable<void> {
  const verified = withSigned(wireFormat, content, groupContext, (signed) =>
    provider.signature.verify(signatureKey, signed.view(), auth.signature),
  );
  return chain(verified, (fits) => {
    ensure(fits, "6.1: recipients must verify the signature with the sender's key");
  });
}

/** The proposal types that an external sender may send: column "Ext" of RFC 9420 §17.4. */
const EXTERNAL_PROPOSALS: ReadonlySet<number> = /* @__PURE__ */ new Set([
  ProposalType.add,
  ProposalType.remove,
  ProposalType.psk,
  ProposalType.reinit,
  ProposalType.groupContextExtensions,
]);

/**
 * Checks that this type of sender may send this type of content.
 * @param types the proposal types that extensions register
 * @throws ValidationError
 */
export function checkSender(framed: FramedContent, types?: ProposalTypes): void {
  const { sender, content } = framed;
  if (sender.senderType === SenderType.member) return;
  const isApplication = content.contentType === ContentType.application;
  const proposal = isApplication ? undefined : peekContent(framed).proposalType;
  switch (sender.senderType) {
    case SenderType.external:
      ensure(proposal !== undefined, "6.1: the content of an external sender must be a proposal");
      ensure(
        EXTERNAL_PROPOSALS.has(proposal) || types?.form(proposal)?.external === true,
        "6.1: the proposal's type must be one that is allowed for external senders",
        () => `proposal type ${proposal}`,
      );
      break;
    case SenderType.newMemberProposal:
      ensure(
        proposal === ProposalType.add,
        "6.1: the content of a new member's proposal must be an add",
        () => (proposal === undefined ? `content type ${content.contentType}` : `proposal type ${proposal}`),
      );
      break;
    case SenderType.newMemberCommit:
      ensure(
        content.contentType === ContentType.commit,
        "6.1: the content of a new member's commit must be a commit",
        () => `content type ${content.contentType}`,
      );
  }
}

/** Checks that a content to be sent has a confirmation tag if and only if it is a commit. @throws MlsError `usage` */
export function checkTag({ content, auth }: AuthenticatedContent): void {
  const isCommit = content.content.contentType === ContentType.commit;
  if (isCommit !== (auth.confirmationTag !== undefined)) {
    throw new MlsError(
      "usage",
      `${isCommit ? "a commit must" : "only a commit may"} have a confirmation tag`,
    );
  }
}

/** @throws MlsError `limit` if a message is larger than `max` bytes */
export function checkMessageSize(max: number, length: number): void {
  if (length > max) {
    throw new MlsError("limit", `expected a message of at most ${max} bytes, got ${length}`);
  }
}

/** Checks that a content to be sent was signed for this wire format. @throws MlsError `usage` */
export function checkWireFormat(expected: number, signed: number): void {
  if (signed !== expected) {
    throw new MlsError("usage", `expected content signed for wire format ${expected}, got ${signed}`);
  }
}
