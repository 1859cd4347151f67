// RFC 9420 §12.1, §12.2, §12.4: invalid commits with valid signatures are refused, each by its rule.
import type { Group } from "@copse/core";
import { copyOf, everyone, four, type Meeting, type Party } from "@copse/test-support/clients";
import { named, refused, saying } from "@copse/test-support/errors";
import { type Forgery, forge, frame, type Insider, insider, resigned } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { RequiredCapabilities } from "../../src/wire/extension.js";
import { ContentType } from "../../src/wire/framed-content.js";
import { type LeafNode, LeafNodeSource } from "../../src/wire/leaf-node.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { ResumptionPSKUsage } from "../../src/wire/psk.js";
import { data, externalPsk, filled, reinit, remove, resumptionPsk, SUITE } from "../proposals.js";
import { byMallory, infiltrated, MALLORY } from "./insider.js";

let meeting: Meeting;
let bob: Group;
let mallory: Insider;

beforeAll(async () => {
  ({ meeting, bob, mallory } = await infiltrated());
});

const extensions = (list: readonly { extensionType: number; extensionData: Uint8Array }[]): Proposal => ({
  proposalType: ProposalType.groupContextExtensions,
  extensions: list,
});

describe("forge()", () => {
  it.each([
    ["an empty commit", {}],
    ["a removal", { proposals: byMallory(remove(3)) }],
    ["a commit that is encrypted", { wireFormat: 2 }],
  ] as [string, Forgery][])("makes %s that is accepted", async (_, forgery) => {
    const copy = await copyOf(meeting.parties[1] as Party, bob);
    expect(await copy.receive(await forge(mallory, forgery))).toMatchObject({ kind: "commit" });
  });
});

