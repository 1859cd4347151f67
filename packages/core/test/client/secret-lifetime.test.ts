// RFC 9420 §8, §9.2: when the secrets of an epoch are overwritten.
import type { Group, Policy } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { isZero } from "@copse/test-support/bytes";
import { gather, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { expandingBy } from "@copse/test-support/kdf";
import { describe, expect, it, vi } from "vitest";
import type { GroupState } from "../../src/group/state.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";

const SUITE = 1;

type Name = keyof GroupState["current"]["secrets"];

/** Secrets in the memory of a group: of the epoch that its last staged commit starts, or else of its current one. */
function latest(group: Group, ...names: Name[]): Uint8Array[] {
  const { current, candidates } = group.predecessor;
  const { secrets } = candidates.at(-1)?.epoch ?? current;
  return (names.length > 0 ? names : (Object.keys(secrets) as Name[])).map((name) => secrets[name]);
}

async function pairOf(policy: Partial<Policy> = {}) {
  const parties = [
    await party("alice", { suite: SUITE, policy }),
    await party("bob", { suite: SUITE, policy }),
  ];
  const [alice, bob] = (await gather(parties)).groups as [Group, Group];
  return { alice, bob };
}

describe("the secrets of an epoch are overwritten", () => {
  it("not before the commit is merged", async () => {
    const { alice, bob } = await pairOf();
    const before = latest(alice, "initSecret", "confirmationKey", "membershipKey", "exporterSecret");
    const { welcome } = await alice.update();
    expect(welcome).toBeUndefined();
    const [dropped] = latest(alice, "initSecret") as [Uint8Array];
    expect(isZero(dropped)).toBe(false);
    // The group continues as before.
    await alice.receive(await bob.encrypt("still here"));
    await alice.clearPendingCommit();
    // The delivery service may have taken it all the same.
    expect([dropped, ...before].some(isZero)).toBe(false);
    await alice.update();
    const [lost] = latest(alice, "initSecret") as [Uint8Array];
    const other = await bob.update();
    const seen = await alice.stage((await bob.update({ replacePending: true })).commit);
    const staged = latest(alice);
    expect(await alice.receive(other.commit)).toMatchObject({ droppedPending: true });
    expect([dropped, lost, ...before, ...staged].every(isZero)).toBe(true);
    expect(() => seen.epochAuthenticator).toThrow(/epoch/);
  });
  it("as soon as a commit is merged, another commit arrives, or the group is closed", async () => {
    const { alice } = await pairOf();
    const first = latest(alice, "initSecret", "exporterSecret");
    await alice.update();
    expect(first.some(isZero)).toBe(false);
    await alice.mergePendingCommit();
    expect(first.every(isZero)).toBe(true);
    const second = await pairOf();
    const last = latest(second.alice);
    await second.alice.update();
    const [lost] = latest(second.alice, "initSecret") as [Uint8Array];
    const { commit } = await second.bob.remove(0);
    expect([lost, ...last].some(isZero)).toBe(false);
    await second.alice.receive(commit);
    expect(isZero(lost)).toBe(true);
    expect(last.every(isZero)).toBe(true);
    const third = await pairOf();
    const own = latest(third.bob);
    await third.bob.close();
    expect(own.every(isZero)).toBe(true);
  });
  it("of staged commits that are forgotten, and of all when the group is closed or this client is removed", async () => {
    const { alice, bob } = await pairOf();
    const first = await alice.stage((await bob.update()).commit);
    const forgotten = latest(alice);
    await first.discard();
    for (let i = 0; i < 15; i++) await alice.update({ replacePending: true });
    expect(forgotten.some(isZero)).toBe(false);
    await alice.update({ replacePending: true });
    expect(forgotten.every(isZero)).toBe(true);
    const kept = latest(alice);
    await alice.close();
    expect(kept.every(isZero)).toBe(true);
    const other = await pairOf();
    await other.alice.stage((await other.bob.update()).commit);
    const lost = latest(other.alice);
    const removal = await other.alice.stage((await other.bob.remove(0, { replacePending: true })).commit);
    expect(lost.some(isZero)).toBe(false);
    await removal.merge();
    expect(lost.every(isZero)).toBe(true);
  });
  it.each(["receive", "stage"] as const)(
    "of a commit that %s opened, if it was given up before",
    async (way) => {
      const node = nodeProvider();
      const suite = node.suite(SUITE);
      const gate = {
        stuck: "",
        message: new Uint8Array(),
        reached: () => {},
        open: () => {},
      };
      /** Answers when the gate opens. */
      const late = (call: string, answer: Uint8Array): Uint8Array | Promise<Uint8Array> => {
        if (gate.stuck !== call) return answer;
        gate.reached();
        return new Promise((resolve) => {
          gate.open = () => resolve(answer);
        });
      };
      const hash: typeof suite.hash = {
        ...suite.hash,
        // The digest of the message is the last that receive needs, and the confirmation tag of what both need.
        hash: (data) => {
          const isDigest = Buffer.from(data).equals(gate.message);
          return late(isDigest ? "receive" : "no", suite.hash.hash(data) as Uint8Array);
        },
        mac: (key, data) => late("stage", suite.hash.mac(key, data) as Uint8Array),
      };
      const crypto = { ...node, suite: () => ({ ...suite, hash }) };
      const { groups } = await gather([
        await party("alice", { suite: SUITE, crypto }),
        await party("bob", { suite: SUITE }),
      ]);
      const [alice, bob] = groups as [Group, Group];
      const { commit } = await bob.update();
      const wiped = vi.spyOn(SecretTree.prototype, "wipe");
      const reached = new Promise<void>((resolve) => {
        Object.assign(gate, { stuck: way, message: commit, reached: resolve });
      });
      const controller = new AbortController();
      const working = alice[way](commit, { signal: controller.signal });
      await reached;
      controller.abort();
      expect((await failure(working)).code).toBe("try-again");
      expect(wiped).not.toHaveBeenCalled();
      gate.stuck = "none";
      gate.open();
      // That of the epoch that would have started.
      await vi.waitFor(() => expect(wiped).toHaveBeenCalledTimes(1), { timeout: 30_000 });
      wiped.mockRestore();
      expect(alice.staged).toEqual([]);
      expect(latest(alice).some(isZero)).toBe(false);
      await alice.receive(commit);
      await bob.mergePendingCommit();
      expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
    },
  );
  it("once more than maxPastEpochs epochs have passed", async () => {
    const { alice } = await pairOf({ maxPastEpochs: 1 });
    const past = latest(alice, "senderDataSecret", "resumptionPsk");
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
