// The exact number of provider calls that each step of a session makes, in suite 1: counts don't vary as times do.
import type { Group } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { type InstrumentedProvider, instrumentProvider, type Operation } from "@copse/provider-select";
import { everyone, gather, type Party, party } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

const SUITE = 1;

/** How often each operation was asked for; of a batch, its calls and what they hold. */
type Counts = { readonly [name in Operation]?: number | `${number} in ${number}` };

interface Counted extends Party {
  readonly crypto: InstrumentedProvider;
}

/** Parties each of whom has a provider that counts. */
function counted(count: number): Promise<Counted[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const crypto = instrumentProvider(nodeProvider());
      return { ...(await party(`member ${i}`, { suite: SUITE, crypto })), crypto };
    }),
  );
}

/** What one party's provider is asked for while it does something. */
async function countsOf<T>({ crypto }: Counted, work: () => Promise<T>): Promise<[Counts, T]> {
  crypto.reset();
  const done = await work();
  const counts: [string, number | string][] = [];
  for (const { operations } of crypto.report()) {
    for (const [name, { calls, items, failures }] of Object.entries(operations)) {
      expect(failures, name).toBe(0);
      counts.push([name, name.endsWith("All") ? `${items} in ${calls}` : calls]);
    }
  }
  return [Object.fromEntries(counts), done];
}

/** Of each step, what the one who takes it asks for. No step imports or exports a private key. */
describe("two members", () => {
  it("make exactly these calls", async () => {
    const [alice, bob] = (await counted(2)) as [Counted, Counted];
    const [makingKeyPackage, keyPackage] = await countsOf(bob, () => bob.client.createKeyPackage());
    expect(makingKeyPackage, "createKeyPackage").toEqual({
      "hpke.generateKeyPair": 2,
      "signature.sign": 2,
      "hash.hash": 1,
    });

    const [creating, ofAlice] = await countsOf(alice, () => alice.client.createGroup());
    expect(creating, "createGroup").toEqual({
      random: 2,
      "hpke.generateKeyPair": 1,
      "signature.sign": 1,
      "hash.hash": 1,
      "hash.hashAll": "1 in 1",
      "kdf.expandAll": "9 in 1",
      "hash.mac": 1,
    });

    const [adding, { welcome, ratchetTree }] = await countsOf(alice, () => ofAlice.add(keyPackage));
    expect(adding, "add").toEqual({
      "hpke.validatePublicKey": 2,
      "signature.validatePublicKey": 1,
      "signature.verifyAll": "2 in 1",
      "signature.sign": 2,
      "hash.hashAll": "2 in 2",
      "hash.hash": 3,
      "kdf.extract": 3,
      "kdf.expand": 3,
      "kdf.expandAll": "18 in 5",
      "hash.mac": 1,
      "aead.seal": 3,
      "hpke.sealAll": "1 in 1",
      random: 1,
    });
    const [merging] = await countsOf(alice, () => ofAlice.mergePendingCommit());
    expect(merging, "mergePendingCommit").toEqual({ "hash.hash": 1 });

    const join = () => bob.client.join(welcome as Uint8Array, { ratchetTree });
    const [joining, ofBob] = await countsOf(bob, join);
    expect(joining, "join").toEqual({
      "hpke.open": 1,
      "kdf.extract": 2,
      "kdf.expand": 2,
      "kdf.expandAll": "11 in 2",
      "aead.open": 1,
      "hash.hashAll": "3 in 2",
      "signature.verify": 1,
      "signature.verifyAll": "2 in 1",
      "signature.validatePublicKey": 2,
      "hpke.validatePublicKey": 2,
      "hash.mac": 1,
      "hash.hash": 1,
      // The init key, which was used.
      "hpke.destroyPrivateKey": 1,
    });

    // The first message of a sender derives its ratchets from the secret tree (§9); the others step one of them.
    const sealing = { "signature.sign": 1, random: 1, "aead.seal": 2 };
    const opening = { "signature.verify": 1, "aead.open": 2 };
    for (const expansions of ["9 in 4", "5 in 2", "5 in 2"]) {
      const [encrypting, message] = await countsOf(alice, () => ofAlice.encrypt(new Uint8Array(100)));
      expect(encrypting, "encrypt").toEqual({ ...sealing, "kdf.expandAll": expansions });
      const [decrypting] = await countsOf(bob, () => ofBob.receive(message));
      expect(decrypting, "receive").toEqual({ ...opening, "kdf.expandAll": expansions });
    }
  });
});

