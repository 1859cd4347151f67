// RFC 9420 §7.2, §8.4, §12.4: defects of other stacks, one test for each (10 to 24): groups as applications use them.
import {
  CIPHER_SUITES,
  Client,
  type Group,
  generateSigner,
  insecureAcceptAll,
  type Policy,
  type Signer,
  x509Credential,
} from "@copse/core";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "../../src/bytes.js";
import { decode } from "../../src/codec/codec.js";
import { ContentType, SenderType } from "../../src/wire/framed-content.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";
import { RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { expandingBy } from "@copse/test-support/kdf";
import {
  by,
  everyone,
  failure,
  forge,
  four,
  frame,
  gather,
  insider,
  keyPackageIn,
  type Party,
  party,
  publicIn,
  refused,
  saying,
} from "@copse/test-support/clients";

const SUITE = 1;

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

/** Leaf nodes and the capabilities in them. */
function capabilitiesAt(group: Group, leafIndex: number) {
  const node = decode(RatchetTreeNodes, group.ratchetTree)[2 * leafIndex];
  if (node?.nodeType !== 1) throw new Error("no leaf");
  return node.leafNode.capabilities;
}

describe("trap 10: quadratic joins", () => {
  it("a join takes a time that grows with the group, and not with its square", async () => {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    // Signatures are linear for sure, and would hide what else is done for each leaf.
    const signature = Object.assign(Object.create(suite.signature), {
      verify: () => true,
      verifyAll: (requests: readonly unknown[]) => requests.map(() => true),
    });
    const trusting = { ...suite, signature };
    const crypto = { name: "trusting", suites: node.suites, suite: () => trusting };
    const times: number[] = [];
    for (const size of [128, 1024]) {
      const group = await (await party("creator", { suite: SUITE })).client.createGroup();
      const joiners = await Promise.all(
        Array.from({ length: size - 1 }, (_, i) =>
          party(`member ${i}`, i < 5 ? { suite: SUITE, crypto } : { suite: SUITE }),
        ),
      );
      const packages = await Promise.all(joiners.map(({ client }) => client.createKeyPackage()));
      const { welcome } = await group.add(...packages);
      let best = Number.POSITIVE_INFINITY;
      for (const { client } of joiners.slice(0, 5)) {
        const start = performance.now();
        const joined = await client.join(welcome as Uint8Array);
        best = Math.min(best, performance.now() - start);
        expect(joined.members).toHaveLength(size);
      }
      times.push(best);
    }
    // Eight times the members: 8 times the work in a linear join, 64 times in a quadratic one.
    const [small, large] = times as [number, number];
    expect(large / small).toBeLessThan(20);
  });
});

describe("trap 11: past epochs don't hold whole trees", () => {
  it("each epoch kept makes the saved state larger by far less than a tree", async () => {
    const sizes: number[] = [];
    let treeSize = 0;
    for (const maxPastEpochs of [0, 8]) {
      const policy = { maxPastEpochs };
      const alice = await (await party("alice", { suite: SUITE, policy })).client.createGroup();
      const names = Array.from({ length: 63 }, (_, i) => `member ${i}`);
      const others = await Promise.all(names.map((name) => party(name, { suite: SUITE })));
      await alice.add(...(await Promise.all(others.map(({ client }) => client.createKeyPackage()))));
      await alice.mergePendingCommit();
      for (let i = 0; i < 10; i++) {
        await alice.update();
        await alice.mergePendingCommit();
      }
      sizes.push((await alice.save()).length);
      treeSize = alice.ratchetTree.length;
    }
    const [without, withEight] = sizes as [number, number];
    expect((withEight - without) / 8).toBeLessThan(treeSize / 8);
  });

  it("messages from before the tree shrank are read by a restored member", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob, , dave] = groups as [Group, Group, Group, Group];
    const late = await dave.encrypt("before I went");
    const { commit } = await alice.remove(2, 3);
    await bob.receive(commit);
    const restored = await (parties[1] as Party).client.restore(await bob.save());
    expect(restored.members).toHaveLength(2);
    expect(await restored.receive(late)).toMatchObject({ kind: "application", sender: { leafIndex: 3 } });
  });
});

