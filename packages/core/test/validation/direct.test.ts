// RFC 9420 §7.6, §12: checks that no message reaches because an earlier check refuses it, called directly; and
// what a creator and a PublicGroup check of their own.
import { type Group, insecureAcceptAll } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { four, type Meeting, type Party, party, publicIn } from "@copse/test-support/clients";
import { failure, named, saying } from "@copse/test-support/errors";
import { by, frame, goodPath, type Insider, insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { processCommit } from "../../src/group/commit/process.js";
import { Registry } from "../../src/group/extensions/registry.js";
import { followFrom } from "../../src/group/messages/follow.js";
import { applyProposals } from "../../src/group/proposals/apply.js";
import { checkExternalList } from "../../src/group/proposals/list.js";
import { partyOf } from "../../src/group/proposals/sender.js";
import { checkProposals } from "../../src/group/proposals/single-proposal.js";
import { mergeUpdatePath } from "../../src/tree/treekem.js";
import {
  type AuthenticatedContent,
  type Content,
  ContentType,
  type Sender,
  SenderType,
  WireFormat,
} from "../../src/wire/framed-content.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { filled, remove, SUITE } from "../proposals.js";
import { fromOutside, groupInfoOf } from "./forged-messages.js";

let meeting: Meeting;
let mallory: Insider;

beforeAll(async () => {
  meeting = await four(SUITE, { policy: { handshake: "public" } });
  mallory = await insider(meeting.parties[2] as Party, meeting.groups[2] as Group);
});

const newMember: Sender = { senderType: SenderType.newMemberCommit };
const outside: Sender = { senderType: SenderType.external, senderIndex: 0 };
const framed = (sender: Sender, content: Content): AuthenticatedContent => ({
  wireFormat: WireFormat.publicMessage,
  content: {
    groupId: mallory.epoch.groupContext.groupId,
    epoch: mallory.epoch.groupContext.epoch,
    sender,
    authenticatedData: filled(0),
    content,
  },
  auth: { signature: filled(64), confirmationTag: undefined },
});
const commit: Content = { contentType: ContentType.commit, commit: { proposals: [], path: undefined } };

describe("behind the earlier checks", () => {
  const wrong: [string, string, () => Promise<unknown>][] = [
    [
      "an Update by a non-member",
      "12.1.2: an Update replaces",
      async () => {
        const leafNode = mallory.epoch.tree.leaf(2) as LeafNode;
        const proposal: Proposal = { proposalType: ProposalType.update, leafNode };
        return checkProposals(
          mallory.config,
          mallory.epoch,
          [{ proposal, sender: newMember }],
          [],
          "receiving",
        );
      },
    ],
    [
      "a Remove of nobody that is applied",
      "12.1.3: removed",
      async () => applyProposals(mallory.epoch, by(2, remove(77)), new Registry()),
    ],
    [
      "a commit by an external sender",
      "6.1: a commit is sent by a member",
      async () => processCommit(mallory.config, mallory.epoch, framed(outside, commit), () => undefined),
    ],
    [
      "one PSK twice in an external commit",
      "12.2: a commit must not contain multiple PreSharedKey",
      async () => {
        const psk = { pskType: 1, pskId: filled(1), pskNonce: filled() } as const;
        const list: Proposal[] = [
          { proposalType: ProposalType.externalInit, kemOutput: filled() },
          { proposalType: ProposalType.psk, psk },
          { proposalType: ProposalType.psk, psk },
        ];
        return checkExternalList(
          list.map((proposal) => ({ proposal, sender: newMember })),
          new Registry(),
        );
      },
    ],
    [
      "a sender that is no member",
      "unknown-sender",
      async () => partyOf(mallory.epoch, { senderType: SenderType.member, leafIndex: 77 }),
    ],
    ["a sender that the group doesn't list", "unknown-sender", async () => partyOf(mallory.epoch, outside)],
    [
      "an update path with a leaf of source update",
      "12.4.2: the leaf_node_source",
      async () => {
        const applied = applyProposals(mallory.epoch, [], new Registry());
        const { updatePath } = await goodPath(mallory, applied);
        const leafNode = { ...updatePath.leafNode, leafNodeSource: { type: 2 } as const };
        const { provider } = mallory.config;
        return mergeUpdatePath(provider, applied.tree, 2, { ...updatePath, leafNode }, new Set());
      },
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, work) => {
    expect(saying(await failure(work))).toMatch(named(rule));
  });
});

describe("a creator", () => {
  it("is refused a group without an ID by 11: the group ID", async () => {
    const { client } = await party("creator", { suite: SUITE });
    expect(saying(await failure(client.createGroup({ groupId: filled(0) })))).toMatch(/^11: the group ID/);
  });
});

describe("a PublicGroup", () => {
  const follow = async () =>
    PublicGroup.follow({
      crypto: nodeProvider(),
      authentication: insecureAcceptAll(),
      groupInfo: await (meeting.groups[0] as Group).groupInfo(),
    });

  it("of another suite is refused by 12.4.3.1: the cipher suite", async () => {
    const { config } = await party("follower", { suite: 3 });
    const work = async () => followFrom(config, await groupInfoOf(mallory), undefined);
    expect(saying(await failure(work))).toMatch(/^12\.4\.3\.1: the cipher suite in the GroupInfo/);
  });

  it("refuses application data in public by 6: applications must use PrivateMessage", async () => {
    const sender: Sender = { senderType: SenderType.member, leafIndex: 2 };
    const content: Content = { contentType: ContentType.application, applicationData: filled(1) };
    const message = publicIn(
      await fromOutside(mallory, newMember, { contentType: ContentType.proposal, proposal: remove(1) }),
    );
    const bytes = encode(MlsMessage, {
      version: 1,
      wireFormat: 1,
      publicMessage: {
        ...message,
        content: { ...message.content, sender, content },
        membershipTag: filled(),
      },
    });
    const follower = await follow();
    expect(saying(await failure(follower.receive(bytes)))).toMatch(/^6: applications must use/);
  });

  it("refuses a confirmation tag of another length by 6.1: the confirmation tag", async () => {
    const follower = await follow();
    const alice = meeting.groups[0] as Group;
    const { commit: bytes } = await alice.update();
    const good = publicIn(bytes);
    for (const length of [0, 31, 33]) {
      const changed = encode(MlsMessage, {
        version: 1,
        wireFormat: 1,
        publicMessage: { ...good, auth: { ...good.auth, confirmationTag: filled(length) } },
      });
      expect(saying(await failure(follower.receive(changed)))).toMatch(/^6\.1: the confirmation tag/);
    }
    const otherGroup = encode(MlsMessage, {
      version: 1,
      wireFormat: 1,
      publicMessage: { ...good, content: { ...good.content, groupId: filled() } },
    });
    expect((await failure(follower.receive(otherGroup))).code).toBe("wrong-group");
    await follower.receive(bytes);
    await alice.clearPendingCommit();
  });

  it("follows a group only until its ReInit", async () => {
    const follower = await follow();
    const alice = meeting.groups[0] as Group;
    const bob = meeting.groups[1] as Group;
    const { commit: bytes } = await alice.commit({
      reinit: { groupId: filled(), cipherSuite: SUITE, extensions: [] },
    });
    await follower.receive(bytes);
    await bob.receive(bytes);
    await alice.mergePendingCommit();
    const from = await insider(meeting.parties[0] as Party, alice);

    const message = await frame(from, { contentType: ContentType.proposal, proposal: remove(1) });
    expect((await failure(follower.receive(message))).code).toBe("closed");
  });
});
