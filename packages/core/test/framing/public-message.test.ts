// RFC 9420 §6.1, §6.2: public messages, valid and invalid.

import { utf8 } from "@copse/test-support/bytes";
import { nodeSuite } from "@copse/test-support/providers";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { decode, encode } from "../../src/codec/codec.js";
import { verifyContent } from "../../src/framing/authentication.js";
import { openPublic, sealPublic } from "../../src/framing/public-message.js";
import {
  type Content,
  ContentType,
  type Sender,
  SenderType,
  WireFormat,
} from "../../src/wire/framed-content.js";
import { PublicMessage } from "../../src/wire/message.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { later } from "../schedule/providers.js";
import { application, commit, member, party, removal } from "./party.js";

const provider = nodeSuite(1);
const group = await party(provider);
const PUBLIC = WireFormat.publicMessage;
const open = async (message: PublicMessage, context = group.groupContext, key = group.membershipKey) =>
  openPublic(provider, message, context, key);
const sealed = async (content: Content, sender?: Sender) =>
  sealPublic(
    provider,
    await group.authenticate(PUBLIC, content, sender),
    group.groupContext,
    group.membershipKey,
  );
const rule = (section: string) => ({ code: "validation", rule: expect.stringMatching(section) });

describe("members", () => {
  it("messages come back over the wire, synchronous or not", async () => {
    for (const crypto of [provider, later(provider)]) {
      for (const content of [removal, commit]) {
        const authenticated = await group.authenticate(PUBLIC, content);
        const message = await sealPublic(crypto, authenticated, group.groupContext, group.membershipKey);
        const received = decode(PublicMessage, encode(PublicMessage, message));
        const opened = await openPublic(crypto, received, group.groupContext, group.membershipKey);
        expect(opened).toEqual(authenticated);
        await verifyContent(crypto, opened, group.groupContext, group.signer.publicKey);
      }
    }
  });

  it("any byte changed on the wire is refused", async () => {
    for (const content of [removal, commit]) {
      const bytes = encode(PublicMessage, await sealed(content));
      for (let i = 0; i < bytes.length; i++) {
        for (const flip of [1, 0x80]) {
          const changed = bytes.slice();
          changed[i] = (changed[i] as number) ^ flip;
          await expect(async () => {
            // A changed sender type may take the message out of the group's keys; the signature holds then.
            const opened = await open(decode(PublicMessage, changed));
            await verifyContent(provider, opened, group.groupContext, group.signer.publicKey);
          }).rejects.toMatchObject({ code: expect.stringMatching(/^(decode|validation|fork)$/) });
        }
      }
    }
  });

  it("each field changed is refused by the membership tag", async () => {
    const message = await sealed(commit);
    const { content, auth } = message;
    const changes: Partial<PublicMessage>[] = [
      { content: { ...content, groupId: utf8("another") } },
      { content: { ...content, epoch: 8n } },
      { content: { ...content, sender: member(0) } },
      { content: { ...content, authenticatedData: utf8("") } },
      {
        content: {
          ...content,
          content: {
            ...commit,
            commit: { proposals: [{ type: 2, reference: new Uint8Array(32) }], path: undefined },
          } as Content,
        },
      },
      { auth: { ...auth, signature: auth.signature.slice(1) } },
      { auth: { ...auth, confirmationTag: utf8("another") } },
      { membershipTag: undefined },
      { membershipTag: new Uint8Array(0) },
      { membershipTag: (message.membershipTag as Uint8Array).slice(0, 31) },
      { membershipTag: concat(message.membershipTag as Uint8Array, Uint8Array.of(0)) },
    ];
    for (const change of changes) {
      await expect(open({ ...message, ...change })).rejects.toMatchObject({ code: "validation" });
    }
    await expect(open(message, group.groupContext.slice(1))).rejects.toMatchObject({ code: "validation" });
    await expect(open(message, group.groupContext, new Uint8Array(32))).rejects.toMatchObject({
      code: "validation",
    });
    await open(message);
  });

  it("application data is refused on both sides", async () => {
    await expect(sealed(application("hello"))).rejects.toMatchObject(rule("^6: "));
    const { content, auth } = await group.authenticate(PUBLIC, application("hello"));
    await expect(open({ content, auth, membershipTag: new Uint8Array(32) })).rejects.toMatchObject(
      rule("^6: "),
    );
  });

  it("wrong calls are refused", async () => {
    const authenticated = await group.authenticate(PUBLIC, commit);
    const seal = async (change: object, key: Uint8Array | undefined = group.membershipKey) =>
      sealPublic(provider, { ...authenticated, ...change }, group.groupContext, key);
    const usage = { code: "usage" };
    await expect(seal({ wireFormat: WireFormat.privateMessage })).rejects.toMatchObject(usage);
    await expect(seal({ auth: { ...authenticated.auth, confirmationTag: undefined } })).rejects.toMatchObject(
      usage,
    );
    await expect(async () =>
      sealPublic(provider, authenticated, group.groupContext, undefined),
    ).rejects.toMatchObject(usage);
    await expect(async () =>
      openPublic(provider, await sealed(commit), group.groupContext, undefined),
    ).rejects.toMatchObject(usage);
  });
});