/** An empty commit by leaf 0 of 8, which others process: leaf 1 gets three path secrets, leaf 7 one. */
async function emptyCommit(parties: readonly Counted[], groups: readonly Group[]) {
  const [committer, nearest, , , , , , farthest] = parties as Counted[];
  const [committing, { commit }] = await countsOf(committer!, () => groups[0]!.update());
  const [near] = await countsOf(nearest!, () => groups[1]!.receive(commit));
  const [far] = await countsOf(farthest!, () => groups[7]!.receive(commit));
  for (const group of groups.slice(2, 7)) await group.receive(commit);
  const [merging] = await countsOf(committer!, () => groups[0]!.mergePendingCommit());
  return { committing, near, far, merging };
}

/** What an empty commit asks for, at log2(8) = 3 parents on the path, wherever it is sealed to. */
const committing = {
  random: 2,
  "kdf.expand": 8,
  "kdf.expandAll": "22 in 7",
  "hpke.generateKeyPair": 1,
  "hpke.deriveKeyPair": 3,
  "hash.hash": 5,
  "signature.sign": 2,
  "hash.hashAll": "4 in 4",
  "kdf.extract": 2,
  "hash.mac": 1,
  "aead.seal": 2,
};
const processing = {
  "aead.open": 2,
  "signature.verify": 1,
  "signature.verifyAll": "1 in 1",
  "hpke.validatePublicKey": 4,
  "signature.validatePublicKey": 1,
  "hash.hash": 6,
  "hash.hashAll": "4 in 4",
  "hpke.open": 1,
  "kdf.extract": 2,
  "hash.mac": 1,
  "kdf.expandAll": "22 in 7",
};
const near = { ...processing, "hpke.deriveKeyPair": 3, "kdf.expand": 8 };
const far = { ...processing, "hpke.deriveKeyPair": 1, "kdf.expand": 4 };

describe("an empty commit in a group of 8", () => {
  it("seals to every leaf while the parents are blank, and to the copath once all have committed", async () => {
    const parties = await counted(8);
    const { groups } = await gather(parties);
    expect(await emptyCommit(parties, groups), "blank parents").toEqual({
      committing: { ...committing, "hpke.sealAll": "7 in 1" },
      near,
      far,
      // The leaf key that was replaced.
      merging: { "hash.hash": 1, "hpke.destroyPrivateKey": 1 },
    });
    for (const [i, group] of groups.entries()) {
      const { commit } = await group.update();
      await everyone(groups, commit, i);
      await group.mergePendingCommit();
    }
    expect(await emptyCommit(parties, groups), "lived-in").toEqual({
      committing: { ...committing, "hpke.sealAll": "3 in 1" },
      // The keys of the nodes that the path replaced.
      near: { ...near, "hpke.destroyPrivateKey": 3 },
      far: { ...far, "hpke.destroyPrivateKey": 1 },
      merging: { "hash.hash": 1, "hpke.destroyPrivateKey": 4 },
    });
  });

  it("is processed once if it is staged first: its merge only derives the message's key again", async () => {
    const parties = await counted(8);
    const { groups } = await gather(parties);
    const [committer, nearest] = groups as [Group, Group];
    const { commit } = await committer.update();
    const [staging, staged] = await countsOf(parties[1]!, () => nearest.stage(commit));
    expect(staging).toEqual({ ...near, "hash.hash": processing["hash.hash"] - 1 });
    const discardAndStage = async () => {
      await staged.discard();
      await nearest.stage(commit);
    };
    expect((await countsOf(parties[1]!, discardAndStage))[0]).toEqual({});
    const [merging] = await countsOf(parties[1]!, () => nearest.receive(commit));
    expect(merging).toEqual({ "hash.hash": 1, "kdf.expandAll": "11 in 5" });
  });
});
