// RFC 9420 §2.1.2, §6, §8.2: vectors for vector lengths, for message protection and for the transcript hashes.
import { encode } from "../../packages/core/src/codec/codec.js";
import { Writer } from "../../packages/core/src/codec/writer.js";
import { signContent } from "../../packages/core/src/framing/authentication.js";
import { sealPrivate } from "../../packages/core/src/framing/private-message.js";
import { sealPublic } from "../../packages/core/src/framing/public-message.js";
import { SecretTree } from "../../packages/core/src/schedule/secret-tree.js";
import {
  confirmationTag,
  confirmedTranscriptHash,
  interimTranscriptHash,
} from "../../packages/core/src/schedule/transcript.js";
import { Commit, ProposalOrRefType } from "../../packages/core/src/wire/commit.js";
import {
  AuthenticatedContent,
  type Content,
  ContentType,
  SenderType,
  WireFormat,
} from "../../packages/core/src/wire/framed-content.js";
import { GroupContext } from "../../packages/core/src/wire/group-context.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import { Proposal, ProposalType } from "../../packages/core/src/wire/proposal.js";
import { PSKType } from "../../packages/core/src/wire/psk.js";
import { type Source, toHex, type VectorContext } from "./source.js";
import { signerPair } from "./trees.js";

/** The smallest and largest value of each encoded size, and random values between them. */
export function vectorLengths(source: Source): { vlbytes_header: string; length: number }[] {
  const bounds = [0, 1, 63, 64, 16_383, 16_384, 2 ** 30 - 1];
  const between = [64, 16_384, 2 ** 30].flatMap((bound) => [source.below(bound), source.below(bound)]);
  return [...bounds, ...between].map((length) => {
    const writer = new Writer();
    writer.varint(length);
    return { vlbytes_header: toHex(writer.finish()), length };
  });
}

/** A commit with one proposal by value and one by reference, without a path. It is encoded, and never applied. */
export function someCommit({ source, suite }: Pick<VectorContext, "source" | "suite">): Commit {
  const { Nh } = suite.suite.hash;
  const psk = { pskType: PSKType.external, pskId: source.bytes(16), pskNonce: source.bytes(Nh) };
  return {
    proposals: [
      { type: ProposalOrRefType.proposal, proposal: { proposalType: ProposalType.psk, psk } },
      { type: ProposalOrRefType.reference, reference: source.bytes(Nh) },
    ],
    path: undefined,
  };
}

/** The leaf index of the sender in the vectors for message protection, whose trees have two leaves. */
const SENDER = 1;

export async function messageProtection({ id, source, suite }: VectorContext) {
  const { Nh } = suite.suite.hash;
  const context = {
    version: 1,
    cipherSuite: id,
    groupId: source.bytes(32),
    epoch: BigInt(source.below(2 ** 32)),
    treeHash: source.bytes(Nh),
    confirmedTranscriptHash: source.bytes(Nh),
    extensions: [],
  } as const;
  const groupContext = encode(GroupContext, context);
  const { signer, privateKey } = await signerPair(suite);
  const encryptionSecret = source.bytes(Nh);
  const senderDataSecret = source.bytes(Nh);
  const membershipKey = source.bytes(Nh);
  const proposal: Proposal = { proposalType: ProposalType.remove, removed: source.below(2 ** 32) };
  const commit = someCommit({ source, suite });
  const applicationData = source.bytes(42);

  const sign = async (wireFormat: number, content: Content) => {
    const framed = {
      groupId: context.groupId,
      epoch: context.epoch,
      sender: { senderType: SenderType.member, leafIndex: SENDER },
      authenticatedData: source.bytes(source.below(20)),
      content,
    };
    const signature = await signContent(signer, wireFormat, framed, groupContext);
    const isCommit = content.contentType === ContentType.commit;
    return {
      wireFormat,
      content: framed,
      auth: { signature, confirmationTag: isCommit ? source.bytes(Nh) : undefined },
    };
  };
  const asPublic = async (content: Content) => {
    const signed = await sign(WireFormat.publicMessage, content);
    const publicMessage = await sealPublic(suite, signed, groupContext, membershipKey);
    return toHex(encode(MlsMessage, { version: 1, wireFormat: WireFormat.publicMessage, publicMessage }));
  };
  const asPrivate = async (content: Content) => {
    const signed = await sign(WireFormat.privateMessage, content);
    const secretTree = new SecretTree(suite, 2, encryptionSecret.slice());
    const privateMessage = await sealPrivate(
      suite,
      signed,
      { secretTree, senderDataSecret },
      source.below(32),
    );
    return toHex(encode(MlsMessage, { version: 1, wireFormat: WireFormat.privateMessage, privateMessage }));
  };
  const proposing = { contentType: ContentType.proposal, proposal } as const;
  const committing = { contentType: ContentType.commit, commit } as const;
  return {
    cipher_suite: id,
    group_id: toHex(context.groupId),
    epoch: Number(context.epoch),
    tree_hash: toHex(context.treeHash),
    confirmed_transcript_hash: toHex(context.confirmedTranscriptHash),
    signature_priv: toHex(privateKey),
    signature_pub: toHex(signer.publicKey),
    encryption_secret: toHex(encryptionSecret),
    sender_data_secret: toHex(senderDataSecret),
    membership_key: toHex(membershipKey),
    proposal: toHex(encode(Proposal, proposal)),
    proposal_pub: await asPublic(proposing),
    proposal_priv: await asPrivate(proposing),
    commit: toHex(encode(Commit, commit)),
    commit_pub: await asPublic(committing),
    commit_priv: await asPrivate(committing),
    application: toHex(applicationData),
    application_priv: await asPrivate({ contentType: ContentType.application, applicationData }),
  };
}

export async function transcriptHashes({ id, source, suite }: VectorContext) {
  const { Nh } = suite.suite.hash;
  const { signer } = await signerPair(suite);
  const confirmationKey = source.bytes(Nh);
  const interimBefore = source.bytes(Nh);
  const groupId = source.bytes(16);
  const epoch = BigInt(source.below(2 ** 32));
  const groupContext = encode(GroupContext, {
    version: 1,
    cipherSuite: id,
    groupId,
    epoch,
    treeHash: source.bytes(Nh),
    confirmedTranscriptHash: source.bytes(Nh),
    extensions: [],
  });
  const content = {
    groupId,
    epoch,
    sender: { senderType: SenderType.member, leafIndex: source.below(16) },
    authenticatedData: source.bytes(8),
    content: { contentType: ContentType.commit, commit: someCommit({ source, suite }) },
  } as const;
  const wireFormat = WireFormat.publicMessage;
  const signature = await signContent(signer, wireFormat, content, groupContext);
  const unconfirmed = { wireFormat, content, auth: { signature, confirmationTag: undefined } };
  const confirmed = await confirmedTranscriptHash(suite, interimBefore, unconfirmed);
  const tag = await confirmationTag(suite, confirmationKey, confirmed);
  const authenticated = { wireFormat, content, auth: { signature, confirmationTag: tag } };
  return {
    cipher_suite: id,
    confirmation_key: toHex(confirmationKey),
    authenticated_content: toHex(encode(AuthenticatedContent, authenticated)),
    interim_transcript_hash_before: toHex(interimBefore),
    confirmed_transcript_hash_after: toHex(confirmed),
    interim_transcript_hash_after: toHex(await interimTranscriptHash(suite, confirmed, tag)),
  };
}
