// draft-ietf-mls-extensions, Last-Resort KeyPackages: used to join more than once.
import { generateSigner } from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import {
  appData,
  ComponentId,
  earlierLastResortKeyPackage,
  grease,
  isLastResort,
  lastResort,
  lastResortKeyPackage,
} from "@copse/extensions";
import { keyPackageIn } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { agree, client, crypto, refusal, SUITE } from "./clients.js";

/** What a client needs for both marks. */
const marking = () => [lastResort(), appData({ components: [] })];

async function joins(extensions: readonly MlsExtension[], keyPackageExtension = lastResortKeyPackage()) {
  const bob = await client("bob", extensions, { capabilities: { extensions: [0xf123] } });
  const keyPackage = await bob.createKeyPackage({ extensions: [keyPackageExtension] });
  const results = [];
  for (const name of ["alice", "carol", "dave"]) {
    const group = await (await client(name, [])).createGroup();
    const { welcome } = await group.add(keyPackage);
    await group.mergePendingCommit();
    try {
      const joined = await bob.join(welcome as Uint8Array);
      agree(group, joined);
      results.push(await joined.receive(await group.encrypt("hello")));
    } catch (error) {
      results.push((error as { code: string }).code);
    }
  }
  return results;
}

it("is kept after use", async () => {
  const joined = { kind: "application" };
  expect(await joins(marking())).toMatchObject([joined, joined, joined]);
  expect(await joins([lastResort(), grease(), appData({ components: [], grease: true })])).toMatchObject([
    joined,
    joined,
    joined,
  ]);
  expect(await joins(marking(), earlierLastResortKeyPackage())).toMatchObject([joined, joined, joined]);
});

it("is deleted after use without the extension or without the mark", async () => {
  expect(await joins([appData({ components: [] })])).toMatchObject([
    { kind: "application" },
    "not-invited",
    "not-invited",
  ]);
  const unmarked = { extensionType: 0xf123, extensionData: new Uint8Array() };
  expect(await joins(marking(), unmarked)).toMatchObject([
    { kind: "application" },
    "not-invited",
    "not-invited",
  ]);
});

it.each([lastResortKeyPackage(), earlierLastResortKeyPackage()])(
  "has its mark in the capabilities of its leaf node",
  async (mark) => {
    const bob = await client("bob", marking());
    const { extensions, leafNode } = keyPackageIn(await bob.createKeyPackage({ extensions: [mark] }));
    expect(extensions).toEqual([mark]);
    expect(leafNode.capabilities.extensions).toContain(mark.extensionType);
  },
);

it("is recognised by everybody, and can be saved after use", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const bob = await client("bob", marking(), { signer });
  const marked = await bob.createKeyPackage({ extensions: [lastResortKeyPackage()] });
  expect(isLastResort(keyPackageIn(marked))).toBe(true);
  expect(isLastResort(keyPackageIn(await bob.createKeyPackage()))).toBe(false);
  expect(ComponentId.lastResortKeyPackage).toBe(4);

  const alice = await (await client("alice", [])).createGroup();
  const welcome = (await alice.add(marked)).welcome as Uint8Array;
  await bob.join(welcome);
  const again = await client("bob", marking(), { signer });
  await again.loadKeyPackages(await bob.saveKeyPackages());
  const carol = await (await client("carol", [])).createGroup();
  expect((await again.join((await carol.add(marked)).welcome as Uint8Array)).groupId).toEqual(carol.groupId);
});

it("doesn't join again by an old Welcome, which would bring back the keys of messages that were read", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const bob = await client("bob", marking(), { signer });
  const marked = await bob.createKeyPackage({ extensions: [lastResortKeyPackage()] });
  const alice = await (await client("alice", [])).createGroup();
  const welcome = (await alice.add(marked)).welcome as Uint8Array;
  await alice.mergePendingCommit();
  const joined = await bob.join(welcome);
  expect(await joined.receive(await alice.encrypt("once"))).toMatchObject({ kind: "application" });
  expect(await refusal(bob.join(welcome))).toBe("duplicate");
  await joined.close();
  expect(await refusal(bob.join(welcome))).toBe("duplicate");
  // Nor in a client that the key package was saved for.
  const again = await client("bob", marking(), { signer });
  await again.loadKeyPackages(await bob.saveKeyPackages());
  expect(await refusal(again.join(welcome))).toBe("duplicate");
  // By a newer one it does, after it was removed.
  await alice.remove(1);
  await alice.mergePendingCommit();
  const newer = (await alice.add(marked)).welcome as Uint8Array;
  await alice.mergePendingCommit();
  agree(alice, await again.join(newer));
});
