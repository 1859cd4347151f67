// draft-ietf-mls-extensions, Exported Secrets: the exporter tree, which gives each secret once.

import { type Group, generateSigner } from "@copse/core";
import { deriveSecret, expandWithLabel, utf8 } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { safeExporter, safeExportSecret } from "@copse/extensions";
import { reopened } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { epochSecretsFrom } from "../../core/src/schedule/key-schedule.js";
import { agree, client, crypto, deliver, gather, refusal, SUITE, three } from "./clients.js";

const provider = crypto.suite(SUITE);
const IDS = [0, 1, 2, 0x7fff, 0x8000, 0xffff];

it("derives what the draft says: the leaf of a tree over 2^16 components", async () => {
  const [definition] = safeExporter().secrets ?? [];
  const epochSecret = new Uint8Array(32).fill(7);
  const root = await deriveSecret(provider, epochSecret, "application_export");
  const { additional } = await epochSecretsFrom(provider, epochSecret, ["application_export"]);
  expect(additional.get("application_export")).toEqual(root);
  const ledger = definition?.open(provider, root.slice()) as unknown as {
    find(componentId: number): Promise<{ secret: Uint8Array; remove: () => void }>;
    save(): Uint8Array;
  };
  for (const id of IDS) {
    let secret: Uint8Array = root;
    for (let bit = 15; bit >= 0; bit--) {
      secret = await expandWithLabel(provider, secret, "tree", utf8((id >> bit) & 1 ? "right" : "left"), 32);
    }
    const found = await ledger.find(id);
    found.remove();
    expect(found.secret, `component ${id}`).toEqual(secret);
  }
});

it("keeps the secret of any label beside the others, __proto__ included", async () => {
  const epochSecret = new Uint8Array(32).fill(7);
  const { secrets, additional } = await epochSecretsFrom(provider, epochSecret, ["__proto__", "other"]);
  expect(Object.keys(secrets)).toHaveLength(9);
  expect(Object.getPrototypeOf(secrets)).toBe(Object.prototype);
  expect([...additional.keys()]).toEqual(["__proto__", "other"]);
  for (const label of ["__proto__", "other"]) {
    expect(additional.get(label), label).toEqual(await deriveSecret(provider, epochSecret, label));
  }
});

it("gives all members the same secrets, each once in an epoch", async () => {
  const [alice, bob, carol] = await three(() => [safeExporter()]);
  const seen = new Set<string>();
  for (let round = 0; round < 2; round++) {
    for (const [i, id] of IDS.entries()) {
      const secrets = [];
      // Each takes them in an order of its own.
      secrets.push(await safeExportSecret(alice, id));
      secrets.push(await safeExportSecret(bob, IDS[IDS.length - 1 - i] as number));
      expect(secrets[0]).toHaveLength(32);
      seen.add(String(secrets[0]));
    }
    for (const id of IDS) {
      expect(await refusal(safeExportSecret(alice, id))).toBe("forgotten");
      expect(await refusal(safeExportSecret(bob, id))).toBe("forgotten");
      expect(seen.has(String(await safeExportSecret(carol, id)))).toBe(true);
    }
    const { commit } = await bob.update();
    await deliver(commit, alice, carol);
    await bob.mergePendingCommit();
    agree(alice, bob, carol);
  }
  // Another one in each epoch, for each component.
  expect(seen.size).toBe(2 * IDS.length);
});

it("exists from the first epoch, and for members who join by an external commit", async () => {
  const alice = await (await client("alice", [safeExporter()])).createGroup();
  expect(await safeExportSecret(alice, 5)).toHaveLength(32);
  const bob = await client("bob", [safeExporter()]);
  const { group, commit } = await joinByExternalCommit(bob, await alice.groupInfo());
  await alice.receive(commit);
  await group.mergePendingCommit();
  expect(await safeExportSecret(group, 5)).toEqual(await safeExportSecret(alice, 5));
});

it("is saved without the secrets that were taken already", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const aliceClient = await client("alice", [safeExporter()], { signer });
  const [alice, bob] = (await gather([aliceClient, await client("bob", [safeExporter()])])) as [Group, Group];
  const taken = await safeExportSecret(alice, 9);
  const saved = await alice.save();
  await alice.close();
  expect(Buffer.from(saved).includes(Buffer.from(taken))).toBe(false);
  const restored = await aliceClient.restore(saved);
  expect(await restored.save()).toEqual(saved);
  expect(await refusal(safeExportSecret(restored, 9))).toBe("forgotten");
  expect(await safeExportSecret(restored, 8)).toEqual(await safeExportSecret(bob, 8));
  expect(await safeExportSecret(bob, 9)).toEqual(taken);
  // Also that of a commit that is pending.
  const { commit } = await restored.update();
  const later = await reopened(aliceClient, restored);
  await later.mergePendingCommit();
  await bob.receive(commit);
  expect(await safeExportSecret(later, 9)).toEqual(await safeExportSecret(bob, 9));
});

it("is missing in an epoch that began without it, and refuses invalid component IDs", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const plain = await client("alice", undefined, { signer });
  const group = await plain.createGroup();
  expect(await refusal(safeExportSecret(group, 1))).toBe("missing");
  expect(() => safeExportSecret(group, 2 ** 16)).toThrow(/component ID/);
  const saved = await group.save();
  const now = await client("alice", [safeExporter()], { signer });
  const restored = await now.restore(saved);
  expect(await refusal(safeExportSecret(restored, 1))).toBe("missing");
  await restored.update();
  await restored.mergePendingCommit();
  expect(await safeExportSecret(restored, 1)).toHaveLength(32);
  // And can't be restored by one who doesn't have it.
  await group.close();
  expect(await refusal(plain.restore(await restored.save()))).toBe("state");
  await restored.close();
  expect(await refusal(safeExportSecret(restored, 2))).toBe("closed");
});

it("refuses a second extension with the same secret", async () => {
  expect(await refusal(client("alice", [safeExporter(), safeExporter()]))).toBe("usage");
  const own = { name: "own", secrets: [{ label: "exporter", open: () => fake, load: () => fake }] };
  const fake = { save: () => new Uint8Array(), wipe: () => {} };
  expect(await refusal(client("alice", [own]))).toBe("usage");
});
