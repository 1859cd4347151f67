// RFC 9420 §6.3, §9, §12: defects of other stacks, one test for each (1 to 9): messages, proposals, trees and secrets.
import { type Group, generateSigner, type MlsMessage as Message } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";
import { EMPTY } from "../../src/bytes.js";
import { decode, encode } from "../../src/codec/codec.js";
import { decryptWithLabel, deriveTreeSecrets, encryptWithLabel } from "../../src/crypto/labelled.js";
import { senderDataKeyAndNonce } from "../../src/framing/private-message.js";
import { SavedKeyPackages } from "../../src/group/storage/saved-key-packages.js";
import { deriveLeafSecrets } from "../../src/schedule/leaf-secrets.js";
import { loadSecretTree } from "../../src/schedule/secret-tree-state.js";
import { createUpdatePath } from "../../src/tree/treekem.js";
import { ProposalOrRefType } from "../../src/wire/commit.js";
import { type Content, ContentType, SenderType } from "../../src/wire/framed-content.js";
import { SenderData, SenderDataAAD } from "../../src/wire/message.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { ProposalType } from "../../src/wire/proposal.js";
import { NodeType, RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { GroupSecrets } from "../../src/wire/welcome.js";
import {
  everyone,
  failure,
  forge,
  four,
  frame,
  gather,
  insider,
  type Meeting,
  type Party,
  party,
  refused,
  saying,
} from "@copse/test-support/clients";

const SUITE = 1;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Whether some bytes stand anywhere in others. */
const holds = (haystack: Uint8Array, needle: Uint8Array) =>
  Buffer.from(haystack).includes(Buffer.from(needle));

type PrivateIn = Extract<Message, { wireFormat: 2 }>["privateMessage"];

/** A private message, with other sender data under the same key: an insider can do this. */
async function withSenderData(
  { parties, groups }: Meeting,
  bytes: Uint8Array,
  change: Partial<{ leafIndex: number; generation: number }>,
): Promise<Uint8Array> {
  const { config, epoch } = await insider(parties[0] as Party, groups[0] as Group);
  const { provider } = config;
  const message = decode(MlsMessage, bytes);
  const { privateMessage } = message as { privateMessage: PrivateIn };
  const { key, nonce } = await senderDataKeyAndNonce(
    provider,
    epoch.secrets.senderDataSecret,
    privateMessage.ciphertext,
  );
  const aad = encode(SenderDataAAD, privateMessage);
  const opened = await provider.aead.open(key, nonce, aad, privateMessage.encryptedSenderData);
  const senderData = { ...decode(SenderData, opened), ...change };
  const encryptedSenderData = await provider.aead.seal(key, nonce, aad, encode(SenderData, senderData));
  return encode(MlsMessage, {
    version: 1,
    wireFormat: 2,
    privateMessage: { ...privateMessage, encryptedSenderData },
  });
}

describe("trap 1: skipped generations keep only key and nonce", () => {
  it("from a snapshot no consumed key can be derived", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const [{ config }] = parties as [Party];
    const { provider } = config;
    // What Alice knows before she sends: everything.
    const { epoch } = await insider(parties[0] as Party, alice);
    const { Nh } = provider.suite.hash;
    const { Nk, Nn } = provider.suite.aead;
    const contents = loadSecretTree(epoch.secretTree.save(), { Nh, Nk, Nn });
    const leafSecrets = await deriveLeafSecrets(provider, contents, 0);
    const ratchet = [leafSecrets.application];
    const keys: Uint8Array[] = [];
    for (let generation = 0; generation < 6; generation++) {
      const secret = ratchet[generation] as Uint8Array;
      const outputs = [
        ["key", Nk],
        ["secret", Nh],
      ] as const;
      const [key, next] = await deriveTreeSecrets(provider, secret, generation, outputs);
      keys.push(key as Uint8Array);
      ratchet.push(next as Uint8Array);
    }

    const sent: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) sent.push(await alice.encrypt(`message ${i}`));
    for (const i of [4, 2]) await bob.receive(sent[i] as Uint8Array);

    const snapshot = await bob.save();
    for (const i of [2, 4]) expect(holds(snapshot, keys[i] as Uint8Array), `key ${i}`).toBe(false);
    for (const i of [0, 1, 3]) expect(holds(snapshot, keys[i] as Uint8Array), `key ${i}`).toBe(true);
    for (let i = 0; i <= 4; i++) expect(holds(snapshot, ratchet[i] as Uint8Array), `secret ${i}`).toBe(false);
    expect(holds(snapshot, ratchet[5] as Uint8Array), "the next secret").toBe(true);
    // Nor what those come from: the secrets of the nodes above Alice's leaf.
    for (const root of contents.nodes.values()) expect(holds(snapshot, root)).toBe(false);

    const restored = await (parties[1] as Party).client.restore(snapshot);
    for (const i of [2, 4])
      expect((await failure(restored.receive(sent[i] as Uint8Array))).code).toBe("consumed");
    for (const i of [5, 0, 3, 1]) {
      expect(await restored.receive(sent[i] as Uint8Array)).toMatchObject({ kind: "application" });
    }
  });
});