/** The secrets of an epoch, by the labels of §8 that they are derived with. */
const EPOCH_SECRETS = [
  "sender data",
  "encryption",
  "exporter",
  "external",
  "confirm",
  "membership",
  "resumption",
  "authentication",
  "init",
] as const;
type EpochSecret = (typeof EPOCH_SECRETS)[number];

/** A member whose backend records the secrets that it derives: what is overwritten shows in these very bytes. */
async function watched(name: string, policy: Partial<Policy> = {}) {
  const node = nodeProvider();
  const suite = node.suite(SUITE);
  const derived = new Map<string, Uint8Array>();
  const kdf = expandingBy(suite.kdf, (secret, info, length) => {
    const output = suite.kdf.expand(secret, info, length) as Uint8Array;
    // KDFLabel, §8: two bytes of length, and then the label with its length, which is below 64.
    const label = new TextDecoder().decode(info.subarray(3, 3 + (info[2] as number)));
    derived.set(label.replace("MLS 1.0 ", ""), output);
    return output;
  });
  const crypto = { ...node, suite: () => ({ ...suite, kdf }) };
  return {
    party: await party(name, { suite: SUITE, crypto, policy }),
    /** Those that were derived last, of the epoch that is the newest then. */
    latest: (...labels: EpochSecret[]) => labels.map((label) => derived.get(label) as Uint8Array),
  };
}

async function watchedPair(policy: Partial<Policy> = {}) {
  const [a, b] = [await watched("alice", policy), await watched("bob", policy)];
  const [alice, bob] = (await gather([a.party, b.party])).groups as [Group, Group];
  return { alice, bob, a, b };
}

describe("trap 12: secrets are destroyed by the library, at the right moment", () => {
  it("not before the delivery service has taken the commit", async () => {
    const { alice, bob, a } = await watchedPair();
    const before = a.latest("init", "confirm", "membership", "exporter");
    const { welcome } = await alice.update();
    expect(welcome).toBeUndefined();
    const [dropped] = a.latest("init") as [Uint8Array];
    expect(isZero(dropped)).toBe(false);
    // Everything goes on as if nothing had been.
    await alice.receive(await bob.encrypt("still here"));
    await alice.clearPendingCommit();
    expect(isZero(dropped)).toBe(true);
    expect(before.some(isZero)).toBe(false);
    await alice.update();
    const [lost] = a.latest("init") as [Uint8Array];
    const other = await bob.update();
    expect(await alice.receive(other.commit)).toMatchObject({ droppedPending: true });
    expect(isZero(lost)).toBe(true);
    expect(before.every(isZero)).toBe(true);
  });

  it("and at once when it has, or when another commit comes, or the group is left", async () => {
    const { alice, a } = await watchedPair();
    const first = a.latest("init", "exporter");
    await alice.update();
    expect(first.some(isZero)).toBe(false);
    await alice.mergePendingCommit();
    expect(first.every(isZero)).toBe(true);

    const second = await watchedPair();
    const last = second.a.latest(...EPOCH_SECRETS);
    await second.alice.update();
    const [lost] = second.a.latest("init") as [Uint8Array];
    const { commit } = await second.bob.remove(0);
    expect([lost, ...last.filter((_, i) => EPOCH_SECRETS[i] !== "encryption")].some(isZero)).toBe(false);
    await second.alice.receive(commit);
    expect(isZero(lost)).toBe(true);
    expect(last.every(isZero)).toBe(true);

    const third = await watchedPair();
    const own = third.b.latest(...EPOCH_SECRETS);
    await third.bob.close();
    expect(own.every(isZero)).toBe(true);
  });

  it("and past epochs when there are enough of them", async () => {
    const { alice, a } = await watchedPair({ maxPastEpochs: 1 });
    const past = a.latest("sender data", "resumption");
    for (let i = 0; i < 2; i++) {
      expect(past.some(isZero)).toBe(false);
      await alice.update();
      await alice.mergePendingCommit();
    }
    expect(past.every(isZero)).toBe(true);
  });
});

