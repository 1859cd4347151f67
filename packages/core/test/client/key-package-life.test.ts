// RFC 9420 §7.2, §10, §16.8: key packages begin, expire and end; and have a signer and capabilities of their own.

import { type Group, generateSigner, type KeyPackageInfo, type Policy, type Signer } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { branch } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { gather, keyPackageIn, type Party, party, reopened, send } from "@copse/test-support/clients";
import { code, failure, named, saying } from "@copse/test-support/errors";
import { describe, expect, it, test } from "vitest";
import { SUITE, watched } from "./watched.js";

const DAY = 86_400;
const signer = () => generateSigner(nodeProvider(), SUITE);
const FIRST = 1_000_000_000;

/** Bob, whose clock can be moved; a key package of his that is valid for a day; and how many private keys he has. */
async function withClock(policy: Partial<Policy> = {}, handshake: "private" | "public" = "private") {
  const clock = { now: FIRST };
  const { crypto, live } = watched();
  const now = () => clock.now * 1000;
  const bob = await party("bob", {
    suite: SUITE,
    crypto,
    policy: { lifetime: DAY, handshake, now, ...policy },
  });
  const keyPackage = await bob.client.createKeyPackage();
  const alice = await party("alice", {
    suite: SUITE,
    policy: { now, maxLifetime: Number.POSITIVE_INFINITY },
  });
  const group = await alice.client.createGroup();
  const { welcome } = await group.add(keyPackage);
  await group.mergePendingCommit();
  return { clock, bob: bob.client, live, group, keyPackage, welcome: welcome as Uint8Array };
}

const only = ([info]: readonly KeyPackageInfo[]) => info as KeyPackageInfo;

describe("an expired key package", () => {
  it("is listed as such, still opens a Welcome, and is added by nobody", async () => {
    const { bob, clock, group, welcome, keyPackage } = await withClock();
    expect(only(bob.keyPackages())).toMatchObject({ expired: false, notAfter: BigInt(FIRST + DAY) });
    clock.now += DAY;
    expect(only(bob.keyPackages()).expired).toBe(false);
    clock.now += 1;
    expect(only(bob.keyPackages()).expired).toBe(true);
    const other = await (await party("carol", { suite: SUITE })).client.createGroup();
    expect(saying(await failure(other.add(keyPackage)))).toMatch(named("7.3: the current time"));
    await send(await bob.join(welcome), [group], "late");
  });

  const USES: readonly (readonly [string, (bob: Party["client"]) => unknown])[] = [
    ["keyPackages", (bob) => bob.keyPackages()],
    ["createKeyPackage", (bob) => bob.createKeyPackage()],
    ["proposeJoin", (bob) => proposeJoin(bob, { groupId: new Uint8Array(3), epoch: 1n })],
    ["saveKeyPackages", (bob) => bob.saveKeyPackages()],
    ["deleteKeyPackage", (bob) => bob.deleteKeyPackage(new Uint8Array(32))],
  ];
  it.each(USES)("ends with its private keys 30 days later, at the next %s", async (_, use) => {
    const { bob, clock, live, welcome } = await withClock();
    clock.now += 31 * DAY;
    await use(bob);
    expect(bob.keyPackages().some(({ expired }) => expired)).toBe(true);
    clock.now += 1;
    await use(bob);
    // Before the list is asked for, which would end them too. Each of those that are left has two keys.
    const left = live.size;
    expect(left).toBe(2 * bob.keyPackages().length);
    expect(
      bob.keyPackages().some(({ expired, notAfter }) => expired && notAfter === BigInt(FIRST + DAY)),
    ).toBe(false);
    expect(await failure(bob.join(welcome))).toEqual(code("not-invited"));
  });

  it.each(["join", "readWelcome"] as const)(
    "opens no Welcome after that: %s ends its keys too",
    async (way) => {
      const { bob, clock, live, welcome } = await withClock();
      clock.now += 31 * DAY + 1;
      expect(await failure(bob[way](welcome))).toEqual(code("not-invited"));
      expect(live.size).toBe(0);
    },
  );

  it("ends between reading a Welcome and joining: the staged Welcome can't be joined, and no key is left", async () => {
    const { bob, clock, live, welcome } = await withClock();
    const staged = await bob.readWelcome(welcome);
    clock.now += 31 * DAY + 1;
    expect(await failure(staged.join())).toEqual(code("not-invited"));
    await staged.discard();
    expect(live.size).toBe(0);
  });

  it.each([
    [0, 1],
    [10 * DAY, 10 * DAY + 1],
  ])("has a grace period of %i seconds, if the policy says so", async (keyPackageGrace, late) => {
    const { bob, clock, welcome } = await withClock({ keyPackageGrace });
    clock.now += DAY + late - 1;
    await (await bob.readWelcome(welcome)).discard();
    clock.now += 1;
    expect(await failure(bob.readWelcome(welcome))).toEqual(code("not-invited"));
  });

  it("is kept for ever with `Infinity`", async () => {
    const { bob, clock, group, welcome } = await withClock({ keyPackageGrace: Number.POSITIVE_INFINITY });
    clock.now += 100_000 * DAY;
    await send(await bob.join(welcome), [group], "very late");
  });

  it("isn't loaded either", async () => {
    const { bob, clock, live, welcome } = await withClock();
    const saved = await bob.saveKeyPackages();
    clock.now += 31 * DAY + 1;
    await bob.loadKeyPackages(saved);
    expect(await failure(bob.join(welcome))).toEqual(code("not-invited"));
    expect([bob.keyPackages().length, live.size]).toEqual([0, 0]);
  });

  it("that is valid for ever never ends", async () => {
    const { bob, clock } = await withClock({ lifetime: Number.POSITIVE_INFINITY });
    clock.now += 1e9;
    expect(only(bob.keyPackages())).toMatchObject({
      expired: false,
      notBefore: 0n,
      notAfter: 2n ** 64n - 1n,
    });
  });

  it.each([Number.NaN, -1])("a grace period of %s is refused", async (keyPackageGrace) => {
    const error = await failure(party("bob", { suite: SUITE, policy: { keyPackageGrace } }));
    expect(error.code).toBe("usage");
  });
});