describe("trap 2: a commit that rotates the committer's signature key and adds a member", () => {
  it("signs the Welcome's GroupInfo with the new key", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const newcomer = await party("new-member", { suite: SUITE });
    const signer = await generateSigner(nodeProvider(), SUITE);
    const { commit, welcome } = await alice.commit({
      add: [await newcomer.client.createKeyPackage()],
      identity: { signer },
    });
    await everyone(groups, commit, 0);
    await alice.mergePendingCommit();
    const joined = await newcomer.client.join(welcome as Uint8Array);
    expect(joined.member(0)?.signatureKey).toEqual(signer.publicKey);
    for (const group of [...groups.slice(1), joined]) {
      expect(await group.receive(await alice.encrypt("with the new key"))).toMatchObject({
        kind: "application",
      });
    }
  });
});

describe("trap 3: key packages are validated by the one who commits them too", () => {
  const DAY = 24 * 60 * 60;
  const YEAR = 365 * DAY * 1000;
  it.each([
    ["expired", { now: () => Date.now() - YEAR }, "7.3: the current time"],
    ["not valid yet", { now: () => Date.now() + YEAR }, "7.3: the current time"],
    ["valid for too long", { lifetime: 1000 * DAY }, "7.2: a LeafNode whose total lifetime"],
  ])("one that is %s is refused at creation, with a proposal and with a commit", async (_, policy, rule) => {
    const newcomer = await party("new-member", { suite: SUITE, policy });
    const keyPackage = await newcomer.client.createKeyPackage();
    const { groups } = await gather([await party("alice", { suite: SUITE })]);
    const [alice] = groups as [Group];
    for (const work of [alice.add(keyPackage), alice.propose({ add: keyPackage })]) {
      expect(saying(await failure(work)).startsWith(rule)).toBe(true);
    }
    expect(alice.hasPendingCommit).toBe(false);
    // With the newcomer's clock and bounds the same key package is taken.
    const { groups: others } = await gather([
      await party("alice", { suite: SUITE, policy: { ...policy, maxLifetime: 2000 * DAY } }),
    ]);
    await (others[0] as Group).add(keyPackage);
  });
});

describe("trap 4: GroupContextExtensions that a member doesn't support", () => {
  const extensions = [{ extensionType: 0xff00, extensionData: new Uint8Array(3) }];
  const extra = { extensions: [0xff00] };

  it("are refused at creation and on receipt, and taken when all support them", async () => {
    const [able, unable] = [
      await party("able", { suite: SUITE, capabilities: extra }),
      await party("unable", { suite: SUITE }),
    ];
    const { groups } = await gather([able, unable]);
    const [a, b] = groups as [Group, Group];
    expect(saying(await failure(a.commit({ extensions })))).toMatch(/^13\.4: /);
    const from = await insider(able, a);
    const proposal = { proposalType: ProposalType.groupContextExtensions, extensions } as const;
    const sender = { senderType: SenderType.member, leafIndex: 0 } as const;
    expect(saying(await refused(b, await forge(from, { proposals: [{ proposal, sender }] })))).toMatch(
      /^13\.4: /,
    );

    const { commit } = await a.commit({ extensions, remove: [1] });
    await b.receive(commit);
    await a.mergePendingCommit();
    expect(a.extensions).toEqual(extensions);
    const late = await party("late", { suite: SUITE });
    expect(saying(await failure(a.add(await late.client.createKeyPackage())))).toMatch(/^13\.4: /);
    const good = await party("good", { suite: SUITE, capabilities: extra });
    await a.add(await good.client.createKeyPackage());
  });
});