describe("senders outside of the group", () => {
  const proposal = (value: Proposal): Content => ({ contentType: ContentType.proposal, proposal: value });
  const reinit = proposal({
    proposalType: ProposalType.reinit,
    groupId: utf8("next"),
    version: 1,
    cipherSuite: 1,
    extensions: [],
  });
  const externalInit = proposal({ proposalType: ProposalType.externalInit, kemOutput: utf8("kem") });
  const extensions = proposal({ proposalType: ProposalType.groupContextExtensions, extensions: [] });
  const psk = proposal({
    proposalType: ProposalType.psk,
    psk: { pskType: 1, pskId: utf8("id"), pskNonce: new Uint8Array(32) },
  });
  const leafNode = {
    encryptionKey: utf8("e"),
    signatureKey: utf8("s"),
    credential: { credentialType: 1 as const, identity: utf8("new") },
    capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] },
    extensions: [],
    signature: utf8("sig"),
  };
  const add = proposal({
    proposalType: ProposalType.add,
    keyPackage: {
      version: 1,
      cipherSuite: 1,
      initKey: utf8("i"),
      leafNode: { ...leafNode, leafNodeSource: { type: 1, lifetime: { notBefore: 0n, notAfter: 1n } } },
      extensions: [],
      signature: utf8("sig"),
    },
  });
  const update = proposal({
    proposalType: ProposalType.update,
    leafNode: { ...leafNode, leafNodeSource: { type: 2 } },
  });
  const contents = {
    application: application("x"),
    commit,
    add,
    update,
    removal,
    psk,
    reinit,
    externalInit,
    extensions,
  };

  it.each([
    [{ senderType: SenderType.external, senderIndex: 0 }, ["add", "removal", "psk", "reinit", "extensions"]],
    [{ senderType: SenderType.newMemberProposal }, ["add"]],
    [{ senderType: SenderType.newMemberCommit }, ["commit"]],
    [member(1), ["commit", "add", "update", "removal", "psk", "reinit", "externalInit", "extensions"]],
  ] as [Sender, string[]][])("%j may send what §6.1 allows, and nothing else", async (sender, allowed) => {
    for (const [name, content] of Object.entries(contents)) {
      const { content: framed, auth } = await group.authenticate(PUBLIC, content, sender);
      if (allowed.includes(name)) {
        const message = await sealed(content, sender);
        expect(message.membershipTag === undefined).toBe(sender.senderType !== SenderType.member);
        const opened = await open(decode(PublicMessage, encode(PublicMessage, message)));
        expect(opened).toEqual({ wireFormat: PUBLIC, content: framed, auth: message.auth });
        await verifyContent(provider, opened, group.groupContext, group.signer.publicKey);
      } else {
        await expect(sealed(content, sender)).rejects.toMatchObject(rule("^6(\\.1)?: "));
        await expect(open({ content: framed, auth, membershipTag: undefined })).rejects.toMatchObject(
          rule("^6(\\.1)?: "),
        );
      }
    }
  });

  it("take no membership key, and their signature covers the context where they join by it", async () => {
    const joining = await group.authenticate(PUBLIC, commit, { senderType: SenderType.newMemberCommit });
    const message = await sealPublic(provider, joining, group.groupContext, undefined);
    const opened = await openPublic(provider, message, group.groupContext, undefined);
    await expect(async () =>
      verifyContent(provider, opened, utf8("another context"), group.signer.publicKey),
    ).rejects.toMatchObject(rule("^6\\.1: "));

    const outside = await group.authenticate(PUBLIC, removal, {
      senderType: SenderType.external,
      senderIndex: 0,
    });
    await verifyContent(provider, outside, undefined, group.signer.publicKey);
    await verifyContent(provider, outside, utf8("another context"), group.signer.publicKey);
  });
});
