// RFC 9420 §7.2, §7.3: lifetimes of key packages: strict when sending, lenient on receipt.
import type { Group, Policy } from "@copse/core";
import { everyone, gather, keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { code, failure, named, saying } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { PublicGroup } from "../../src/client/apart/public-group.js";
import { MlsError } from "../../src/errors.js";
import { SUITE } from "../proposals.js";

const DAY = 24 * 60 * 60;
/** A clock that can be moved, in milliseconds. */
const clock = () => {
  const one = { late: 0, now: () => Date.now() + one.late };
  return one;
};
const member = (name: string, policy: Partial<Policy> = {}) => party(name, { suite: SUITE, policy });
const lifetimeOf = (keyPackage: Uint8Array) => {
  const { leafNodeSource } = keyPackageIn(keyPackage).leafNode;
  return "lifetime" in leafNodeSource ? leafNodeSource.lifetime : undefined;
};
const EXPIRED = "7.3: the current time";

it("a member whose clock is late, or who was offline, takes the commit that all others took", async () => {
  const handshake = "public";
  const [alice, carol] = [await member("alice", { handshake }), await member("carol", { lifetime: DAY })];
  for (const late of [-10 * DAY, 2 * DAY]) {
    const bobsClock = clock();
    const bob = await member("bob", { handshake, now: bobsClock.now });
    const { groups } = await gather([alice, bob]);
    const [a, b] = groups as [Group, Group];
    const groupInfo = await a.groupInfo();
    const { provider, authentication } = bob.config;
    const crypto = { name: "one", suites: [provider.suite], suite: () => provider };
    const follower = await PublicGroup.follow({
      crypto,
      authentication,
      groupInfo,
      policy: { now: bobsClock.now },
    });
    bobsClock.late = late * 1000;
    const proposal = await a.propose({ add: await carol.client.createKeyPackage() });
    await b.receive(proposal);
    await follower.receive(proposal);
    const { commit } = await a.commit({ add: [await (await member("dave")).client.createKeyPackage()] });
    expect(await b.receive(commit)).toMatchObject({ kind: "commit", added: [{}, {}] });
    expect(await follower.receive(commit)).toMatchObject({ kind: "commit", added: [{}, {}] });
    await a.mergePendingCommit();
    expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  }
});

it("a received Add that expired meanwhile is left out of an own commit, and doesn't hold up messages", async () => {
  const bobsClock = clock();
  const [alice, bob] = [await member("alice"), await member("bob", { now: bobsClock.now })];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const carol = await member("carol", { lifetime: DAY });
  await b.receive(await a.propose({ add: await carol.client.createKeyPackage() }));
  await expect(b.encrypt("wait")).rejects.toEqual(code("pending"));
  bobsClock.late = 2 * DAY * 1000;
  await b.encrypt("go on");
  const [reference] = b.proposals.map((one) => one.reference as Uint8Array);
  const error = await failure(b.commit({ references: [reference as Uint8Array] }));
  expect(saying(error)).toMatch(named(EXPIRED));
  const { commit, welcome } = await b.commit();
  expect(welcome).toBeUndefined();
  expect(await a.receive(commit)).toMatchObject({ kind: "commit", added: [] });
});

it("a policy can be stricter on receipt", async () => {
  const bobsClock = clock();
  const [alice, bob] = [
    await member("alice"),
    await member("bob", { now: bobsClock.now, strictLifetimes: true }),
  ];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const carol = await member("carol", { lifetime: DAY });
  bobsClock.late = 2 * DAY * 1000;
  const proposal = await a.propose({ add: await carol.client.createKeyPackage() });
  expect(saying(await failure(b.receive(proposal)))).toMatch(named(EXPIRED));
});

it("members with different maxima for lifetimes stay in one group", async () => {
  const alice = await member("alice", { maxLifetime: 500 * DAY });
  const bob = await member("bob", { lifetime: 400 * DAY, maxLifetime: DAY });
  const carol = await member("carol", { lifetime: 400 * DAY, maxLifetime: DAY });
  // Bob joins a tree with leaves that he wouldn't add himself, and takes a commit that adds such a leaf.
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const { commit, welcome } = await a.add(await carol.client.createKeyPackage());
  await everyone([a, b], commit, 0);
  await a.mergePendingCommit();
  expect((await carol.client.join(welcome as Uint8Array)).members).toHaveLength(3);
  expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  const added = b.add(await (await member("dave", { lifetime: 2 * DAY })).client.createKeyPackage());
  expect(saying(await failure(added))).toMatch(named("7.2: a LeafNode whose total lifetime"));
});

it("a lifetime of any range can be asked for and accepted", async () => {
  const all = { notBefore: 0n, notAfter: 2n ** 64n - 1n };
  const forever = await member("forever", { lifetime: Number.POSITIVE_INFINITY });
  const keyPackage = await forever.client.createKeyPackage();
  expect(lifetimeOf(keyPackage)).toEqual(all);
  await forever.client.createGroup();
  const chosen = { notBefore: 7n, notAfter: 2n ** 63n };
  const bob = await member("bob");
  const [own, same] = [
    await bob.client.createKeyPackage({ lifetime: chosen }),
    await bob.client.createKeyPackage({ lifetime: all }),
  ];
  expect([lifetimeOf(own), lifetimeOf(same)]).toEqual([chosen, all]);
  const gateway = await member("gateway", { maxLifetime: Number.POSITIVE_INFINITY });
  const group = await gateway.client.createGroup();
  const { welcome } = await group.add([keyPackage, own]);
  await group.mergePendingCommit();
  for (const { client } of [forever, bob]) {
    expect((await client.join(welcome as Uint8Array)).members).toHaveLength(3);
  }
  // A finite lifetime that no uint64 can hold ends with the largest one.
  const long = await member("long", { lifetime: 1e300 });
  expect(lifetimeOf(await long.client.createKeyPackage())?.notAfter).toBe(all.notAfter);
});

it("how far other clocks may be behind is a policy", async () => {
  const now = () => 10 ** 12;
  const begins = async (policy: Partial<Policy>) =>
    lifetimeOf(await ((await member("a", { now, ...policy })) as Party).client.createKeyPackage())?.notBefore;
  expect(await begins({})).toBe(10n ** 9n - 3600n);
  expect(await begins({ clockSkew: 0 })).toBe(10n ** 9n);
  expect(await begins({ clockSkew: Number.POSITIVE_INFINITY })).toBe(0n);
});

it.each([
  ["a lifetime that is no number", { lifetime: Number.NaN }],
  ["a negative lifetime", { lifetime: -1 }],
  ["a clock skew that is no number", { clockSkew: Number.NaN }],
  ["a negative maximum", { maxLifetime: -1 }],
  ["a clock that gives no number", { now: () => Number.NaN }],
])("%s is refused with an MlsError", async (_, policy) => {
  const error = await failure(async () => (await member("a", policy)).client.createKeyPackage());
  expect(error).toBeInstanceOf(MlsError);
  expect(error.code).toBe("usage");
});