describe("trap 5: unmerged leaves", () => {
  it.each<[string, string, number[], number?]>([
    ["out of order", "7.1: unmerged_leaves", [3, 2]],
    ["there twice", "7.1: unmerged_leaves", [2, 2]],
    ["no descendants", "12.4.3.1: each unmerged leaf must be a descendant", [2, 5]],
    ["beyond all trees", "12.4.3.1: each unmerged leaf must be a descendant", [2, 2 ** 32 - 1]],
    ["blank", "12.4.3.1: each unmerged leaf must be non-blank", [2], 4],
    ["unknown to a node in between", "12.4.3.1: every non-blank node between", [1]],
    // Well-formed, but not the tree of the GroupInfo.
    ["unmerged only here", "12.4.3.1: the tree hash", [2, 3]],
  ])("that are %s are refused by one who joins", async (_, rule, unmergedLeaves, blank) => {
    const policy = { ratchetTreeInWelcome: false };
    const names = ["alice", "bob", "carol", "dave"];
    const people = await Promise.all(names.map((name) => party(name, { suite: SUITE, policy })));
    const [first, ...others] = people as [Party, Party, Party, Party];
    const alice = await first.client.createGroup();
    const packages = await Promise.all(others.map(({ client }) => client.createKeyPackage()));
    // The path sets nodes 1 and 3, the root; nobody is unmerged below, but by what the test writes there.
    const { welcome, ratchetTree } = await alice.commit({ add: packages, forcePath: true });
    const nodes = decode(RatchetTreeNodes, ratchetTree as Uint8Array).map((node, i) => {
      if (i === blank) return undefined;
      if (i !== 3 || node?.nodeType !== NodeType.parent) return node;
      return { ...node, parentNode: { ...node.parentNode, unmergedLeaves } };
    });
    const { client } = others[0];
    const join = (tree: Uint8Array) => client.join(welcome as Uint8Array, { ratchetTree: tree });
    const error = await failure(join(encode(RatchetTreeNodes, nodes)));
    expect(saying(error).startsWith(rule), error.message).toBe(true);
    await join(ratchetTree as Uint8Array);
  });
});

describe("trap 6: which path a commit takes is decided by the sender's type", () => {
  /** An external commit of these proposals, well signed, with a good path. */
  async function external(
    { parties, groups }: Meeting,
    joiner: Party,
    listed: readonly ({ removed: number } | { add: Uint8Array } | "init" | "reference")[],
    withPath = true,
  ): Promise<Uint8Array> {
    const [known] = (groups[1] as Group).proposals;
    const { epoch, config } = await insider(parties[0] as Party, groups[0] as Group);
    let { tree } = epoch;
    for (const one of listed) {
      if (typeof one === "object" && "removed" in one) tree = tree.remove(one.removed);
    }
    const { signer } = joiner;
    const { credential, capabilities } = keyPackageOf(await joiner.client.createKeyPackage()).leafNode;
    const made = await createUpdatePath(config.provider, tree, {
      sender: tree.leftmostBlank(),
      unsignedLeaf: { credential, capabilities, extensions: [], signatureKey: signer.publicKey },
      signer,
      groupId: epoch.groupContext.groupId,
      exclude: new Set(),
      groupContext: () => EMPTY,
    });
    const commit = {
      proposals: listed.map((one) => {
        if (one === "reference") {
          return { type: ProposalOrRefType.reference, reference: known?.reference as Uint8Array } as const;
        }
        const proposal =
          one === "init"
            ? ({ proposalType: ProposalType.externalInit, kemOutput: new Uint8Array(32) } as const)
            : "add" in one
              ? ({ proposalType: ProposalType.add, keyPackage: keyPackageOf(one.add) } as const)
              : ({ proposalType: ProposalType.remove, removed: one.removed } as const);
        return { type: ProposalOrRefType.proposal, proposal } as const;
      }),
      path: withPath ? made.updatePath : undefined,
    };
    const content: Content = { contentType: ContentType.commit, commit };
    const sender = { senderType: SenderType.newMemberCommit };
    return frame({ config, epoch, signer }, content, { sender });
  }
  const keyPackageOf = (bytes: Uint8Array) =>
    (decode(MlsMessage, bytes) as Extract<Message, { wireFormat: 5 }>).keyPackage;

  it("external commits hold to their own rules", async () => {
    // §12.4.3.2: only a successor of the removed credential may take its place.
    const validate = ({ credential, replaces }: { credential: object; replaces?: object | undefined }) =>
      replaces === undefined || JSON.stringify(credential) === JSON.stringify(replaces);
    const meeting = await four(SUITE, { authentication: { validate } });
    const [alice, bob] = meeting.groups as [Group, Group];
    const joiner = await party("joiner", { suite: SUITE });
    const add = await (await party("friend", { suite: SUITE })).client.createKeyPackage();
    // A proposal that is known, so that it could be referred to.
    await bob.receive(await alice.propose({ update: true }));
    const cases: [string, Uint8Array][] = [
      [
        "12.4.3.2: an external commit must not include any proposals by ref",
        await external(meeting, joiner, ["init", "reference"]),
      ],
      ["12.4.3.2: external commits must contain a path", await external(meeting, joiner, ["init"], false)],
      ["12.2: an external commit must contain exactly one", await external(meeting, joiner, [])],
      [
        "12.2: an external commit must contain exactly one",
        await external(meeting, joiner, ["init", "init"]),
      ],
      ["12.2: an external commit must contain no other", await external(meeting, joiner, ["init", { add }])],
      [
        "12.2: an external commit must contain at most one Remove",
        await external(meeting, joiner, ["init", { removed: 2 }, { removed: 3 }]),
      ],
      ["authentication", await external(meeting, joiner, ["init", { removed: 2 }])],
    ];
    for (const [rule, message] of cases) {
      const said = await refused(bob, message).then(saying, String);
      expect(said.startsWith(rule), `${said} where ${rule} belongs`).toBe(true);
    }
    // A former self may come back in its own place.
    const again = await party("mallory", { suite: SUITE });
    const back = await external(meeting, again, ["init", { removed: 2 }]);
    const error = await refused(bob, back);
    expect(error.code).not.toBe("authentication");
  });
});

