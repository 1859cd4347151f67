// RFC 9420 §7.3, §10.1: invalid key packages are refused by committers and receivers, each by its rule.
import { type Group, generateSigner, type Signer } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { four, keyPackageIn, type Meeting, type Party, party } from "@copse/test-support/clients";
import { failure, named, refused, saying } from "@copse/test-support/errors";
import { forge, type Insider, insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { signWithLabel } from "../../src/crypto/labelled.js";
import { createKeyPackage } from "../../src/key-package/key-package.js";
import { x509Credential } from "../../src/wire/credential.js";
import { type KeyPackage, KeyPackageTBS } from "../../src/wire/key-package.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { filled } from "../proposals.js";
import { byMallory } from "./insider.js";

const SUITE = 1;
const MALLORY = 2;
let meeting: Meeting;
let alice: Group;
let bob: Group;
let mallory: Insider;
let signer: Signer;
let newMember: Party;

beforeAll(async () => {
  meeting = await four(SUITE, { policy: { strictLifetimes: true } });
  [alice, bob] = meeting.groups as [Group, Group];
  mallory = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
  signer = await generateSigner(nodeProvider(), SUITE);
  newMember = await party("new-member", { suite: SUITE });
});

const data = new Uint8Array([1]);

describe("an Add", () => {
  const NOW = BigInt(Math.floor(Date.now() / 1000));
  const DAY = 86_400n;
  const made = async (
    change: Partial<KeyPackage["leafNode"]> = {},
    lifetime = { notBefore: NOW - DAY, notAfter: NOW + DAY },
    by: Signer = signer,
  ): Promise<KeyPackage> => {
    const { credential, capabilities, extensions } = keyPackageIn(
      await newMember.client.createKeyPackage(),
    ).leafNode;
    const description = { credential, capabilities, extensions, ...change };
    return (await createKeyPackage(mallory.config.provider, by, description, lifetime)).keyPackage;
  };
  /** Signs a key package anew, with other contents. */
  const signedAnew = async (change: Partial<KeyPackage>): Promise<KeyPackage> => {
    const { signature: _, ...unsigned } = { ...(await made()), ...change };
    const signature = await signWithLabel(signer, "KeyPackageTBS", encode(KeyPackageTBS, unsigned));
    return { ...unsigned, signature };
  };
  const can = async () => (await made()).leafNode.capabilities;
  const wrong: [string, string, () => Promise<KeyPackage>][] = [
    ["with an init_key that is no public key", "crypto", () => signedAnew({ initKey: new Uint8Array(32) })],
    [
      "that has expired",
      "7.3: the current time",
      () => made({}, { notBefore: NOW - 9n * DAY, notAfter: NOW - DAY }),
    ],
    [
      "that isn't valid yet",
      "7.3: the current time",
      () => made({}, { notBefore: NOW + DAY, notAfter: NOW + 2n * DAY }),
    ],
    [
      "that is valid for too long",
      "7.2: a LeafNode whose total lifetime",
      () => made({}, { notBefore: NOW - DAY, notAfter: NOW + 400n * DAY }),
    ],
    [
      "that is valid for all times",
      "7.2: a LeafNode whose total lifetime",
      () => made({}, { notBefore: 0n, notAfter: 2n ** 64n - 1n }),
    ],
    [
      "that ends before it begins",
      "7.2: a LeafNode whose total lifetime",
      () => made({}, { notBefore: NOW + 1n, notAfter: NOW - 1n }),
    ],
    ["of another suite", "10.1: the cipher suite", () => signedAnew({ cipherSuite: 3 })],
    [
      "without the suite in its capabilities",
      "11.1: all members",
      async () => made({ capabilities: { ...(await can()), cipherSuites: [] } }),
    ],
    [
      "without the version in its capabilities",
      "11.1: all members",
      async () => made({ capabilities: { ...(await can()), versions: [2] } }),
    ],
    [
      "without its credential in its capabilities",
      "7.2: the credential type",
      async () => made({ capabilities: { ...(await can()), credentials: [] } }),
    ],
    [
      "without others' credentials in its capabilities",
      "7.3: the credential type must be supported",
      async () =>
        made({
          credential: x509Credential([data]),
          capabilities: { ...(await can()), credentials: [2] },
        }),
    ],
    [
      "with a signature key that is in the group",
      "7.3: signature_key must be unique",
      () => made({}, undefined, (meeting.parties[0] as Party).signer),
    ],
    [
      "with an init key that is its leaf's",
      "10.1: leaf_node.encryption_key",
      async () => {
        const { leafNode } = await made();
        return signedAnew({ leafNode, initKey: leafNode.encryptionKey });
      },
    ],
    [
      "with an init key of another length",
      "5.1.1: an HPKE public key",
      () => signedAnew({ initKey: filled(31) }),
    ],
    [
      "with a leaf from a commit",
      "7.3: leaf_node_source",
      async () => signedAnew({ leafNode: mallory.epoch.tree.leaf(MALLORY) as LeafNode }),
    ],
    [
      "with another's leaf",
      "7.3: the signatures",
      async () => signedAnew({ leafNode: keyPackageIn(await newMember.client.createKeyPackage()).leafNode }),
    ],
    [
      "whose signature is another's",
      "7.3: the signatures",
      async () => ({ ...(await made()), signature: (await made()).signature }),
    ],
  ];
  it.each(wrong)("%s is refused by %s, in a commit and at creation", async (_, rule, make) => {
    const keyPackage = await make();
    const proposal = { proposalType: ProposalType.add, keyPackage } as const;
    const committed = await refused(bob, await forge(mallory, { proposals: byMallory(proposal) }));
    expect(saying(committed)).toMatch(named(rule));
    const before = await alice.save();
    const message = encode(MlsMessage, { version: 1, wireFormat: 5, keyPackage });
    expect(saying(await failure(alice.add(message)))).toMatch(named(rule));
    expect(await alice.save()).toEqual(before);
  });

  it("of one client twice is refused by 12.2", async () => {
    const adds = [await made(), await made()].map(
      (keyPackage): Proposal => ({ proposalType: ProposalType.add, keyPackage }),
    );
    const error = await refused(bob, await forge(mallory, { proposals: byMallory(...adds) }));
    expect(saying(error)).toMatch(/^12\.2: a commit must not contain multiple Adds/);
  });
});