describe("trap 13: PSKs", () => {
  const psk = utf8("a secret that all know from elsewhere");
  const externalPsk = (id: Uint8Array) => (id[0] === 7 ? psk : undefined);

  it("change the secrets, and a commit with one that isn't known is refused without a trace", async () => {
    const { groups } = await four(SUITE, { externalPsk });
    const [alice, bob] = groups as [Group, Group];
    const { commit } = await alice.commit({
      psks: [{ external: new Uint8Array([7]) }, { resumption: alice.epoch }],
    });
    await bob.receive(commit);
    await alice.mergePendingCommit();
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
    expect((await failure(alice.commit({ psks: [{ external: new Uint8Array([8]) }] }))).code).toBe("missing");
    expect(alice.hasPendingCommit).toBe(false);

    const mixed = await gather([
      await party("knows", { suite: SUITE, externalPsk }),
      await party("doesn't", { suite: SUITE }),
    ]);
    const [a, b] = mixed.groups as [Group, Group];
    const made = await a.commit({ psks: [{ external: new Uint8Array([7]) }] });
    expect((await refused(b, made.commit)).code).toBe("missing");
  });

  it("usages of ReInit and branch and nonces of another length are refused in a commit and a proposal", async () => {
    const { parties, groups } = await four(SUITE);
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const bob = groups[1] as Group;
    const { groupId, epoch } = from.epoch.groupContext;
    const pskNonce = new Uint8Array(32);
    for (const usage of [2, 3] as const) {
      const id = { pskType: 2, usage, pskGroupId: groupId, pskEpoch: epoch, pskNonce } as const;
      const proposals = by(2, { proposalType: ProposalType.psk, psk: id });
      expect(saying(await refused(bob, await forge(from, { proposals })))).toMatch(
        /^12\.1\.4: a resumption PSK/,
      );
    }
    const short = {
      pskType: 2,
      usage: 1,
      pskGroupId: groupId,
      pskEpoch: epoch,
      pskNonce: new Uint8Array(16),
    } as const;
    const proposals = by(2, { proposalType: ProposalType.psk, psk: short });
    expect(saying(await refused(bob, await forge(from, { proposals })))).toMatch(/^12\.1\.4: psk_nonce/);
  });

  it("can be brought by an external commit", async () => {
    const { groups } = await four(SUITE, { externalPsk });
    const [alice, bob] = groups as [Group, Group];
    const joiner = await party("joiner", { suite: SUITE, externalPsk });
    const { group, commit } = await joiner.client.joinByExternalCommit(await alice.groupInfo(), {
      externalPsks: [new Uint8Array([7])],
    });
    for (const one of [alice, bob]) await one.receive(commit);
    expect(group.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });
});

describe("trap 14: paths, the first leaf, and what comes back", () => {
  it("a path can be forced where none is required", async () => {
    const { groups } = await four(SUITE, { policy: { handshake: "public" } });
    const [alice] = groups as [Group];
    for (const forcePath of [false, true]) {
      const newcomer = await party("new-member", { suite: SUITE });
      const { commit } = await alice.commit({ add: [await newcomer.client.createKeyPackage()], forcePath });
      const { content } = publicIn(commit).content;
      expect(content.contentType === ContentType.commit && content.commit.path !== undefined).toBe(forcePath);
      await everyone(groups, commit, 0);
      await alice.mergePendingCommit();
    }
  });

  it("a by-reference Update of leaf 0 works", async () => {
    const { groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const before = toHex(alice.ratchetTree);
    await everyone(groups, await alice.propose({ update: true }), 0);
    const { commit } = await bob.commit();
    expect(await alice.receive(commit)).toMatchObject({ updated: [{ leafIndex: 0 }] });
    await bob.mergePendingCommit();
    expect(toHex(alice.ratchetTree)).not.toBe(before);
    const { commit: next } = await (groups[1] as Group).update();
    await alice.receive(next);
    await bob.mergePendingCommit();
    expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });

  it.each(["public", "private"] as const)(
    "own %s messages that come back are recognised",
    async (handshake) => {
      const { groups } = await four(SUITE, { policy: { handshake } });
      const [alice] = groups as [Group];
      expect(await alice.receive(await alice.encrypt("mine"))).toEqual({ kind: "own" });
      const proposal = await alice.propose({ update: true });
      expect(await alice.receive(proposal)).toEqual({ kind: "own" });
      expect(alice.proposals).toHaveLength(1);
      const { commit } = await alice.commit();
      expect(await alice.receive(commit)).toMatchObject({ kind: "commit", own: true });
      // And once more, when it is in force already.
      expect(await alice.receive(commit)).toEqual({ kind: "own" });
    },
  );
});

describe("trap 15: capabilities advertise what the provider at hand can do", () => {
  it.each([
    ["libsodium", () => libsodiumProvider(), 3],
    ["webcrypto", () => webCryptoProvider({ extractable: true }), 2],
    ["node", async () => nodeProvider(), 1],
  ] as const)("%s", async (_, make, suite) => {
    const crypto = await make();
    const { client } = await party("alice", { suite, crypto });
    const served = crypto.suites.map(({ id }) => id);
    expect(keyPackageIn(await client.createKeyPackage()).leafNode.capabilities.cipherSuites).toEqual(served);
    const group = await client.createGroup();
    await group.update();
    await group.mergePendingCommit();
    expect(capabilitiesAt(group, 0).cipherSuites).toEqual(served);
    expect(served.every((id) => crypto.suite(id).suite.id === id)).toBe(true);
  });
});

describe("trap 16: suite definitions say what they are", () => {
  const DIGESTS: Record<string, string> = {
    "SHA-256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "SHA-384":
      "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
    "SHA-512":
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
  };
  it.each(CIPHER_SUITES.map((suite) => [suite.name, suite] as const))("%s", async (name, suite) => {
    const [, level, , aead, hash, signature] = name.split("_") as string[];
    expect(suite.hash.name.replace("-", "")).toBe(hash);
    expect(suite.aead.name.replaceAll(/[-_]/g, "").toUpperCase()).toBe(aead);
    expect(suite.aead.Nk * 8).toBe(name.includes("AES128") ? 128 : 256);
    expect(name.includes(suite.kem.name.replace(/^DHKEM\(([^,]*),.*$/, "DHKEM$1").replace("-", ""))).toBe(
      true,
    );
    const schemes: Record<string, string> = {
      Ed25519: "ed25519",
      Ed448: "ed448",
      P256: "ecdsa_secp256r1_sha256",
      P384: "ecdsa_secp384r1_sha384",
      P521: "ecdsa_secp521r1_sha512",
    };
    expect(suite.signature.name).toBe(schemes[signature as string]);
    expect(suite.hash.Nh * 8).toBeGreaterThan(Number(level));
    // And the provider does as it says.
    const provider = nodeProvider().suite(suite.id);
    expect(toHex(await provider.hash.hash(new Uint8Array()))).toBe(DIGESTS[suite.hash.name]);
    const [key, nonce] = [new Uint8Array(suite.aead.Nk), new Uint8Array(suite.aead.Nn)];
    const sealed = await provider.aead.seal(key, nonce, new Uint8Array(), new Uint8Array(1));
    expect(sealed).toHaveLength(1 + suite.aead.Nt);
    const other = new Uint8Array(suite.aead.Nk === 16 ? 32 : 16);
    expect((await failure(async () => provider.aead.seal(other, nonce, nonce, nonce))).code).toBe("crypto");
  });
});

describe("trap 17: which proposal is invalid is said", () => {
  it("at creation, by its place, its name and its rule", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const good = await (await party("good", { suite: SUITE })).client.createKeyPackage();
    const old = { now: () => 10 ** 12 };
    const bad = await (await party("old", { suite: SUITE, policy: old })).client.createKeyPackage();
    const error = await failure(alice.commit({ remove: [3], add: [good, bad] }));
    expect(error.proposal).toMatchObject({ index: 2, type: ProposalType.add, name: "add" });
    expect(saying(error)).toMatch(/^7\.3: the current time/);
    expect((await failure(alice.propose({ add: bad }))).proposal).toMatchObject({ index: 0, name: "add" });
    expect((await failure(alice.commit({ remove: [1, 7] }))).proposal).toMatchObject({
      index: 1,
      name: "remove",
    });
  });

  it("on receipt, and by its reference where it has one", async () => {
    const { parties, groups } = await four(SUITE);
    const [, bob, mallory] = groups as [Group, Group, Group];
    const from = await insider(parties[2] as Party, mallory);
    const remove = (removed: number) => ({ proposalType: ProposalType.remove, removed }) as const;
    const byValue = await forge(from, { proposals: by(2, remove(3), remove(9)) });
    expect((await refused(bob, byValue)).proposal).toMatchObject({ index: 1, type: 3, name: "remove" });

    // The rules about the list name one as well: here the second that is about leaf 3.
    const twice = await forge(from, { proposals: by(2, remove(0), remove(3), remove(3)) });
    expect((await refused(bob, twice)).proposal).toMatchObject({ index: 2, type: 3, name: "remove" });
    await bob.receive(await mallory.propose({ remove: 3 }));
    const [known] = bob.proposals;
    const reference = known?.reference as Uint8Array;
    const sender = { senderType: SenderType.member, leafIndex: 2 } as const;
    const referred = { proposal: remove(3), sender, reference };
    const list = [...by(2, remove(3)), referred];
    const error = await refused(bob, await forge(from, { proposals: list }));
    expect(error.proposal).toMatchObject({ index: 1, name: "remove", reference });
  });
});

describe("trap 17 and more: a proposal that can't be brought into force", () => {
  const extensions = [{ extensionType: 0xff00, extensionData: new Uint8Array(1) }];
  const pskNonce = new Uint8Array(32);
  async function addition(): Promise<Proposal> {
    const stranger = await party("stranger", {
      suite: SUITE,
      credential: x509Credential([new Uint8Array(1)]),
      capabilities: { credentials: [2] },
    });
    const keyPackage = keyPackageIn(await stranger.client.createKeyPackage());
    return { proposalType: ProposalType.add, keyPackage };
  }
  it.each<[string, () => Promise<Proposal>]>([
    [
      "an extension that not all members support",
      async () => ({ proposalType: ProposalType.groupContextExtensions, extensions }),
    ],
    [
      "a PSK that isn't known",
      async () => ({
        proposalType: ProposalType.psk,
        psk: { pskType: 1, pskId: new Uint8Array(1), pskNonce },
      }),
    ],
    ["an Add of a client that doesn't support the others' credentials", addition],
  ])("%s doesn't keep the others from committing", async (_, make) => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob, mallory] = groups as [Group, Group, Group];
    const from = await insider(parties[2] as Party, mallory);
    const proposal = await make();
    const bad = await frame(from, { contentType: ContentType.proposal, proposal });
    const good = await bob.propose({ update: true });
    for (const message of [bad, good]) await alice.receive(message);
    await bob.receive(bad);
    const { commit } = await alice.commit();
    expect(await bob.receive(commit)).toMatchObject({
      kind: "commit",
      updated: [{ leafIndex: 1 }],
      added: [],
    });
    await alice.mergePendingCommit();
    expect(await bob.receive(await alice.encrypt("go on"))).toMatchObject({ kind: "application" });
  });

  it("is named, when the committer itself asks for it", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const error = await failure(alice.commit({ extensions, remove: [3] }));
    expect(error.proposal).toMatchObject({ name: "groupContextExtensions" });
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const proposals = by(2, { proposalType: ProposalType.remove, removed: 3 }, await addition());
    const received = await refused(bob, await forge(from, { proposals }));
    expect(received.proposal).toMatchObject({ index: 1, name: "add" });
  });
});

