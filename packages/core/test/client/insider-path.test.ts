// RFC 9420 §7.5, §12.4.2: invalid update paths with valid signatures are refused, each by its rule.
import { type Group, generateSigner, type Signer } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import type { Meeting, Party } from "@copse/test-support/clients";
import { named, refused, saying } from "@copse/test-support/errors";
import { forge, type Insider, resigned } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { encryptWithLabel } from "../../src/crypto/labelled.js";
import { provisionalContext } from "../../src/group/epoch.js";
import type { Applied } from "../../src/group/proposals/apply.js";
import type { CreatedUpdatePath } from "../../src/tree/treekem.js";
import { GroupContext } from "../../src/wire/group-context.js";
import { type LeafNode, LeafNodeSource } from "../../src/wire/leaf-node.js";
import type { UpdatePath } from "../../src/wire/update-path.js";
import { data, filled, SUITE } from "../proposals.js";
import { infiltrated, MALLORY } from "./insider.js";

let meeting: Meeting;
let bob: Group;
let mallory: Insider;
let signer: Signer;

beforeAll(async () => {
  ({ meeting, bob, mallory } = await infiltrated());
  signer = await generateSigner(nodeProvider(), SUITE);
});

type Change = (made: CreatedUpdatePath, applied: Applied) => Promise<UpdatePath> | UpdatePath;

/** A path with other contents in its leaf, validly signed. */
const leaf =
  (changes: (leafNode: LeafNode) => Partial<LeafNode>, by?: () => Signer): Change =>
  async ({ updatePath }) => ({
    ...updatePath,
    leafNode: await resigned(mallory, updatePath.leafNode, changes(updatePath.leafNode), by?.()),
  });

/** A path with another first node. */
const nodes =
  (change: (nodes: UpdatePath["nodes"]) => UpdatePath["nodes"]): Change =>
  ({ updatePath }) => ({ ...updatePath, nodes: change(updatePath.nodes) });

/** A path whose last node encrypts another path secret. */
const withPathSecret =
  (pathSecret: Uint8Array): Change =>
  async ({ updatePath, tree }, { extensions }) => {
    const { provider } = mallory.config;
    const treeHash = await tree.treeHash(provider);
    const context = encode(GroupContext, provisionalContext(mallory.epoch, treeHash, extensions));
    const last = updatePath.nodes.at(-1) as UpdatePath["nodes"][0];
    const encryptedPathSecret = [];
    for (const node of tree.resolution(1)) {
      const publicKey = tree.encryptionKey(node) as Uint8Array;
      encryptedPathSecret.push(
        await encryptWithLabel(provider, publicKey, "UpdatePathNode", context, pathSecret),
      );
    }
    return { ...updatePath, nodes: [...updatePath.nodes.slice(0, -1), { ...last, encryptedPathSecret }] };
  };

const capabilities = (change: Partial<LeafNode["capabilities"]>) =>
  leaf(({ capabilities }) => ({ capabilities: { ...capabilities, ...change } }));

