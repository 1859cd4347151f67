// RFC 9420 §9.2: what a crash leaves in a key store is found: what no entry of the storage refers to.
import type { Group } from "@copse/core";
import { memoryStorage, type StoredClient } from "@copse/core/storage";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { party, send } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { memoryStore } from "../../../provider-webcrypto/test/support.js";
import { opened, SUITE, TestStorage } from "./stores.js";

/** A client whose keys are in a key store of the application's; a further call is a further process. */
async function process(
  keyStore: ReturnType<typeof memoryStore>,
  storage: TestStorage,
): Promise<StoredClient> {
  const crypto = await webCryptoProvider({ keyStore });
  const { signer } = await signerOf;
  return opened(storage, "alice", { crypto, signer });
}
const signerOf = party("alice", { suite: SUITE });

it("keys of key packages, groups, staged commits and proposals stay, and all others go", async () => {
  const keyStore = memoryStore();
  const storage = new TestStorage(memoryStorage());
  const alice = await process(keyStore, storage);
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(await alice.createKeyPackage());
  await b.mergePendingCommit();
  const a = await alice.join(welcome as Uint8Array);
  const keyPackage = await alice.createKeyPackage();
  await b.receive(await a.propose({ update: true }));
  await a.commit({ forcePath: true });
  const needed = keyStore.keys.size;
  expect(await alice.sweep()).toBe(0);

  // Its process ends before it has written what it made, and before it has deleted what it removed.
  storage.fates.push("lost");
  await alice.createKeyPackage().catch(() => undefined);
  keyStore.put(
    ((await globalThis.crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair)
      .privateKey,
  );
  const left = keyStore.keys.size - needed;
  expect(left).toBeGreaterThan(1);
  // This one may still need those that it has handles of.
  expect(await alice.sweep()).toBeLessThan(left);

  const again = await process(keyStore, storage);
  expect(keyStore.keys.size).toBeGreaterThan(needed);
  await again.sweep();
  expect(keyStore.keys.size).toBe(needed);
  const group = (await again.group(b.groupId)) as Group;
  await b.receive((group.staged[0] as { commit: Uint8Array }).commit);
  await group.mergePendingCommit();
  await send(group, [b], "all keys are there");
  const other = await bob.client.createGroup();
  const invitation = await other.add(keyPackage);
  await again.join(invitation.welcome as Uint8Array);
});

it("without a key store there is nothing to sweep", async () => {
  const client = await opened(new TestStorage());
  await client.createGroup();
  expect(await client.sweep()).toBe(0);
});