describe("trap 7: derived keys are compared with those in the tree", () => {
  it("on a Welcome whose path secret is another one", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const newcomer = await party("new-member", { suite: SUITE });
    const { provider } = newcomer.config;
    await alice.remove(1);
    await alice.mergePendingCommit();
    const made = await alice.commit({ add: [await newcomer.client.createKeyPackage()], forcePath: true });
    const message = decode(MlsMessage, made.welcome as Uint8Array);
    if (message.wireFormat !== 3) throw new Error("no Welcome");
    const { welcome } = message;
    const [own] = decode(SavedKeyPackages, await newcomer.client.saveKeyPackages()).keyPackages;
    const { privateKey, publicKey } = await provider.hpke.importPrivateKey(own?.initKey as Uint8Array);
    const [entry] = welcome.secrets;
    if (entry === undefined) throw new Error("no secrets");
    const info = welcome.encryptedGroupInfo;
    const plaintext = await decryptWithLabel(
      provider,
      privateKey,
      "Welcome",
      info,
      entry.encryptedGroupSecrets,
    );
    const secrets = decode(GroupSecrets, plaintext);
    const changed = async (pathSecret: Uint8Array) => {
      const encryptedGroupSecrets = await encryptWithLabel(
        provider,
        publicKey,
        "Welcome",
        info,
        encode(GroupSecrets, { ...secrets, pathSecret: { pathSecret } }),
      );
      return encode(MlsMessage, {
        version: 1,
        wireFormat: 3,
        welcome: { ...welcome, secrets: [{ ...entry, encryptedGroupSecrets }] },
      });
    };
    expect(saying(await failure(newcomer.client.join(await changed(new Uint8Array(32)))))).toMatch(
      /^12\.4\.3\.1: the path secret's private keys/,
    );
    expect(saying(await failure(newcomer.client.join(await changed(new Uint8Array(31)))))).toMatch(/^7\.4: /);
    await newcomer.client.join(made.welcome as Uint8Array);
  });
});

describe("trap 8: the leaf index in SenderData is checked", () => {
  it.each([2, 4, 77, 2 ** 31, 2 ** 32 - 1])("leaf %i, where no member is", async (leafIndex) => {
    const meeting = await four(SUITE);
    const [alice, bob] = meeting.groups as [Group, Group];
    const { commit } = await alice.remove(2);
    await bob.receive(commit);
    await alice.mergePendingCommit();
    const message = await alice.encrypt("from nobody");
    const error = await refused(bob, await withSenderData(meeting, message, { leafIndex }));
    expect(error.code).toBe("unknown-sender");
    const received = await bob.receive(message);
    expect(received.kind === "application" && text(received.data)).toBe("from nobody");
  });
});

describe("trap 9: an unbounded forward ratchet", () => {
  it("costs nothing", async () => {
    const meeting = await four(SUITE);
    const [alice, bob] = meeting.groups as [Group, Group];
    const message = await alice.encrypt("far ahead");
    const start = performance.now();
    for (const generation of [1001, 2 ** 16, 2 ** 31, 2 ** 32 - 1]) {
      const error = await refused(bob, await withSenderData(meeting, message, { generation }));
      expect(error.code).toBe("limit");
    }
    // Within the bound it is derived, and found wrong.
    const error = await refused(bob, await withSenderData(meeting, message, { generation: 900 }));
    expect(error.code).toBe("crypto");
    expect(performance.now() - start).toBeLessThan(10_000);
    await bob.receive(message);
    const back = await refused(bob, await withSenderData(meeting, message, { generation: 0 }));
    expect(back.code).toBe("consumed");
  });
});