describe("an update path", () => {
  const own = () => mallory.epoch.tree.leaf(MALLORY) as LeafNode;
  const wrong: [string, string, Change][] = [
    [
      "a leaf of source update",
      "7.3: leaf_node_source",
      leaf(() => ({ leafNodeSource: { type: LeafNodeSource.update } })),
    ],
    [
      "a leaf of source key_package",
      "7.3: leaf_node_source",
      leaf(() => ({
        leafNodeSource: { type: LeafNodeSource.keyPackage, lifetime: { notBefore: 0n, notAfter: 1n } },
      })),
    ],
    [
      "another parent hash",
      "7.9.2: the leaf node's parent_hash",
      leaf(() => ({ leafNodeSource: { type: LeafNodeSource.commit, parentHash: filled() } })),
    ],
    [
      "a parent hash that is empty",
      "7.9.2: the leaf node's parent_hash",
      leaf(() => ({ leafNodeSource: { type: LeafNodeSource.commit, parentHash: new Uint8Array() } })),
    ],
    [
      "the leaf key that was there before",
      "7.3: the encryption_key must be different",
      leaf(() => ({ encryptionKey: own().encryptionKey })),
    ],
    [
      "the leaf key of another member",
      "12.4.2: none of the public keys",
      leaf(() => ({ encryptionKey: (mallory.epoch.tree.leaf(0) as LeafNode).encryptionKey })),
    ],
    [
      "the signature key of another member",
      "7.3: signature_key must be unique",
      leaf(
        () => ({ signatureKey: (meeting.parties[0] as Party).signer.publicKey }),
        () => (meeting.parties[0] as Party).signer,
      ),
    ],
    ["a leaf with no such suite", "11.1: all members", capabilities({ cipherSuites: [2] })],
    ["a leaf with no such version", "11.1: all members", capabilities({ versions: [] })],
    [
      "a leaf that doesn't support its credential",
      "7.2: the credential type",
      capabilities({ credentials: [2] }),
    ],
    [
      "a leaf that doesn't support its extension",
      "7.3: each extension",
      leaf(() => ({ extensions: [{ extensionType: 0xff00, extensionData: data }] })),
    ],
    [
      "a leaf with an extension twice",
      "13.4: ",
      leaf(() => ({
        extensions: [1, 1].map((extensionType) => ({ extensionType, extensionData: data })),
      })),
    ],
    [
      "a leaf with a credential that others don't support",
      "7.3: the credential type must be supported by all members",
      leaf(({ capabilities }) => ({
        credential: { credentialType: 0xf000, data } as unknown as LeafNode["credential"],
        capabilities: { ...capabilities, credentials: [0xf000, 1, 2] },
      })),
    ],
    [
      "a leaf's signature of another leaf's place",
      "7.3: the signature",
      async ({ updatePath }) => ({
        ...updatePath,
        leafNode: await resigned(
          { ...mallory, epoch: { ...mallory.epoch, keys: { ...mallory.epoch.keys, leafIndex: 1 } } },
          updatePath.leafNode,
          {},
        ),
      }),
    ],
    [
      "a leaf's signature by another key",
      "7.3: the signature",
      async ({ updatePath }) => {
        const { leafNode } = updatePath;
        const { signature } = await resigned(mallory, leafNode, { signatureKey: signer.publicKey }, signer);
        return { ...updatePath, leafNode: { ...leafNode, signature } };
      },
    ],
    ["a node less", "7.5: an update path has a node for each", nodes((all) => all.slice(1))],
    ["no nodes", "7.5: an update path has a node for each", nodes(() => [])],
    ["a node more", "7.5: an update path has a node for each", nodes((all) => [...all, ...all.slice(-1)])],
    [
      "a ciphertext less",
      "7.6: encrypted_path_secret",
      nodes((all) =>
        all.map((node) => ({ ...node, encryptedPathSecret: node.encryptedPathSecret.slice(1) })),
      ),
    ],
    [
      "a ciphertext more",
      "7.6: encrypted_path_secret",
      nodes((all) =>
        all.map(({ encryptionKey, encryptedPathSecret: [one] }) => ({
          encryptionKey,
          encryptedPathSecret: [one, one] as UpdatePath["nodes"][number]["encryptedPathSecret"],
        })),
      ),
    ],
    [
      "one key in two nodes",
      "12.4.2: none of the public keys",
      nodes((all) =>
        all.map((node) => ({ ...node, encryptionKey: (all[0] as (typeof all)[0]).encryptionKey })),
      ),
    ],
    [
      "a key that is in the tree",
      "12.4.2: none of the public keys",
      nodes(([first, ...rest]) => [
        {
          ...(first as UpdatePath["nodes"][0]),
          encryptionKey: mallory.epoch.tree.encryptionKey(0) as Uint8Array,
        },
        ...rest,
      ]),
    ],
    [
      "a key of the wrong length",
      "crypto",
      nodes(([first, ...rest]) => [{ ...(first as UpdatePath["nodes"][0]), encryptionKey: data }, ...rest]),
    ],
    ["a leaf key of the wrong length", "crypto", leaf(() => ({ encryptionKey: data }))],
  ];
  it.each(wrong)("with %s is refused by %s", async (_, rule, path) => {
    const error = await refused(bob, await forge(mallory, { path }));
    expect(saying(error)).toMatch(named(rule));
  });

  it("with a path secret that gives other keys is refused by 7.5", async () => {
    const forged = await forge(mallory, { path: withPathSecret(filled()) });
    expect(saying(await refused(bob, forged))).toMatch(/^7\.5: the derived public keys/);
  });

  it("with a path secret of another length is refused by 7.4", async () => {
    const forged = await forge(mallory, { path: withPathSecret(filled(31)) });
    expect(saying(await refused(bob, forged))).toMatch(/^7\.4: a path secret/);
  });
});
