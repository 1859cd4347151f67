// RFC 9420 §12.2, §12.4.3.2: invalid external commits with valid signatures are refused, each by its rule.

import { type Group, generateSigner, type Signer } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { four, keyPackageIn, type Party, party, publicIn } from "@copse/test-support/clients";
import { failure, named, refused, saying } from "@copse/test-support/errors";
import { type Insider, insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { ContentType, SenderType } from "../../src/wire/framed-content.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { ResumptionPSKUsage } from "../../src/wire/psk.js";
import {
  data,
  externalInit,
  externalPsk,
  filled,
  remove,
  resumptionPsk,
  SUITE,
  unknown,
} from "../proposals.js";
import { forgeJoin, fromOutside, type JoinForgery } from "./forged-messages.js";

let bob: Group;
let alice: Group;
let inside: Insider;
let joiner: Party;
let other: Signer;
let keyPackage: ReturnType<typeof keyPackageIn>;

beforeAll(async () => {
  const meeting = await four(SUITE);
  [alice, bob] = meeting.groups as [Group, Group];
  inside = await insider(meeting.parties[0] as Party, alice);
  joiner = await party("joiner", { suite: SUITE });
  other = await generateSigner(nodeProvider(), SUITE);
  keyPackage = keyPackageIn(await joiner.client.createKeyPackage());
});

const none = "12.2: an external commit must contain no other";

describe("an external commit", () => {
  const wrong: [string, string, () => Proposal[], JoinForgery?][] = [
    ["without an ExternalInit", "12.2: an external commit must contain exactly one", () => []],
    [
      "with two ExternalInits",
      "12.2: an external commit must contain exactly one",
      () => [externalInit, externalInit],
    ],
    [
      "with two Removes",
      "12.2: an external commit must contain at most one",
      () => [externalInit, remove(2), remove(3)],
    ],
    ["with an Add", none, () => [externalInit, { proposalType: ProposalType.add, keyPackage }]],
    [
      "with an Update",
      none,
      () => [externalInit, { proposalType: ProposalType.update, leafNode: keyPackage.leafNode }],
    ],
    [
      "with a ReInit",
      none,
      () => [
        externalInit,
        { proposalType: ProposalType.reinit, groupId: data, version: 1, cipherSuite: SUITE, extensions: [] },
      ],
    ],
    [
      "with GroupContextExtensions",
      none,
      () => [externalInit, { proposalType: ProposalType.groupContextExtensions, extensions: [] }],
    ],
    [
      "with one PSK twice",
      "12.2: a commit must not contain multiple PreSharedKey",
      () => [externalInit, externalPsk(), externalPsk()],
    ],
    [
      "with a PSK nonce too short",
      "12.1.4: psk_nonce",
      () => [externalInit, externalPsk({ pskNonce: filled(31) })],
    ],
    [
      "with a PSK of usage reinit",
      "12.1.4: a resumption PSK with usage reinit",
      () => [externalInit, resumptionPsk(ResumptionPSKUsage.reinit)],
    ],
    [
      "with a PSK of usage branch",
      "12.1.4: a resumption PSK with usage branch",
      () => [externalInit, resumptionPsk(ResumptionPSKUsage.branch)],
    ],
    ["that removes a blank leaf", "12.1.3: removed", () => [externalInit, remove(77)]],
    [
      "with the leaf key of its removed former self",
      "7.3: the encryption_key must be different",
      () => [externalInit, remove(2)],
      { leaf: (_, replaced) => ({ encryptionKey: (replaced as LeafNode).encryptionKey }) },
    ],
    [
      "with a leaf of source update",
      "7.3: leaf_node_source",
      () => [externalInit],
      { leaf: () => ({ leafNodeSource: { type: 2 } }) },
    ],
    [
      "with an extension that its leaf's capabilities don't list",
      "7.3: each extension of the LeafNode",
      () => [externalInit],
      { leaf: () => ({ extensions: [unknown] }) },
    ],
    [
      "with a leaf that doesn't support the group's suite",
      "11.1: all members",
      () => [externalInit],
      { leaf: ({ capabilities }) => ({ capabilities: { ...capabilities, cipherSuites: [] } }) },
    ],
    [
      "with the leaf key of a member",
      "12.4.2: none of the public keys",
      () => [externalInit],
      { leaf: () => ({ encryptionKey: (inside.epoch.tree.leaf(0) as LeafNode).encryptionKey }) },
    ],
    [
      "with another parent hash",
      "7.9.2: the leaf node's parent_hash",
      () => [externalInit],
      { leaf: () => ({ leafNodeSource: { type: 3, parentHash: filled() } }) },
    ],
    [
      "with a leaf signed by nobody",
      "7.3: the signature on the LeafNode",
      () => [externalInit],
      {
        path: ({ updatePath }) => ({
          ...updatePath,
          leafNode: { ...updatePath.leafNode, signature: filled(64) },
        }),
      },
    ],
    [
      "with a node less in its path",
      "7.5: an update path has a node",
      () => [externalInit],
      { path: ({ updatePath }) => ({ ...updatePath, nodes: updatePath.nodes.slice(1) }) },
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, proposals, forgery) => {
    const message = await forgeJoin(inside, joiner, proposals(), forgery);
    expect(saying(await refused(bob, message))).toMatch(named(rule));
  });

  it("signed by another key than its leaf's is refused by 6.1: recipients must verify", async () => {
    const message = await forgeJoin(inside, joiner, [externalInit], { signer: other });
    expect(saying(await refused(bob, message))).toMatch(/^6\.1: recipients must verify/);
  });

  it("by the key of a member is refused by 7.3: signature_key", async () => {
    const { signer } = inside;
    const message = await forgeJoin(inside, { ...joiner, signer }, [externalInit]);
    expect(saying(await refused(bob, message))).toMatch(/^7\.3: signature_key must be unique/);
  });

  it("without a path is refused by 12.4.3.2: external commits must contain a path", async () => {
    const commit = { proposals: [{ type: 1, proposal: externalInit } as const], path: undefined };
    const message = await fromOutside(
      inside,
      { senderType: SenderType.newMemberCommit },
      { contentType: ContentType.commit, commit },
    );
    expect(saying(await refused(bob, message))).toMatch(/^12\.4\.3\.2: external commits must contain a path/);
  });

  it("by reference is refused by 12.4.3.2: an external commit must not include any", async () => {
    const good = publicIn(await forgeJoin(inside, joiner, [externalInit]));
    const { content } = good.content;
    if (content.contentType !== ContentType.commit) throw new Error("no commit");
    const [reference] = await (async () => {
      await bob.receive(await alice.propose({ remove: 3 }));
      return bob.proposals.map((one) => one.reference as Uint8Array);
    })();
    const commit = {
      ...content.commit,
      proposals: [...content.commit.proposals, { type: 2, reference: reference as Uint8Array } as const],
    };
    const message = await fromOutside(
      { ...inside, signer: joiner.signer },
      { senderType: SenderType.newMemberCommit },
      { contentType: ContentType.commit, commit },
    );
    expect(saying(await refused(bob, message))).toMatch(/^12\.4\.3\.2: an external commit must not include/);
  });

  it("with another ExternalInit or confirmation tag than its epoch's is refused by 12.4.2", async () => {
    const { commit, group } = await joinByExternalCommit(joiner.client, await bob.groupInfo());
    const good = publicIn(commit);
    const tampered = encode(MlsMessage, {
      version: 1,
      wireFormat: 1,
      publicMessage: { ...good, auth: { ...good.auth, confirmationTag: filled() } },
    });
    expect(saying(await refused(bob, tampered))).toMatch(/^12\.4\.2: the confirmation tag/);
    await group.close();
  });

  it("takes a GroupInfo with external_pub, of the client's suite", async () => {
    const bare = await bob.groupInfo({ externalPub: false });
    expect((await failure(joinByExternalCommit(joiner.client, bare))).code).toBe("missing");
    const elsewhere = await party("elsewhere", { suite: 3 });
    const error = await failure(joinByExternalCommit(elsewhere.client, await bob.groupInfo()));
    expect(saying(error)).toMatch(/^12\.4\.3\.1: the cipher suite in the GroupInfo/);
  });

  it("joins at the leftmost blank leaf, with the same state as the members", async () => {
    const guest = await party("guest", { suite: SUITE });
    const { groups } = await four(SUITE);
    const [a, b] = groups as [Group, Group];
    const removal = await a.remove(2);
    await b.receive(removal.commit);
    await a.mergePendingCommit();
    const { commit, group } = await joinByExternalCommit(guest.client, await a.groupInfo());
    await a.receive(commit);
    await b.receive(commit);
    await group.mergePendingCommit();
    expect(group.ownLeafIndex).toBe(2);
    expect(group.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(publicIn(commit).content.sender.senderType).toBe(SenderType.newMemberCommit);
  });
});
