// RFC 9420 §8, §9.2: when the secrets of an epoch are overwritten.
import type { Group, Policy } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { isZero, text } from "@copse/test-support/bytes";
import { gather, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { expandingBy } from "@copse/test-support/kdf";
import { describe, expect, it } from "vitest";

const SUITE = 1;

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

/** A member whose provider records the secrets that it derives, so that overwriting them can be observed. */
async function watched(name: string, policy: Partial<Policy> = {}) {
  const node = nodeProvider();
  const suite = node.suite(SUITE);
  const derived = new Map<string, Uint8Array>();
  const kdf = expandingBy(suite.kdf, (secret, info, length) => {
    const output = suite.kdf.expand(secret, info, length) as Uint8Array;
    // KDFLabel, §8: two bytes of length, and then the label with its length, which is below 64.
    const label = text(info.subarray(3, 3 + (info[2] as number)));
    derived.set(label.replace("MLS 1.0 ", ""), output);
    return output;
  });
  const crypto = { ...node, suite: () => ({ ...suite, kdf }) };
  return {
    party: await party(name, { suite: SUITE, crypto, policy }),
    /** The secrets that were derived last: those of the newest epoch. */
    latest: (...labels: EpochSecret[]) => labels.map((label) => derived.get(label) as Uint8Array),
  };
}

async function watchedPair(policy: Partial<Policy> = {}) {
  const [a, b] = [await watched("alice", policy), await watched("bob", policy)];
  const [alice, bob] = (await gather([a.party, b.party])).groups as [Group, Group];
  return { alice, bob, a, b };
}

describe("the secrets of an epoch are overwritten", () => {
  it("not before the commit is merged", async () => {
    const { alice, bob, a } = await watchedPair();
    const before = a.latest("init", "confirm", "membership", "exporter");
    const { welcome } = await alice.update();
    expect(welcome).toBeUndefined();
    const [dropped] = a.latest("init") as [Uint8Array];
    expect(isZero(dropped)).toBe(false);
    // The group continues as before.
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
  it("as soon as a commit is merged, another commit arrives, or the group is closed", async () => {
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
  it("once more than maxPastEpochs epochs have passed", async () => {
    const { alice, a } = await watchedPair({ maxPastEpochs: 1 });
    const past = a.latest("sender data", "resumption");
    for (let i = 0; i < 2; i++) {
      expect(past.some(isZero)).toBe(false);
      await alice.update();
      await alice.mergePendingCommit();
    }
    expect(past.every(isZero)).toBe(true);
  });
  it("also if the provider fails while it computes the epoch's confirmation tag", async () => {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    const derived: Uint8Array[] = [];
    const line = { failing: false };
    const kdf = expandingBy(suite.kdf, (...request) => {
      const output = suite.kdf.expand(...request) as Uint8Array;
      derived.push(output);
      return output;
    });
    const mac: typeof suite.hash.mac = (key, data) => {
      if (line.failing) throw new Error("the provider is gone");
      return suite.hash.mac(key, data);
    };
    const crypto = { ...node, suite: () => ({ ...suite, kdf, hash: { ...suite.hash, mac } }) };
    const { groups } = await gather([
      await party("alice", { suite: SUITE, crypto }),
      await party("bob", { suite: SUITE }),
    ]);
    const [alice] = groups as [Group];
    derived.length = 0;
    line.failing = true;
    expect((await failure(alice.update())).code).toBe("try-again");
    // The path secrets, the joiner secret, the epoch secret and those of the epoch.
    expect(derived.length).toBeGreaterThan(11);
    expect(derived.filter((secret) => !isZero(secret))).toEqual([]);
  });
});
