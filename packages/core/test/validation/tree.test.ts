// RFC 9420 §7.3, §7.9.2, §12.4.3.1: invalid trees that a member gives to new members are refused, each by its rule.
import { type Group, generateSigner, type Signer } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { four, gather, type Party, party } from "@copse/test-support/clients";
import { failure, named, saying } from "@copse/test-support/errors";
import { type Insider, insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import type { GroupConfig } from "../../src/group/config.js";
import { requiredCapabilities } from "../../src/group/extensions/requirements.js";
import { openGroupInfo } from "../../src/group/join/group-info.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { filled, SUITE, unknown } from "../proposals.js";
import { groupInfoOf, type TreeForgery, withLeaf, withParent } from "./forged-messages.js";

let config: GroupConfig;
/** Of a group whose parent nodes are all blank. */
let flat: Insider;
let people: readonly Party[];
/** Of a group whose parent nodes are filled. */
let full: Insider;
let other: Signer;

beforeAll(async () => {
  people = await Promise.all(["alice", "bob", "carol"].map((name) => party(name, { suite: SUITE })));
  const { groups } = await gather(people);
  flat = await insider(people[0] as Party, groups[0] as Group);
  const meeting = await four(SUITE);
  full = await insider(meeting.parties[2] as Party, meeting.groups[2] as Group);
  other = await generateSigner(nodeProvider(), SUITE);
  ({ config } = await party("new-member", { suite: SUITE, policy: { strictLifetimes: true } }));
});

const open = async (from: Insider, forgery?: TreeForgery) =>
  openGroupInfo(config, await groupInfoOf(from, forgery), undefined);
const signerOf = (i: number) => (people[i] as Party).signer;
const leafOf = (i: number) => flat.epoch.tree.leaf(i) as LeafNode;
/** Bob's leaf with other contents, validly signed. */
const bobs = (changes: Partial<LeafNode>, signer = signerOf(1)): TreeForgery => ({
  nodes: withLeaf(flat, 1, () => changes, signer),
});
const able = (change: Partial<LeafNode["capabilities"]>) =>
  bobs({ capabilities: { ...leafOf(1).capabilities, ...change } });
const requires = (...lists: Parameters<typeof requiredCapabilities>): TreeForgery => ({
  context: { extensions: [requiredCapabilities(...lists)] },
});

describe("a tree of leaves", () => {
  const wrong: [string, string, () => TreeForgery][] = [
    [
      "with an extension that its leaf's capabilities don't list",
      "7.3: each extension of the LeafNode",
      () => bobs({ extensions: [unknown] }),
    ],
    [
      "with a leaf that has an extension twice",
      "13.4: a list of extensions",
      () =>
        bobs({
          extensions: [unknown, unknown],
          capabilities: { ...leafOf(1).capabilities, extensions: [unknown.extensionType] },
        }),
    ],
    [
      "with a credential type that another member doesn't support",
      "7.3: the credential type must be supported by all",
      () => able({ credentials: [2] }),
    ],
    ["with a leaf that doesn't support the suite", "11.1: all members", () => able({ cipherSuites: [] })],
    ["with a leaf that doesn't support the version", "11.1: all members", () => able({ versions: [] })],
    [
      "that lacks an extension of required_capabilities",
      "13.4: the capabilities must indicate support",
      () => requires({ extensionTypes: [unknown.extensionType] }),
    ],
    [
      "that lacks a proposal type of required_capabilities",
      "7.3: the proposal types of required_capabilities",
      () => requires({ proposalTypes: [0xff00] }),
    ],
    [
      "that lacks a credential type of required_capabilities",
      "7.3: the credential types of required_capabilities",
      () => requires({ credentialTypes: [0xff00] }),
    ],
    [
      "in a group with an extension that its leaves don't support",
      "13.4: the capabilities must indicate support",
      () => ({ context: { extensions: [unknown] } }),
    ],
    ["with a signature key in two leaves", "7.3: signature_key must be unique", () => bobs({}, signerOf(0))],
    [
      "with an encryption key in two leaves",
      "7.3: encryption_key must be unique",
      () => bobs({ encryptionKey: leafOf(0).encryptionKey }),
    ],
    [
      "with an encryption key of another length",
      "5.1.1: an HPKE public key",
      () => bobs({ encryptionKey: filled(31) }),
    ],
    [
      "with a leaf that is valid for too long",
      "7.2: a LeafNode whose total lifetime",
      () => bobs({ leafNodeSource: { type: 1, lifetime: { notBefore: 0n, notAfter: 2n ** 40n } } }),
    ],
    [
      "with a leaf whose signature is of something else",
      "7.3: the signature on each LeafNode",
      () => ({
        nodes: (nodes) =>
          nodes.map((one, i) =>
            i === 2 && one?.nodeType === 1
              ? { ...one, leafNode: { ...one.leafNode, signature: leafOf(0).signature } }
              : one,
          ),
      }),
    ],
    ["whose signer is a blank leaf", "12.4.3.1: the signer of a GroupInfo", () => ({ info: { signer: 3 } })],
    [
      "whose signer is beyond the tree",
      "12.4.3.1: the signer of a GroupInfo",
      () => ({ info: { signer: 2 ** 32 - 1 } }),
    ],
    ["signed by no member", "12.4.3: new members must verify", () => ({ by: other })],
    ["signed by another member", "12.4.3: new members must verify", () => ({ by: signerOf(1) })],
    [
      "with another tree's hash",
      "12.4.3.1: the tree hash of the ratchet tree",
      () => ({ context: { treeHash: filled() } }),
    ],
    ["that isn't there", "missing", () => ({ info: { extensions: [] } })],
    [
      "of a group that has an extension twice",
      "13.4: a list of extensions",
      () => ({ context: { extensions: [1, 2].map(() => requiredCapabilities({})) } }),
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, forgery) => {
    expect(saying(await failure(open(flat, forgery())))).toMatch(named(rule));
  });

  it("is accepted if valid, also with unknown extensions in the GroupInfo", async () => {
    expect((await open(flat)).tree.memberCount).toBe(3);
    const { extensions } = await groupInfoOf(flat);
    expect((await open(flat, { info: { extensions: [unknown, ...extensions] } })).tree.memberCount).toBe(3);
    const defaults = requires({ extensionTypes: [1, 2, 3, 4, 5], proposalTypes: [1, 2, 3, 4, 5, 6, 7] });
    expect((await open(flat, defaults)).tree.memberCount).toBe(3);
  });

  it("with a member whose credential the application refuses is refused by authentication", async () => {
    const picky = {
      ...config,
      authentication: {
        validate: ({ signatureKey }: { signatureKey: Uint8Array }) =>
          signatureKey !== undefined && String(signatureKey) !== String(signerOf(2).publicKey),
      },
    };
    expect((await failure(openGroupInfo(picky, await groupInfoOf(flat), undefined))).code).toBe(
      "authentication",
    );
  });
});

describe("a tree with parents", () => {
  const wrong: [string, string, () => TreeForgery][] = [
    [
      "one of which has another key than its path gave it",
      "7.9.2: each non-blank parent node",
      () => ({ nodes: withParent(5, { encryptionKey: filled() }) }),
    ],
    [
      "one of which has another parent hash",
      "7.9.2: each non-blank parent node",
      () => ({ nodes: withParent(5, { parentHash: filled() }) }),
    ],
    [
      "one of which lists an unmerged leaf that is merged",
      "7.9.2: each non-blank parent node",
      () => ({ nodes: withParent(5, { unmergedLeaves: [2] }) }),
    ],
    [
      "one of which has the key of a leaf",
      "12.4.3.1: the encryption key of a parent node",
      () => ({ nodes: withParent(5, { encryptionKey: full.epoch.tree.encryptionKey(0) }) }),
    ],
    [
      "one of which has the key of another",
      "12.4.3.1: the encryption key of a parent node",
      () => ({ nodes: withParent(5, { encryptionKey: full.epoch.tree.encryptionKey(3) }) }),
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, forgery) => {
    expect(saying(await failure(open(full, forgery())))).toMatch(named(rule));
  });

  it("is accepted if valid", async () => {
    expect((await open(full)).tree.memberCount).toBe(4);
  });
});
