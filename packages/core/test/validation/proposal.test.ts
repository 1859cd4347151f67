// RFC 9420 §10.1, §12.1: invalid standalone proposals, from members and from outside, are refused, each by its rule.
import { customProposal, type Group } from "@copse/core";
import {
  copyOf,
  four,
  keyPackageIn,
  type Meeting,
  type Party,
  party,
  publicIn,
} from "@copse/test-support/clients";
import { failure, named, refused, saying } from "@copse/test-support/errors";
import { frame, type Insider, insider } from "@copse/test-support/insiders";
import { eachProposal } from "@copse/test-support/policies";
import { beforeAll, describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { encode, opaque } from "../../src/codec/codec.js";
import { signWithLabel } from "../../src/crypto/labelled.js";
import { externalSenders } from "../../src/group/extensions/requirements.js";
import { ContentType, SenderType } from "../../src/wire/framed-content.js";
import { KeyPackageTBS } from "../../src/wire/key-package.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { ResumptionPSKUsage } from "../../src/wire/psk.js";
import { MALLORY } from "../client/insider.js";
import { data, externalInit, externalPsk, filled, remove, resumptionPsk, SUITE } from "../proposals.js";
import { fromOutside } from "./forged-messages.js";

let meeting: Meeting;
let alice: Group;
let bob: Group;
let mallory: Insider;
let server: Party;
let newMember: Party;

beforeAll(async () => {
  meeting = await four(SUITE);
  [alice, bob] = meeting.groups as [Group, Group];
  server = await party("server", { suite: SUITE });
  newMember = await party("new-member", { suite: SUITE });
  const { signatureKey, credential } = server.client;
  const { commit } = await alice.commit({ extensions: [externalSenders([{ signatureKey, credential }])] });
  for (const one of meeting.groups.slice(1)) await one.receive(commit);
  await alice.mergePendingCommit();
  mallory = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
});

const byMember = (proposal: Proposal) => frame(mallory, { contentType: ContentType.proposal, proposal });
const byServer = (proposal: Proposal, senderIndex = 0) =>
  fromOutside(
    { ...mallory, signer: server.signer },
    { senderType: SenderType.external, senderIndex },
    { contentType: ContentType.proposal, proposal },
  );
const byNewMember = (proposal: Proposal) =>
  fromOutside(
    { ...mallory, signer: newMember.signer },
    { senderType: SenderType.newMemberProposal },
    { contentType: ContentType.proposal, proposal },
  );
const update = async (): Promise<Proposal> => ({
  proposalType: ProposalType.update,
  leafNode: keyPackageIn(await newMember.client.createKeyPackage()).leafNode,
});
const allowed = "6.1: the proposal's type must be one that is allowed for external senders";

describe("a proposal", () => {
  const wrong: [string, string, () => Promise<Uint8Array>][] = [
    ["to remove a blank leaf, by a member", "12.1.3: removed", () => byMember(remove(77))],
    ["to remove a blank leaf, by an external sender", "12.1.3: removed", () => byServer(remove(77))],
    [
      "of a PSK with another nonce",
      "12.1.4: psk_nonce",
      () => byMember(externalPsk({ pskNonce: filled(33) })),
    ],
    [
      "of a PSK of usage reinit",
      "12.1.4: a resumption PSK with usage reinit",
      () => byMember(resumptionPsk(ResumptionPSKUsage.reinit)),
    ],
    [
      "of a PSK of usage branch",
      "12.1.4: a resumption PSK with usage branch",
      () => byMember(resumptionPsk(ResumptionPSKUsage.branch)),
    ],
    [
      "to reinitialize with an older version",
      "12.1.5: the version",
      () =>
        byMember({
          proposalType: ProposalType.reinit,
          groupId: data,
          version: 0,
          cipherSuite: SUITE,
          extensions: [],
        }),
    ],
    ["of an ExternalInit, by a member", "12.1.6: an ExternalInit", () => byMember(externalInit)],
    ["of an ExternalInit, by an external sender", allowed, () => byServer(externalInit)],
    ["of an Update, by an external sender", allowed, async () => byServer(await update())],
    ["by an external sender that isn't listed", "unknown-sender", () => byServer(remove(3), 1)],
    [
      "to remove, by a new member",
      "6.1: the content of a new member's proposal must be an add",
      () => byNewMember(remove(3)),
    ],
    [
      "in an external sender's name by somebody else",
      "6.1: recipients must verify",
      () =>
        fromOutside(
          mallory,
          { senderType: SenderType.external, senderIndex: 0 },
          { contentType: ContentType.proposal, proposal: remove(3) },
        ),
    ],
    [
      "in a member's name by somebody else",
      "6.1: recipients must verify",
      () =>
        frame(
          mallory,
          { contentType: ContentType.proposal, proposal: remove(3) },
          { sender: { senderType: SenderType.member, leafIndex: 3 } },
        ),
    ],
    [
      "of a later epoch",
      "future-epoch",
      () => frame(mallory, { contentType: ContentType.proposal, proposal: remove(3) }, { epoch: 99n }),
    ],
    [
      "of an earlier epoch",
      "past-epoch",
      () => frame(mallory, { contentType: ContentType.proposal, proposal: remove(3) }, { epoch: 2n }),
    ],
    [
      "of another group",
      "wrong-group",
      () => frame(mallory, { contentType: ContentType.proposal, proposal: remove(3) }, { groupId: data }),
    ],
    [
      "whose membership tag is of no member",
      "6.2: the membership tag",
      async () => {
        const publicMessage = { ...publicIn(await byMember(remove(3))), membershipTag: filled() };
        return encode(MlsMessage, { version: 1, wireFormat: 1, publicMessage });
      },
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, make) => {
    expect(saying(await refused(bob, await make()))).toMatch(named(rule));
  });

  it("is accepted if valid, from a member, an external sender and a new member", async () => {
    const copy = await copyOf(meeting.parties[1] as Party, bob);
    const keyPackage = keyPackageIn(await newMember.client.createKeyPackage());
    const add: Proposal = { proposalType: ProposalType.add, keyPackage };
    for (const message of [await byMember(remove(3)), await byServer(remove(3)), await byNewMember(add)]) {
      expect(await copy.receive(message)).toMatchObject({ kind: "proposal" });
    }
    expect(copy.proposals).toHaveLength(3);
  });

  it("is all that comes from an external sender: 6.1: the content of an external sender", async () => {
    const message = await fromOutside(
      { ...mallory, signer: server.signer },
      { senderType: SenderType.external, senderIndex: 0 },
      { contentType: ContentType.commit, commit: { proposals: [], path: undefined } },
    );
    expect(saying(await refused(bob, message))).toMatch(/^6\.1: the content of an external sender/);
  });

  it("is nothing that comes from one who joins by a commit: 6.1: the content of a new member's commit", async () => {
    const message = await fromOutside(
      { ...mallory, signer: newMember.signer },
      { senderType: SenderType.newMemberCommit },
      { contentType: ContentType.proposal, proposal: remove(3) },
    );
    expect(saying(await refused(bob, message))).toMatch(/^6\.1: the content of a new member's commit/);
  });

  it("by an external sender to a group that lists none is refused by unknown-sender", async () => {
    const { parties, groups } = await four(SUITE);
    const from = await insider(parties[0] as Party, groups[0] as Group);
    const message = await fromOutside(
      { ...from, signer: server.signer },
      { senderType: SenderType.external, senderIndex: 0 },
      { contentType: ContentType.proposal, proposal: remove(3) },
    );
    expect((await refused(groups[1] as Group, message)).code).toBe("unknown-sender");
  });

  it("that the application doesn't authorize is refused by forbidden", async () => {
    const authorize = eachProposal(({ proposalType }) => proposalType !== ProposalType.remove);
    const { parties, groups } = await four(SUITE, { policy: { authorize } });
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const message = await frame(from, { contentType: ContentType.proposal, proposal: remove(3) });
    expect((await refused(groups[1] as Group, message)).code).toBe("forbidden");
    expect((await failure((groups[1] as Group).remove(3))).code).toBe("forbidden");
  });

  it("of a type that nobody registered is malformed", async () => {
    const proposal = customProposal(0xf123, data);
    expect((await refused(bob, await byMember(proposal))).code).toBe("decode");
  });

  it("must be committed before application data is sent", async () => {
    const { groups } = await four(SUITE);
    const [a, b] = groups as [Group, Group];
    await b.receive(await a.propose({ remove: 3 }));
    for (const group of [a, b]) expect((await failure(group.encrypt("too early"))).code).toBe("pending");
    await b.commit();
    await b.mergePendingCommit();
    await b.encrypt("now");
  });
});

describe("a key package", () => {
  it("of another version is refused as malformed, though it is well signed", async () => {
    const { signature: _, ...unsigned } = keyPackageIn(await newMember.client.createKeyPackage());
    const tbs = encode(KeyPackageTBS, unsigned).slice();
    const framed = async () =>
      concat(
        new Uint8Array([0, 1, 0, 5]),
        tbs,
        encode(opaque, await signWithLabel(newMember.signer, "KeyPackageTBS", tbs)),
      );
    const copy = await copyOf(meeting.parties[0] as Party, alice);
    await copy.propose({ add: await framed() });
    tbs[1] = 2;
    expect((await failure(copy.propose({ add: await framed() }))).code).toBe("decode");
  });
});
