// RFC 9420 §9.2, §16.2: groups whose private keys are in a key store.
import {
  Client,
  type ClientOptions,
  type CryptoProvider,
  generateSigner,
  insecureAcceptAll,
} from "@copse/core";
import { sweepKeyStore, webCryptoProvider } from "@copse/provider-webcrypto";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { describe, expect, test } from "vitest";
import { memoryStore } from "./support.js";

const SUITE = 2;

/** Alice, with a key store, and Bob. A further call of `alice` is a further process. */
async function people(extensions: ClientOptions["extensions"] = []) {
  const keyStore = memoryStore();
  const crypto = await webCryptoProvider({ keyStore });
  const signer = await generateSigner(crypto, SUITE);
  const options = { suite: SUITE, authentication: insecureAcceptAll() };
  const make = (provider: CryptoProvider) =>
    Client.create({ ...options, crypto: provider, credential: "alice", signer, extensions });
  const alice = async () => make(await webCryptoProvider({ keyStore }));
  const bob = await Client.create({ ...options, crypto, credential: "bob" });
  return { keyStore, alice, bob };
}

describe("a key store with the keys of groups", () => {
  test("doesn't grow with the processes that restore a group, and is empty after the removal", async () => {
    const { keyStore, alice, bob } = await people();
    const first = await alice();
    const other = await bob.createGroup();
    const { welcome } = await other.add(await first.createKeyPackage());
    await other.mergePendingCommit();
    let group = await first.join(welcome as Uint8Array);
    let saved = await group.save();
    await group.close();
    for (let i = 0; i < 6; i++) {
      group = await (await alice()).restore(saved);
      const { commit } = await group.update();
      await group.save();
      await other.receive(commit);
      await group.mergePendingCommit();
      saved = await group.save();
      await group.close();
      // A leaf key and a path key, and those of the epoch before.
      expect(keyStore.keys.size, `${i + 1} processes`).toBeLessThanOrEqual(4);
    }
    group = await (await alice()).restore(saved);
    await group.receive((await other.remove(group.ownLeafIndex)).commit);
    await group.save();
    await group.close();
    expect(keyStore.keys.size).toBe(0);
  });

  test("keeps a leaf key that a staged commit doesn't change", async () => {
    const { keyStore, alice, bob } = await people();
    const first = await alice();
    const other = await bob.createGroup();
    const { welcome } = await other.add(await first.createKeyPackage(), { forcePath: true });
    await other.mergePendingCommit();
    let group = await first.join(welcome as Uint8Array);
    await group.save();
    const { commit } = await other.update();
    await group.stage(commit);
    let saved = await group.save();
    await group.close();
    group = await (await alice()).restore(saved);
    await group.receive(commit);
    await other.mergePendingCommit();
    for (let i = 0; i < 3; i++) saved = await group.save();
    await group.close();
    group = await (await alice()).restore(saved);
    await group.receive((await other.update()).commit);
    await other.mergePendingCommit();
    expect(group.epochAuthenticator).toEqual(other.epochAuthenticator);
    expect(keyStore.keys.size).toBeGreaterThan(0);
  });

  test("keeps the leaf key of a key package of last resort for its groups in another process", async () => {
    const { keyStore, alice, bob } = await people([lastResort]);
    const first = await alice();
    const keyPackage = await first.createKeyPackage(MARKED);
    const others = [];
    const states = [];
    for (let i = 0; i < 2; i++) {
      const other = await bob.createGroup();
      const { welcome } = await other.add(keyPackage);
      await other.mergePendingCommit();
      others.push(other);
      states.push(await (await first.join(welcome as Uint8Array)).save());
    }
    const saved = await first.saveKeyPackages();
    // Another process leaves the one group, and uses the key package again.
    const second = await alice();
    await second.loadKeyPackages(saved.slice());
    const left = await second.restore(states[0] as Uint8Array);
    await left.update();
    await left.mergePendingCommit();
    for (let i = 0; i < 3; i++) states[0] = await left.save();
    const kept = await second.restore(states[1] as Uint8Array);
    await kept.receive((await others[1]?.update())?.commit as Uint8Array);
    const third = await bob.createGroup();
    const { welcome } = await third.add(keyPackage);
    await third.mergePendingCommit();
    await (await second.join(welcome as Uint8Array)).close();
    // Deleted, its leaf key stays for the groups that aren't open; only the sweep knows when none needs it.
    for (const { reference } of second.keyPackages()) await second.deleteKeyPackage(reference);
    await (await alice()).restore(states[1] as Uint8Array);
    expect(await sweepKeyStore(keyStore, states)).toBe(0);
    expect(await sweepKeyStore(keyStore, [states[0] as Uint8Array])).toBe(1);
    expect((await (await alice()).restore(states[0] as Uint8Array)).active).toBe(true);
  });
});

describe("sweepKeyStore", () => {
  test("deletes what a process left that ended before it stored a state, and nothing else", async () => {
    const { keyStore, alice, bob } = await people();
    const client = await alice();
    const group = await client.createGroup();
    await client.createKeyPackage();
    const saved = [await group.save(), await client.saveKeyPackages()];
    await group.add(await bob.createKeyPackage());
    await group.save();
    await group.mergePendingCommit();
    await group.save();
    const before = keyStore.keys.size;
    // Neither of the last two states was stored.
    expect(await sweepKeyStore(keyStore, saved)).toBe(before - 3);
    expect(keyStore.keys.size).toBe(3);
    const again = await alice();
    expect((await again.restore(saved[0] as Uint8Array)).epoch).toBe(0n);
    await again.loadKeyPackages(saved[1] as Uint8Array);
    expect(again.keyPackages()).toHaveLength(1);
    expect(await sweepKeyStore(keyStore, [])).toBe(3);
    const { list: _, ...short } = keyStore;
    await expect(sweepKeyStore(short, [])).rejects.toMatchObject({ code: "usage" });
  });
});
