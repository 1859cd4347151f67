// RFC 9420 §6: the working group's vectors for message protection, on every provider.

import { hex, toHex } from "@copse/test-support/bytes";
import { forEachVector, type VectorProvider } from "@copse/test-support/vectors";
import { expect } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { signContent, verifyContent } from "../../src/framing/authentication.js";
import { openPrivate, sealPrivate } from "../../src/framing/private-message.js";
import { openPublic, sealPublic } from "../../src/framing/public-message.js";
import { DEFAULT_RATCHET_LIMITS } from "../../src/schedule/ratchet-limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";
import { Commit } from "../../src/wire/commit.js";
import {
  type AuthenticatedContent,
  type Content,
  ContentType,
  SenderType,
  WireFormat,
} from "../../src/wire/framed-content.js";
import { GroupContext } from "../../src/wire/group-context.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { Proposal } from "../../src/wire/proposal.js";

type Vector = { cipher_suite: number; epoch: number } & Record<
  | "group_id"
  | "tree_hash"
  | "confirmed_transcript_hash"
  | "signature_priv"
  | "signature_pub"
  | "encryption_secret"
  | "sender_data_secret"
  | "membership_key"
  | "proposal"
  | "proposal_pub"
  | "proposal_priv"
  | "commit"
  | "commit_pub"
  | "commit_priv"
  | "application"
  | "application_priv",
  string
>;

const SENDER = 1;

async function setUp(vector: Vector, provider: VectorProvider["suite"]) {
  const groupContext = encode(GroupContext, {
    version: 1,
    cipherSuite: vector.cipher_suite,
    groupId: hex(vector.group_id),
    epoch: BigInt(vector.epoch),
    treeHash: hex(vector.tree_hash),
    confirmedTranscriptHash: hex(vector.confirmed_transcript_hash),
    extensions: [],
  });
  // The file of suite 5 has a scalar of 65 bytes, without its leading zero; providers take all `Nsk` of them.
  const scalar = vector.signature_priv.padStart(2 * provider.suite.signature.Nsk, "0");
  const { privateKey } = await provider.signature.importPrivateKey(hex(scalar));
  const signatureKey = hex(vector.signature_pub);
  const signer = {
    algorithm: provider.suite.signature,
    publicKey: signatureKey,
    sign: (message: Uint8Array) => provider.signature.sign(privateKey, message),
  };
  const keys = () => ({
    secretTree: new SecretTree(provider, 2, hex(vector.encryption_secret), DEFAULT_RATCHET_LIMITS),
    senderDataSecret: hex(vector.sender_data_secret),
    isMember: (leafIndex: number) => leafIndex < 2,
  });
  const authenticate = async (wireFormat: number, content: Content): Promise<AuthenticatedContent> => {
    const framed = {
      groupId: hex(vector.group_id),
      epoch: BigInt(vector.epoch),
      sender: { senderType: SenderType.member, leafIndex: SENDER },
      authenticatedData: hex("0102030405"),
      content,
    };
    const signature = await signContent(signer, wireFormat, framed, groupContext);
    const confirmationTag =
      content.contentType === ContentType.commit ? new Uint8Array(provider.suite.hash.Nh).fill(9) : undefined;
    return { wireFormat, content: framed, auth: { signature, confirmationTag } };
  };
  const openPublicBytes = async (bytes: Uint8Array): Promise<AuthenticatedContent> => {
    const message = decode(MlsMessage, bytes);
    if (message.wireFormat !== WireFormat.publicMessage) throw new Error("no public message");
    const opened = await openPublic(
      provider,
      message.publicMessage,
      groupContext,
      hex(vector.membership_key),
    );
    await verifyContent(provider, opened, groupContext, signatureKey);
    return opened;
  };
  const openPrivateBytes = async (bytes: Uint8Array): Promise<AuthenticatedContent> => {
    const message = decode(MlsMessage, bytes);
    if (message.wireFormat !== WireFormat.privateMessage) throw new Error("no private message");
    const receiver = keys();
    const opened = await openPrivate(provider, message.privateMessage, receiver);
    await verifyContent(provider, opened.content, groupContext, signatureKey);
    opened.consume();
    await expect(async () => openPrivate(provider, message.privateMessage, receiver)).rejects.toMatchObject({
      code: "duplicate",
    });
    return opened.content;
  };
  const sealPublicBytes = async (authenticated: AuthenticatedContent): Promise<Uint8Array> => {
    const publicMessage = await sealPublic(provider, authenticated, groupContext, hex(vector.membership_key));
    return encode(MlsMessage, { version: 1, wireFormat: WireFormat.publicMessage, publicMessage });
  };
  const sealPrivateBytes = async (authenticated: AuthenticatedContent): Promise<Uint8Array> => {
    const privateMessage = await sealPrivate(provider, authenticated, keys(), 37);
    return encode(MlsMessage, { version: 1, wireFormat: WireFormat.privateMessage, privateMessage });
  };
  return { authenticate, openPublicBytes, openPrivateBytes, sealPublicBytes, sealPrivateBytes };
}

function raw(content: Content): string {
  switch (content.contentType) {
    case ContentType.application:
      return toHex(content.applicationData);
    case ContentType.proposal:
      return toHex(encode(Proposal, content.proposal));
    case ContentType.commit:
      return toHex(encode(Commit, content.commit));
  }
}

forEachVector<Vector>("message-protection", async (vector, { suite }) => {
  const contents: [name: "proposal" | "commit" | "application", content: Content][] = [
    ["proposal", { contentType: ContentType.proposal, proposal: decode(Proposal, hex(vector.proposal)) }],
    ["commit", { contentType: ContentType.commit, commit: decode(Commit, hex(vector.commit)) }],
    ["application", { contentType: ContentType.application, applicationData: hex(vector.application) }],
  ];
  const parties = await setUp(vector, suite);
  for (const [name, content] of contents) {
    const decrypted = await parties.openPrivateBytes(hex(vector[`${name}_priv`]));
    expect(raw(decrypted.content.content)).toBe(vector[name]);
    expect(decrypted.content.sender).toEqual({ senderType: SenderType.member, leafIndex: SENDER });

    const own = await parties.authenticate(WireFormat.privateMessage, content);
    const back = await parties.openPrivateBytes(await parties.sealPrivateBytes(own));
    expect(back).toEqual(own);

    const ownPublic = await parties.authenticate(WireFormat.publicMessage, content);
    if (name === "application") {
      await expect(parties.sealPublicBytes(ownPublic)).rejects.toMatchObject({
        rule: "6: applications must use PrivateMessage to encrypt application messages",
      });
      continue;
    }
    const opened = await parties.openPublicBytes(hex(vector[`${name}_pub`]));
    expect(raw(opened.content.content)).toBe(vector[name]);
    expect(await parties.openPublicBytes(await parties.sealPublicBytes(ownPublic))).toEqual(ownPublic);
  }
});