describe("trap 23: a signature key that must be stored in the group's state", () => {
  it("is never saved, and bound again when a state is loaded", async () => {
    const crypto = nodeProvider();
    const provider = crypto.suite(SUITE);
    const pair = await provider.signature.generateKeyPair();
    const secret = await provider.signature.exportPrivateKey(pair.privateKey);
    const signer: Signer = {
      algorithm: provider.suite.signature,
      publicKey: pair.publicKey,
      sign: (message) => provider.signature.sign(pair.privateKey, message),
    };
    const { groups } = await gather([
      await party("alice", { suite: SUITE, signer }),
      await party("bob", { suite: SUITE }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    await alice.update();
    const saved = await alice.save();
    expect(Buffer.from(saved).includes(Buffer.from(secret))).toBe(false);

    const options = { crypto, suite: SUITE, credential: "alice", authentication: insecureAcceptAll() };
    const stranger = await Client.create(options);
    const error = await failure(stranger.restore(saved));
    expect(error).toMatchObject({ code: "state", message: expect.stringContaining("signer") });
    stranger.addSigner(signer);
    const restored = await stranger.restore(saved);
    expect(restored.hasPendingCommit).toBe(true);
    await restored.clearPendingCommit();
    expect(await bob.receive(await restored.encrypt("back"))).toMatchObject({ kind: "application" });
  });

  it("a key that a group switches to is asked for as well", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const next = await generateSigner(nodeProvider(), SUITE);
    await alice.update({ signer: next });
    await alice.mergePendingCommit();
    const saved = await alice.save();
    const same = await party("alice", { suite: SUITE, signer: (parties[0] as Party).signer });
    expect((await failure(same.client.restore(saved))).code).toBe("state");
    same.client.addSigner(next);
    expect((await same.client.restore(saved)).member(0)?.signatureKey).toEqual(next.publicKey);
  });
});

describe("a backend that verifies later", () => {
  it("refuses a forged message and leaves the group's state as it was", async () => {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    let forged = false;
    const signature = Object.assign(Object.create(suite.signature), {
      verifyAll: undefined,
      async verify(...request: Parameters<typeof suite.signature.verify>) {
        return (await suite.signature.verify(...request)) && !forged;
      },
    });
    const crypto = { ...node, suite: () => ({ ...suite, signature }) };
    const { groups } = await gather([
      await party("alice", { suite: SUITE }),
      await party("bob", { suite: SUITE, crypto }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    await bob.receive(await alice.encrypt("first"));

    const message = await alice.encrypt("second");
    const before = await bob.save();
    forged = true;
    const error = await failure(bob.receive(message));
    expect(error).toMatchObject({ code: "validation", rule: expect.stringMatching(/^6\.1: /) });
    expect(toHex(await bob.save())).toBe(toHex(before));
    forged = false;
    expect(await bob.receive(message)).toMatchObject({ kind: "application" });
  });
});

describe("trap 24: signers that answer later", () => {
  /** A signer behind a slow line, as a key service is. */
  async function slow(state: { failing: boolean; calls: number }): Promise<Signer> {
    const inner = await generateSigner(nodeProvider(), SUITE);
    return {
      ...inner,
      async sign(message) {
        state.calls++;
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (state.failing) throw new Error("the key service doesn't answer");
        return inner.sign(message);
      },
    };
  }

  it("serve for everything that is signed, and a failing one leaves the group as it was", async () => {
    const line = { failing: false, calls: 0 };
    const { groups } = await gather([
      await party("alice", { suite: SUITE, signer: await slow(line) }),
      await party("bob", { suite: SUITE, signer: await slow(line) }),
      await party("carol", { suite: SUITE }),
    ]);
    const [alice, bob, carol] = groups as [Group, Group, Group];
    // Several at once, in the order of the calls.
    const sent = await Promise.all([1, 2, 3].map((i) => alice.encrypt(`message ${i}`)));
    for (const message of sent) expect(await bob.receive(message)).toMatchObject({ kind: "application" });
    const proposal = await bob.propose({ update: true });
    for (const group of [alice, carol]) await group.receive(proposal);

    const before = await alice.save();
    line.failing = true;
    for (const work of [
      () => alice.commit(),
      () => alice.propose({ update: true }),
      () => alice.groupInfo(),
    ]) {
      await expect(work()).rejects.toThrow("the key service doesn't answer");
      expect(toHex(await alice.save())).toBe(toHex(before));
    }
    line.failing = false;
    const { commit } = await alice.commit();
    for (const group of [bob, carol]) await group.receive(commit);
    await alice.mergePendingCommit();
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
    expect(line.calls).toBeGreaterThan(10);
  });
});