describe("a lifetime of any length", () => {
  it("is taken by joiners and followers who hold what they receive to lifetimes, with `Infinity`", async () => {
    const all = { notBefore: 0n, notAfter: 2n ** 64n - 1n };
    const strict = { strictLifetimes: true, maxLifetime: Number.POSITIVE_INFINITY } as const;
    const alice = await party("alice", { suite: SUITE, policy: strict });
    const bob = await party("bob", { suite: SUITE, policy: strict });
    const carol = await party("carol", { suite: SUITE, policy: { strictLifetimes: true } });
    const group = await alice.client.createGroup();
    const { welcome } = await group.add([
      await bob.client.createKeyPackage({ lifetime: all }),
      await carol.client.createKeyPackage({ lifetime: all }),
    ]);
    await group.mergePendingCommit();
    expect((await bob.client.join(welcome as Uint8Array)).members).toHaveLength(3);
    // Without it, the default maximum holds.
    const error = await failure(carol.client.join(welcome as Uint8Array));
    expect(saying(error)).toMatch(named("7.2: a LeafNode whose total lifetime"));
  });
});

describe("capabilities of a key package", () => {
  it("are those that it is made with, no more than the client has", async () => {
    const bob = await party("bob", { suite: SUITE, capabilities: { extensions: [0xf0f0, 0xf0f1] } });
    const capabilities = { extensions: [0xf0f1], credentials: [1] };
    const listed = keyPackageIn(await bob.client.createKeyPackage({ capabilities })).leafNode.capabilities;
    expect([listed.extensions, listed.credentials]).toEqual([[0xf0f1], [1]]);
    const more = bob.client.createKeyPackage({ capabilities: { extensions: [0xf0f2] } });
    const error = await failure(more);
    expect(error.code).toBe("usage");
    expect(error.message).toMatch(/doesn't support extension type 61682/);
    expect(bob.client.keyPackages()).toHaveLength(1);
    // The next one is as the client's options say.
    expect(keyPackageIn(await bob.client.createKeyPackage()).leafNode.capabilities.extensions).toEqual([
      0xf0f0, 0xf0f1,
    ]);
  });
});

describe("a signer for one group", () => {
  const keyOf = (group: Group) => group.member(group.ownLeafIndex)?.signatureKey;

  it("signs in the group that a key package leads to, and nothing else", async () => {
    const [bob, own] = [await party("bob", { suite: SUITE }), await signer()];
    const keyPackage = await bob.client.createKeyPackage({ signer: own });
    expect(keyPackageIn(keyPackage).leafNode.signatureKey).toEqual(own.publicKey);
    expect(bob.client.signatureKey).toEqual(bob.signer.publicKey);
    expect(keyPackageIn(await bob.client.createKeyPackage()).leafNode.signatureKey).toEqual(
      bob.signer.publicKey,
    );
    const alice = (await gather([await party("alice", { suite: SUITE })])).groups[0] as Group;
    const { welcome } = await alice.add(keyPackage);
    await alice.mergePendingCommit();
    const group = await bob.client.join(welcome as Uint8Array);
    expect(keyOf(group)).toEqual(own.publicKey);
    await send(group, [alice], "by the group's own signer");
    const { commit } = await group.update();
    await group.mergePendingCommit();
    await alice.receive(commit);
    expect(keyOf(group)).toEqual(own.publicKey);
  });

  it("signs in the group that is created or joined from outside with it", async () => {
    const [alice, bob] = [await party("alice", { suite: SUITE }), await party("bob", { suite: SUITE })];
    const [one, two] = [await signer(), await signer()];
    const group = await alice.client.createGroup({ signer: one });
    expect(keyOf(group)).toEqual(one.publicKey);
    const { group: joined, commit } = await joinByExternalCommit(bob.client, await group.groupInfo(), {
      signer: two,
    });
    await group.receive(commit);
    await joined.mergePendingCommit();
    expect(group.members.map(({ signatureKey }) => signatureKey)).toEqual([one.publicKey, two.publicKey]);
    await send(group, [joined], "one");
    await send(joined, [group], "two");
    const subgroup = await branch(alice.client, group, {
      add: [await bob.client.createKeyPackage()],
      signer: one,
    });
    expect(keyOf(subgroup.group)).toEqual(one.publicKey);
    expect((await alice.client.createGroup()).members[0]?.signatureKey).toEqual(alice.signer.publicKey);
  });

  it("isn't saved with the key package or the group: both need it again", async () => {
    const [bob, own] = [await party("bob", { suite: SUITE }), await signer()];
    const keyPackage = await bob.client.createKeyPackage({ signer: own });
    const saved = await bob.client.saveKeyPackages();
    const alice = (await gather([await party("alice", { suite: SUITE })])).groups[0] as Group;
    const { welcome } = await alice.add(keyPackage);
    await alice.mergePendingCommit();

    const again = await bob.again();
    await again.loadKeyPackages(saved);
    expect(await failure(again.join(welcome as Uint8Array))).toEqual(code("missing-signer"));
    expect(again.keyPackages()).toHaveLength(1);
    again.addSigner(own);
    const group = await again.join(welcome as Uint8Array);
    const state = await group.save();
    expect(await failure((await bob.again()).restore(state))).toEqual(code("missing-signer"));
    const restored = await reopened(again, group);
    await send(restored, [alice], "restored");
  });

  it("that rotates stays the group's: new key packages have the client's", async () => {
    const bob = await party("bob", { suite: SUITE });
    const [apart, common] = [
      await bob.client.createGroup({ signer: await signer() }),
      await bob.client.createGroup(),
    ];
    await apart.update({ signer: await signer() });
    await apart.mergePendingCommit();
    expect(bob.client.signatureKey).toEqual(bob.signer.publicKey);
    const next = await signer();
    await common.update({ signer: next });
    await common.mergePendingCommit();
    expect(bob.client.signatureKey).toEqual(next.publicKey);
    const { leafNode } = keyPackageIn(await bob.client.createKeyPackage());
    expect(leafNode.signatureKey).toEqual(next.publicKey);
  });

  it("of another scheme, or whose key is none, is refused, and changes nothing", async () => {
    const bob = await party("bob", { suite: SUITE });
    const wrong: Signer = await generateSigner(nodeProvider(), 2);
    const none: Signer = { ...(await signer()), publicKey: new Uint8Array(32).fill(0xff) };
    for (const [one, expected] of [
      [wrong, "unsupported"],
      [none, "validation"],
    ] as const) {
      expect((await failure(bob.client.createKeyPackage({ signer: one }))).code).toBe(expected);
      expect((await failure(bob.client.createGroup({ signer: one }))).code).toBe(expected);
    }
    expect(bob.client.keyPackages()).toEqual([]);
  });

  it("that fails leaves nothing behind", async () => {
    const { crypto, live } = watched();
    const bob = await party("bob", { suite: SUITE, crypto });
    const broken = { ...(await signer()), sign: () => Promise.reject(new Error("offline")) };
    expect(await failure(bob.client.createKeyPackage({ signer: broken }))).toEqual(code("try-again"));
    expect(await failure(bob.client.createGroup({ signer: broken }))).toEqual(code("try-again"));
    expect([live.size, bob.client.keyPackages().length]).toEqual([0, 0]);
  });
});

test("making a key package costs the same however many there are", async () => {
  let reads = 0;
  const now = () => {
    reads++;
    return Date.now();
  };
  const { client } = await party("alice", { suite: 1, policy: { now } });
  const cost = async () => {
    const before = reads;
    await client.createKeyPackage();
    return reads - before;
  };
  await cost();
  const [second] = [await cost()];
  for (let i = 0; i < 20; i++) await client.createKeyPackage();
  expect(await cost()).toBe(second);
});
