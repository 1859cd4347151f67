// RFC 9420 §12.3, §12.4, §12.4.1: the order in which a commit's proposals apply, and what its sender must create.
import type { Group } from "@copse/core";
import {
  copyOf,
  everyone,
  four,
  gather,
  keyPackageIn,
  type Party,
  party,
  publicIn,
} from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { by, forge, frame, type Insider, insider, resigned } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { decode } from "../../src/codec/codec.js";
import { requiredCapabilities } from "../../src/group/extensions/requirements.js";
import { ContentType } from "../../src/wire/framed-content.js";
import { type LeafNode, LeafNodeSource } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { isProposal, type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { MALLORY } from "../client/insider.js";
import { remove, SUITE, unknown } from "../proposals.js";

const type = unknown.extensionType;
let able: Party;
let unable: Party;
let groups: readonly Group[];
let parties: readonly Party[];
let mallory: Insider;

beforeAll(async () => {
  able = await party("able", { suite: SUITE, capabilities: { extensions: [type] } });
  unable = await party("unable", { suite: SUITE });
  const meeting = await four(SUITE, { capabilities: { extensions: [type] } });
  ({ groups, parties } = meeting);
  mallory = await insider(meeting.parties[MALLORY] as Party, groups[MALLORY] as Group);
});

const add = async ({ client }: Party): Promise<Proposal> => ({
  proposalType: ProposalType.add,
  keyPackage: keyPackageIn(await client.createKeyPackage()),
});
const requiring: Proposal = {
  proposalType: ProposalType.groupContextExtensions,
  extensions: [requiredCapabilities({ extensionTypes: [type] })],
};
/** Bob's or Dave's group, to try something with. */
const copied = (i: number) => copyOf(parties[i] as Party, groups[i] as Group);

describe("§12.3: proposals are applied in their order, whatever the order of the list", () => {
  it("an Add must do what the extensions of the same commit ask for", async () => {
    const bob = await copied(1);
    for (const proposals of [
      [requiring, await add(unable)],
      [await add(unable), requiring],
    ]) {
      const message = await forge(mallory, { proposals: by(MALLORY, ...proposals) });
      expect(saying(await refused(bob, message))).toMatch(/^13\.4: the capabilities must indicate support/);
    }
    const message = await forge(mallory, { proposals: by(MALLORY, await add(able), requiring) });
    expect(await bob.receive(message)).toMatchObject({ kind: "commit" });
  });

  it("an Add needn't do what the replaced extensions asked for", async () => {
    const people = await Promise.all(
      ["a", "b"].map((n) => party(n, { suite: SUITE, capabilities: { extensions: [type] } })),
    );
    const meeting = await gather(people);
    const [a, b] = meeting.groups as [Group, Group];
    const required = await a.commit({ extensions: [requiredCapabilities({ extensionTypes: [type] })] });
    await b.receive(required.commit);
    await a.mergePendingCommit();
    const keyPackage = await unable.client.createKeyPackage();
    expect(saying(await failure(a.commit({ add: [keyPackage] })))).toMatch(/^13\.4: /);
    const { commit } = await a.commit({ add: [keyPackage], extensions: [] });
    expect(await b.receive(commit)).toMatchObject({ kind: "commit" });
    expect(b.members).toHaveLength(3);
  });

  it("a new member takes the leaf of a removed one", async () => {
    const dave = await copied(3);
    const proposals = by(MALLORY, await add(able), remove(1), await add(unable), remove(0));
    await dave.receive(await forge(mallory, { proposals }));
    expect(dave.member(0)?.credential).toEqual(able.client.credential);
    expect(dave.member(1)?.credential).toEqual(unable.client.credential);
  });

  it("an Update blanks its path and replaces its leaf before the committer's path is merged", async () => {
    const meeting = await four(SUITE, { policy: { handshake: "public" } });
    const [a, b] = meeting.groups as [Group, Group];
    const before = a.leafNode(1) as LeafNode;
    await everyone(meeting.groups, await b.propose({ update: true }), 1);
    const { commit } = await a.commit();
    await everyone(meeting.groups, commit, 0);
    await a.mergePendingCommit();
    expect((a.leafNode(1) as LeafNode).encryptionKey).not.toEqual(before.encryptionKey);
    for (const one of meeting.groups) expect(one.epochAuthenticator).toEqual(a.epochAuthenticator);
  });
});

describe("§12.2: the same client twice", () => {
  it("is refused as a new member that is a member already, unless that is removed", async () => {
    const dave = await copied(3);
    const again = await add(parties[1] as Party);
    const twice = await forge(mallory, { proposals: by(MALLORY, again) });
    expect(saying(await refused(dave, twice))).toMatch(/^7\.3: signature_key must be unique/);
    const instead = await forge(mallory, { proposals: by(MALLORY, again, remove(1)) });
    expect(await dave.receive(instead)).toMatchObject({ kind: "commit" });
  });

  it("is refused in an Update with another leaf's encryption key by 7.3: encryption_key", async () => {
    const meeting = await four(SUITE, { policy: { handshake: "public" } });
    const from = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
    const leafNode = await resigned(from, from.epoch.tree.leaf(MALLORY) as LeafNode, {
      encryptionKey: (from.epoch.tree.leaf(0) as LeafNode).encryptionKey,
      leafNodeSource: { type: LeafNodeSource.update },
    });
    const [, b, , d] = meeting.groups as [Group, Group, Group, Group];

    const proposal = { proposalType: ProposalType.update, leafNode } as const;
    const message = await frame(from, { contentType: ContentType.proposal, proposal });
    await b.receive(message);
    await d.receive(message);
    // Bob leaves it out; who commits it all the same is refused.
    expect(publicIn((await b.commit()).commit).content.content).toMatchObject({ commit: { proposals: [] } });
    await b.clearPendingCommit();
    const [known] = d.proposals;
    const bobs = await insider(meeting.parties[1] as Party, b);
    if (known === undefined) throw new Error("no proposal");
    const committed = await forge(bobs, { proposals: [known] });
    expect(saying(await refused(d, committed))).toMatch(/^7\.3: encryption_key must be unique/);
  });
});

describe("§12.4.1: what a committer makes", () => {
  it("has a path where one is required, and a Welcome for each new member", async () => {
    const [a] = groups as [Group];
    const cases: [Parameters<Group["commit"]>[0], boolean][] = [
      // The first one of the epoch: later Welcomes of it come with a path.
      [{ add: [await able.client.createKeyPackage(), await unable.client.createKeyPackage()] }, false],
      [{}, true],
      [{ remove: [1] }, true],
      [{ extensions: [] }, true],
      [{ add: [await able.client.createKeyPackage()], remove: [1] }, true],
      [{ reinit: { groupId: new Uint8Array([4]), cipherSuite: SUITE, extensions: [] } }, false],
    ];
    const meeting = await four(SUITE, { policy: { handshake: "public" } });
    const [first] = meeting.groups as [Group];
    for (const [options, hasPath] of cases) {
      const { commit, welcome } = await first.commit(options);
      const { content } = publicIn(commit).content;
      if (content.contentType !== ContentType.commit) throw new Error("no commit");
      expect(content.commit.path !== undefined).toBe(hasPath);
      const decoded = welcome && decode(MlsMessage, welcome);
      const secrets = decoded?.wireFormat === 3 ? decoded.welcome.secrets.length : 0;
      expect(secrets).toBe(options?.add?.length ?? 0);
      await first.clearPendingCommit();
    }
    expect(a.active).toBe(true);
  });

  it("names a PSK with another random nonce each time, of KDF.Nh bytes", async () => {
    const meeting = await four(SUITE, { policy: { handshake: "public" } });
    const [a] = meeting.groups as [Group];
    const nonces = [];
    for (let i = 0; i < 2; i++) {
      const { content } = publicIn(await a.propose({ psk: { resumption: 1n } })).content;
      if (content.contentType !== ContentType.proposal) throw new Error("no proposal");
      if (!isProposal(content.proposal, ProposalType.psk)) throw new Error("no PSK");
      nonces.push(content.proposal.psk.pskNonce);
    }
    expect(nonces.map((nonce) => nonce.length)).toEqual([32, 32]);
    expect(nonces[0]).not.toEqual(nonces[1]);
  });

  it("lists no blank nodes at the end of a tree", async () => {
    const meeting = await gather(
      await Promise.all(["a", "b", "c", "d"].map((n) => party(n, { suite: SUITE }))),
    );
    const [a] = meeting.groups as [Group];
    await a.commit({ remove: [2, 3] });
    await a.mergePendingCommit();
    const nodes = decode(RatchetTreeNodes, a.ratchetTree);
    expect(nodes.length).toBe(3);
    expect(nodes.at(-1)).toBeDefined();
  });

  it("ends with a ReInit: nothing more is sent, and no further handshake is accepted", async () => {
    const meeting = await four(SUITE);
    const [a, b] = meeting.groups as [Group, Group];
    const { commit } = await a.commit({
      reinit: { groupId: new Uint8Array([4]), cipherSuite: SUITE, extensions: [] },
    });
    await b.receive(commit);
    await a.mergePendingCommit();
    const from = await insider(meeting.parties[0] as Party, a);
    for (const work of [() => b.encrypt("x"), () => b.propose({ remove: 3 }), () => b.commit()]) {
      expect((await failure(work)).code).toBe("closed");
    }
    expect((await refused(b, await forge(from))).code).toBe("closed");
  });

  it("ends with its removal: nothing more is sent or accepted", async () => {
    const meeting = await four(SUITE);
    const [a, b] = meeting.groups as [Group, Group];
    const { commit } = await a.remove(1);
    await b.receive(commit);
    expect((await failure(b.encrypt("x"))).code).toBe("removed");
    await a.mergePendingCommit();
    expect((await refused(b, await a.encrypt("x"))).code).toBe("removed");
  });
});
