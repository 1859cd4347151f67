// RFC 9420 §10, §13.4, §17.3: lists of extensions, in each place and on each way, sent and received.

import type { Extension, Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { failure, named, refused, saying } from "@copse/test-support/errors";
import { by, forge, frame, type Insider, insider, resigned } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { signWithLabel } from "../../src/crypto/labelled.js";
import { createKeyPackage } from "../../src/key-package/key-package.js";
import { ExtensionType } from "../../src/wire/extension.js";
import { ContentType, WireFormat } from "../../src/wire/framed-content.js";
import { type KeyPackage, KeyPackageTBS } from "../../src/wire/key-package.js";
import { type LeafNode, LeafNodeSource } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { reinit, SUITE, unknown } from "../proposals.js";
import { forgeWelcome, groupInfoOf, signed, withLeaf } from "./forged-messages.js";

type Place = "keyPackage" | "leafNode" | "groupContext" | "groupInfo";

const capabilities = { extensions: [unknown.extensionType] };
const options = { suite: SUITE, capabilities, policy: { handshake: "public" } } as const;
let parties: readonly Party[];
let alice: Group;
let bob: Group;
/** Alice, who ignores the rules. */
let insiderAlice: Insider;
let stranger: Party;
let groupInfo: Uint8Array;

beforeAll(async () => {
  const meeting = await gather([await party("alice", options), await party("bob", options)]);
  ({ parties } = meeting);
  [alice, bob] = meeting.groups as [Group, Group];
  insiderAlice = await insider(parties[0] as Party, alice);
  stranger = await party("stranger", options);
  groupInfo = await alice.groupInfo();
});

/** Signs a key package anew, with other contents; the leaf node's signature is good too. */
async function keyPackageWith(
  change: Partial<KeyPackage>,
  leaf: Partial<LeafNode> = {},
): Promise<KeyPackage> {
  const { signer, client, config } = stranger;
  const { leafNode } = keyPackageIn(await client.createKeyPackage());
  const { credential, capabilities, extensions, leafNodeSource } = { ...leafNode, ...leaf };
  if (leafNodeSource.type !== LeafNodeSource.keyPackage) throw new Error("not of a key package");
  const description = { credential, capabilities, extensions };
  const { keyPackage } = await createKeyPackage(
    config.provider,
    signer,
    description,
    leafNodeSource.lifetime,
  );
  const { signature: _, ...unsigned } = { ...keyPackage, ...change };
  return {
    ...unsigned,
    signature: await signWithLabel(signer, "KeyPackageTBS", encode(KeyPackageTBS, unsigned)),
  };
}

const add = (keyPackage: KeyPackage): Proposal => ({ proposalType: ProposalType.add, keyPackage });
const inMessage = (keyPackage: KeyPackage) => encode(MlsMessage, { version: 1, wireFormat: 5, keyPackage });
const proposed = (proposal: Proposal) => frame(insiderAlice, { contentType: ContentType.proposal, proposal });
const committed = (proposal: Proposal) => forge(insiderAlice, { proposals: by(0, proposal) });
const follower = async (message: Uint8Array) =>
  PublicGroup.follow({
    authentication: stranger.config.authentication,
    policy: stranger.config.policy,
    crypto: nodeProvider(),
    groupInfo: message,
  });
const follow = async (message: Uint8Array) => (await follower(groupInfo)).receive(message);
const client = (more: object) => party("maker", { ...options, ...more });

/** A proposal, on all ways that it may take to Bob and to a follower. */
function asProposal(make: (extensions: readonly Extension[]) => Proposal | Promise<Proposal>) {
  return [
    ["proposed", async (list) => refused(bob, await proposed(await make(list)))],
    ["committed", async (list) => refused(bob, await committed(await make(list)))],
    ["followed", async (list) => failure(follow(await committed(await make(list))))],
  ] as Way[];
}
type Way = [name: string, refusal: (extensions: readonly Extension[]) => Promise<Error>];

const infoMessage = async (forgery: Parameters<typeof groupInfoOf>[1]) =>
  encode(MlsMessage, { version: 1, wireFormat: 4, groupInfo: await groupInfoOf(insiderAlice, forgery) });
const fail = failure as (work: Promise<unknown>) => Promise<Error>;

const WAYS: Record<Place, readonly Way[]> = {
  keyPackage: [
    ["made", async (extensions) => fail(stranger.client.createKeyPackage({ extensions }))],
    ["added", async (extensions) => fail(bob.add(inMessage(await keyPackageWith({ extensions }))))],
    ...asProposal(async (extensions) => add(await keyPackageWith({ extensions }))),
  ],
  leafNode: [
    ["made", async (leafExtensions) => fail((await client({ leafExtensions })).client.createKeyPackage())],
    ["added", async (extensions) => fail(bob.add(inMessage(await keyPackageWith({}, { extensions }))))],
    ...asProposal(async (extensions) => add(await keyPackageWith({}, { extensions }))),
    ...asProposal(async (extensions) => {
      const leaf = insiderAlice.epoch.tree.leaf(0) as LeafNode;
      const { publicKey: encryptionKey } = await insiderAlice.config.provider.hpke.generateKeyPair();
      const leafNodeSource = { type: LeafNodeSource.update } as const;
      const leafNode = await resigned(insiderAlice, leaf, { extensions, encryptionKey, leafNodeSource });
      return { proposalType: ProposalType.update, leafNode };
    }).slice(0, 1),
    [
      "in a tree to join",
      async (extensions) => {
        const nodes = withLeaf(insiderAlice, 1, () => ({ extensions }), (parties[1] as Party).signer);
        return fail(follower(await infoMessage({ nodes })));
      },
    ],
  ],
  groupContext: [
    ["of a new group", async (extensions) => fail(stranger.client.createGroup({ extensions }))],
    ["of an own commit", async (extensions) => fail(bob.commit({ extensions }))],
    ["of an own proposal", async (extensions) => fail(bob.propose({ extensions }))],
    [
      "of an own ReInit",
      async (extensions) =>
        fail(bob.commit({ reinit: { groupId: new Uint8Array([1]), cipherSuite: SUITE, extensions } })),
    ],
    ...asProposal((extensions) => ({ proposalType: ProposalType.groupContextExtensions, extensions })),
    ...asProposal((extensions) => reinit({ extensions })),
    [
      "of a group to follow",
      async (extensions) => fail(follower(await infoMessage({ context: { extensions } }))),
    ],
    [
      "of a group to join by an external commit",
      async (extensions) =>
        fail(
          joinByExternalCommit(
            stranger.client,
            await infoMessage({ context: { extensions }, info: { extensions: publicExtensions() } }),
          ),
        ),
    ],
  ],
  groupInfo: [
    ["made", async (extensions) => fail(alice.groupInfo({ extensions }))],
    [
      "of a group to follow",
      async (extensions) =>
        fail(follower(await infoMessage({ info: { extensions: [...publicExtensions(), ...extensions] } }))),
    ],
    [
      "of a group to join by an external commit",
      async (extensions) =>
        fail(
          joinByExternalCommit(
            stranger.client,
            await infoMessage({ info: { extensions: [...publicExtensions(), ...extensions] } }),
          ),
        ),
    ],
    [
      "in a Welcome",
      async (extensions) => {
        const erin = await party("erin", options);
        const newMember = await party("frank", options);
        const [group] = (await gather([erin])).groups as [Group];
        const { welcome } = await group.add(await newMember.client.createKeyPackage());
        const forged = await forgeWelcome(newMember, welcome as Uint8Array, {
          info: (info) => signed({ ...info, extensions: [...info.extensions, ...extensions] }, erin.signer),
        });
        return fail(newMember.client.join(forged));
      },
    ],
  ],
};

/** Those of a GroupInfo for an external commit. */
function publicExtensions(): readonly Extension[] {
  const decoded = decode(MlsMessage, groupInfo);
  return decoded.wireFormat === WireFormat.groupInfo ? decoded.groupInfo.extensions : [];
}

/** Where each type of RFC 9420 may be, with a good content. */
const TYPES: readonly [name: string, place: Place, type: number, content: number[]][] = [
  ["application_id", "leafNode", ExtensionType.applicationId, [0]],
  ["ratchet_tree", "groupInfo", ExtensionType.ratchetTree, [0]],
  ["required_capabilities", "groupContext", ExtensionType.requiredCapabilities, [0, 0, 0]],
  ["external_pub", "groupInfo", ExtensionType.externalPub, [0]],
  ["external_senders", "groupContext", ExtensionType.externalSenders, [0]],
];
const one = (extensionType: number, content: readonly number[]): Extension => ({
  extensionType,
  extensionData: Uint8Array.from(content),
});

describe.each(Object.keys(WAYS) as Place[])("the extensions of a %s", (place) => {
  const ways = WAYS[place];
  it.each(ways)("%s: a type is refused that is there twice", async (_, refusal) => {
    const error = await refusal([unknown, unknown]);
    expect(saying(error as never)).toMatch(named("13.4: a list of extensions must not have more than one"));
  });

  const misplaced = TYPES.filter(([, where]) => where !== place);
  const cases = ways.flatMap(([way, refusal]) =>
    misplaced.map(([name, , type, content]) => [name, way, one(type, content), refusal] as const),
  );
  it.each(cases)("%s is refused where it doesn't belong, %s", async (name, _, extension, refusal) => {
    const error = await refusal([extension]);
    expect(saying(error as never)).toMatch(named("17.3: an extension must appear only"));
    expect(error.message).toContain(`${name} in a ${place}`);
  });

  const own = TYPES.filter(
    ([name, where]) => where === place && name !== "ratchet_tree" && name !== "external_pub",
  );
  const malformed = ways.flatMap(([way, refusal]) =>
    own.map(([name, , type]) => [name, way, type, refusal] as const),
  );
  if (malformed.length > 0)
    it.each(malformed)(
      "%s is refused if its content is malformed, %s",
      async (_name, _way, type, refusal) => {
        expect(await refusal([one(type, [5])])).toMatchObject({ code: "decode" });
      },
    );
});

describe("the extensions of a key package", () => {
  it("must be in the capabilities of its leaf node", async () => {
    const rule = named("10: each extension of the KeyPackage must be in the capabilities of its leaf node");
    const strange = [{ extensionType: 0xff01, extensionData: new Uint8Array() }];
    const keyPackage = await keyPackageWith({ extensions: strange });
    expect(saying(await failure(bob.add(inMessage(keyPackage))))).toMatch(rule);
    for (const message of [await proposed(add(keyPackage)), await committed(add(keyPackage))]) {
      expect(saying(await refused(bob, message))).toMatch(rule);
    }
    expect(saying(await failure(follow(await committed(add(keyPackage)))))).toMatch(rule);
  });

  it("may be unlisted GREASE, as deployed clients send it", async () => {
    for (const [extensionType, taken] of [
      [0x0a0a, true],
      [0xeaea, true],
      [0xfafa, false],
      [0x0a1a, false],
      [0x0b0b, false],
    ] as const) {
      const keyPackage = await keyPackageWith({
        extensions: [{ extensionType, extensionData: new Uint8Array() }],
      });
      if (taken) await bob.add(inMessage(keyPackage)).then(() => bob.clearPendingCommit());
      else expect(saying(await failure(bob.add(inMessage(keyPackage))))).toMatch(/^10: each extension/);
    }
  });

  it("are listed there by the client that makes them", async () => {
    const grease = [{ extensionType: 0x1a1a, extensionData: new Uint8Array() }];
    const message = await stranger.client.createKeyPackage({ extensions: grease });
    expect(keyPackageIn(message).leafNode.capabilities.extensions).toEqual([unknown.extensionType, 0x1a1a]);
    await bob.add(message);
    await bob.clearPendingCommit();
    const { leafNode } = keyPackageIn(await stranger.client.createKeyPackage());
    expect(leafNode.capabilities.extensions).toEqual([unknown.extensionType]);
  });
});
