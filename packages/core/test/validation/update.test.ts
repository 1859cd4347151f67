// RFC 9420 §7.3, §12.1.2: invalid Update proposals with valid signatures are refused, each by its rule.
import { type Group, generateSigner, type Signer } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { copyOf, four, type Party, party } from "@copse/test-support/clients";
import { named, refused, saying } from "@copse/test-support/errors";
import { frame, type Insider, insider, resigned } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { ContentType } from "../../src/wire/framed-content.js";
import { type LeafNode, LeafNodeSource } from "../../src/wire/leaf-node.js";
import { ProposalType } from "../../src/wire/proposal.js";
import { data, SUITE, unknown } from "../proposals.js";

const MALLORY = 2;
let bob: Group;
let bobsClient: Party;
let mallory: Insider;
let other: Signer;

beforeAll(async () => {
  const meeting = await four(SUITE);
  bob = meeting.groups[1] as Group;
  bobsClient = meeting.parties[1] as Party;
  mallory = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
  other = await generateSigner(nodeProvider(), SUITE);
});

const own = () => mallory.epoch.tree.leaf(MALLORY) as LeafNode;
const source = (type: 1 | 2 | 3): LeafNode["leafNodeSource"] => {
  if (type === LeafNodeSource.update) return { type };
  if (type === LeafNodeSource.commit) return { type, parentHash: data };
  return { type, lifetime: { notBefore: 0n, notAfter: 2n ** 33n } };
};

async function proposed(change: Partial<LeafNode> = {}, by?: Signer, keptSignature?: Uint8Array) {
  const { publicKey } = await mallory.config.provider.hpke.generateKeyPair();
  const changes = { encryptionKey: publicKey, leafNodeSource: source(LeafNodeSource.update), ...change };
  const made = await resigned(mallory, own(), changes, by);
  const leafNode = keptSignature === undefined ? made : { ...made, signature: keptSignature };
  const proposal = { proposalType: ProposalType.update, leafNode } as const;
  return frame(mallory, { contentType: ContentType.proposal, proposal });
}
const able = (change: Partial<LeafNode["capabilities"]>) => ({
  capabilities: { ...own().capabilities, ...change },
});

describe("an Update", () => {
  const wrong: [string, string, () => Promise<Uint8Array>][] = [
    [
      "of source key_package",
      "7.3: leaf_node_source must fit",
      () => proposed({ leafNodeSource: source(LeafNodeSource.keyPackage) }),
    ],
    [
      "of source commit",
      "7.3: leaf_node_source must fit",
      () => proposed({ leafNodeSource: source(LeafNodeSource.commit) }),
    ],
    [
      "with the encryption key that it replaces",
      "7.3: the encryption_key must be different",
      () => proposed({ encryptionKey: own().encryptionKey }),
    ],
    [
      "with an extension that its capabilities don't list",
      "7.3: each extension of the LeafNode",
      () => proposed({ extensions: [unknown] }),
    ],
    [
      "with an extension twice",
      "13.4: a list of extensions",
      () => proposed({ extensions: [unknown, unknown], ...able({ extensions: [0xff00] }) }),
    ],
    ["without its credential type", "7.2: the credential type", () => proposed(able({ credentials: [2] }))],
    ["without the group's suite", "11.1: all members", () => proposed(able({ cipherSuites: [2] }))],
    ["without the group's version", "11.1: all members", () => proposed(able({ versions: [2] }))],
    [
      "with a signature of something else",
      "7.3: the signatures of a LeafNode",
      () => proposed({}, undefined, own().signature),
    ],
    [
      "with a signature by another key than its own",
      "7.3: the signatures of a LeafNode",
      async () => {
        const { signature } = await resigned(mallory, own(), { signatureKey: other.publicKey }, other);
        return proposed({}, undefined, signature);
      },
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, make) => {
    expect(saying(await refused(bob, await make()))).toMatch(named(rule));
  });

  it("is accepted if valid", async () => {
    const copy = await copyOf(bobsClient, bob);
    expect(await copy.receive(await proposed())).toMatchObject({ kind: "proposal" });
  });

  it("of a credential that the application takes for another's is refused by authentication", async () => {
    const meeting = await four(SUITE, { authentication: { validate: () => true } });
    const from = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
    const renamed = (await party("alice", { suite: SUITE })).client.credential;
    const leaf = from.epoch.tree.leaf(MALLORY) as LeafNode;
    const { publicKey } = await from.config.provider.hpke.generateKeyPair();
    const leafNode = await resigned(from, leaf, {
      credential: renamed,
      encryptionKey: publicKey,
      leafNodeSource: source(LeafNodeSource.update),
    });
    const proposal = { proposalType: ProposalType.update, leafNode } as const;
    const message = await frame(from, { contentType: ContentType.proposal, proposal });
    expect((await refused(meeting.groups[1] as Group, message)).code).toBe("authentication");
  });
});