describe("a commit", () => {
  const update = async (): Promise<Proposal> => {
    const { publicKey } = await mallory.config.provider.hpke.generateKeyPair();
    const own = mallory.epoch.tree.leaf(MALLORY) as LeafNode;
    const leafNode = await resigned(mallory, own, {
      encryptionKey: publicKey,
      leafNodeSource: { type: LeafNodeSource.update },
    });
    return { proposalType: ProposalType.update, leafNode };
  };
  const external: Proposal = { proposalType: ProposalType.externalInit, kemOutput: filled() };
  const unsupported = extensions([{ extensionType: 0xff00, extensionData: data }]);
  const requiring = (required: Partial<RequiredCapabilities>) =>
    extensions([
      {
        extensionType: 3,
        extensionData: encode(RequiredCapabilities, {
          extensionTypes: [],
          proposalTypes: [],
          credentialTypes: [],
          ...required,
        }),
      },
    ]);
  const wrong: [string, string, () => Promise<Proposal[]> | Proposal[], Forgery?][] = [
    ["that removes its committer", "12.2: a commit must not remove its committer", () => [remove(MALLORY)]],
    [
      "with an Update by its committer",
      "12.2: a commit must not contain an Update",
      async () => [await update()],
    ],
    [
      "with two removes of one leaf",
      "12.2: a commit must not contain multiple Update",
      () => [remove(3), remove(3)],
    ],
    ["that removes a leaf beyond the tree", "12.1.3: removed", () => [remove(4)]],
    ["that removes the last possible leaf", "12.1.3: removed", () => [remove(2 ** 32 - 1)]],
    ["with a ReInit and more", "12.2: a commit must not contain a ReInit", () => [reinit(), remove(3)]],
    ["with two ReInits", "12.2: a commit must not contain a ReInit", () => [reinit(), reinit()]],
    ["with a ReInit to an older version", "12.1.5: the version", () => [reinit({ version: 0 })]],
    [
      "with two GroupContextExtensions",
      "12.2: a commit must not contain multiple Gr",
      () => [extensions([]), extensions([])],
    ],
    ["with an ExternalInit", "12.2: a regular commit", () => [external]],
    [
      "with the same PSK twice",
      "12.2: a commit must not contain multiple Pre",
      () => [externalPsk(), externalPsk()],
    ],
    ["with a PSK nonce too short", "12.1.4: psk_nonce", () => [externalPsk({ pskNonce: filled(31) })]],
    ["with a PSK nonce too long", "12.1.4: psk_nonce", () => [externalPsk({ pskNonce: filled(33) })]],
    ["with a PSK nonce of nothing", "12.1.4: psk_nonce", () => [externalPsk({ pskNonce: filled(0) })]],
    [
      "with a PSK for reinit",
      "12.1.4: a resumption PSK with usage reinit",
      () => [resumptionPsk(ResumptionPSKUsage.reinit)],
    ],
    [
      "with a PSK for branch",
      "12.1.4: a resumption PSK with usage branch",
      () => [resumptionPsk(ResumptionPSKUsage.branch)],
    ],
    ["with a PSK nobody has", "missing", () => [externalPsk()]],
    ["with an extension nobody has", "13.4: the capabilities", () => [unsupported]],
    [
      "with an extension twice",
      "13.4: ",
      () => [extensions([1, 1].map((t) => ({ extensionType: t, extensionData: data })))],
    ],
    ["that requires an extension", "13.4: the capabilities", () => [requiring({ extensionTypes: [0xff00] })]],
    ["that requires a proposal", "7.3: the proposal types", () => [requiring({ proposalTypes: [0xff00] })]],
    [
      "that requires a credential",
      "7.3: the credential types",
      () => [requiring({ credentialTypes: [0xff00] })],
    ],
    [
      "with malformed required capabilities",
      "decode",
      () => [extensions([{ extensionType: 3, extensionData: data }])],
    ],
    ["of nothing, without a path", "12.4: the path", () => [], { path: "none" }],
    ["that removes, without a path", "12.4: the path", () => [remove(3)], { path: "none" }],
    [
      "with another confirmation tag",
      "12.4.2: the confirmation tag",
      () => [],
      { confirmationTag: filled() },
    ],
    [
      "with a confirmation tag too short",
      "6.1: the confirmation tag",
      () => [],
      { confirmationTag: filled(31) },
    ],
    ["of an epoch to come", "future-epoch", () => [], { epoch: 1000n }],
    ["of an epoch before", "past-epoch", () => [], { epoch: 0n }],
    ["of another group", "wrong-group", () => [], { groupId: data }],
    ["from beyond the tree", "unknown-sender", () => [], { sender: { senderType: 1, leafIndex: 4 } }],
    [
      "in another's name",
      "6.1: recipients must verify",
      () => [],
      { sender: { senderType: 1, leafIndex: 0 } },
    ],
    [
      "in the receiver's name",
      "6.1: recipients must verify",
      () => [],
      { sender: { senderType: 1, leafIndex: 1 } },
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, proposals, forgery = {}) => {
    const message = await forge(mallory, { proposals: byMallory(...(await proposals())), ...forgery });
    const error = await refused(bob, message);
    expect(saying(error)).toMatch(named(rule));
  });

  it("of a proposal that nobody sent is refused as missing", async () => {
    const proposals = byMallory(remove(3)).map((one) => ({ ...one, reference: filled() }));
    expect((await refused(bob, await forge(mallory, { proposals }))).code).toBe("proposal-missing");
  });

  it("of a proposal of an epoch before is refused as missing", async () => {
    const old = await four(SUITE, { policy: { handshake: "public" } });
    const [a, b] = old.groups as [Group, Group];
    await everyone(old.groups, await a.propose({ remove: 3 }), 0);
    const [reference] = b.proposals.map((one) => one.reference as Uint8Array);
    const { commit } = await (old.groups[2] as Group).commit();
    await everyone(old.groups, commit, 2);
    await (old.groups[2] as Group).mergePendingCommit();
    const from = await insider(old.parties[2] as Party, old.groups[2] as Group);
    const proposals = byMallory(extensions([])).map((one) => ({
      ...one,
      reference: reference as Uint8Array,
    }));
    expect((await refused(b, await forge(from, { proposals }))).code).toBe("proposal-missing");
  });

  it("from one who was removed is refused", async () => {
    const other = await four(SUITE);
    const [a, b] = other.groups as [Group, Group];
    const before = await insider(other.parties[MALLORY] as Party, other.groups[MALLORY] as Group);
    const { commit } = await a.remove(MALLORY);
    await b.receive(commit);
    const epoch = b.epoch;
    expect((await refused(b, await forge(before))).code).toBe("fork");
    // With the new epoch's number the keys are still those of the old one.
    expect((await refused(b, await forge(before, { epoch }))).code).toBe("validation");
    const colluding = await insider(other.parties[1] as Party, b);
    const keys = { ...colluding.epoch.keys, leafIndex: MALLORY };
    const from = { ...colluding, signer: before.signer, epoch: { ...colluding.epoch, keys } };
    const content = { contentType: ContentType.commit, commit: { proposals: [], path: undefined } } as const;
    await a.mergePendingCommit();
    expect((await refused(a, await frame(from, content))).code).toBe("unknown-sender");
    expect((await refused(a, await frame(from, content, { wireFormat: 2 }))).code).toBe("unknown-sender");
  });
});
