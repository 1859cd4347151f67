// A group saved as a snapshot and the changes since then.
import type { Group } from "@copse/core";
import { everyone, gather, party } from "@copse/test-support/clients";
import { randomFrom } from "@copse/test-support/random";
import { describe, expect, it } from "vitest";

describe("changes since a snapshot", () => {
  it("restore the group as it is, after each of many operations", async () => {
    const random = randomFrom(5);
    const alice = await party("alice", { suite: 1 });
    const bob = await party("bob", { suite: 1 });
    const a = await alice.client.createGroup();
    const first = await a.add(await bob.client.createKeyPackage());
    await a.mergePendingCommit();
    const b = await bob.client.join(first.welcome as Uint8Array);
    let records = [await a.save()];
    const commit = async (by: Group, work: () => Promise<{ commit: Uint8Array }>) => {
      const other = by === a ? b : a;
      const { commit } = await work();
      await other.receive(commit);
      if (random(2) === 0 && by === a) records.push(await a.saveChanges());
      await by.mergePendingCommit();
    };
    const outsiders = () =>
      a.members.filter(({ leafIndex }) => leafIndex > 1).map(({ leafIndex }) => leafIndex);
    for (let round = 0; round < 60; round++) {
      const by = random(2) === 0 ? a : b;
      const rest = outsiders();
      switch (random(6)) {
        case 0: {
          const add: Uint8Array[] = [];
          for (let i = 0; i <= random(9); i++) {
            add.push(await (await party(`member ${round} ${i}`, { suite: 1 })).client.createKeyPackage());
          }
          await commit(by, () => by.commit({ add, forcePath: random(2) === 0 }));
          break;
        }
        case 1:
          if (rest.length > 0)
            await commit(by, () =>
              by.remove(
                rest
                  .filter(() => random(3) === 0)
                  .concat(rest[0] as number)
                  .filter((x, i, all) => all.indexOf(x) === i),
              ),
            );
          break;
        case 2:
          await b.receive(await a.encrypt("hello"));
          break;
        case 3: {
          await a.receive(await b.propose({ update: true }));
          await commit(a, () => a.commit());
          break;
        }
        default:
          await commit(by, () => by.update());
      }
      if (random(12) === 0) records = [await a.save()];
      else records.push(await a.saveChanges());
      const [snapshot, ...changes] = records as [Uint8Array, ...Uint8Array[]];
      const restored = await (await alice.again()).restore([snapshot, ...changes]);
      expect(restored.ratchetTree).toEqual(a.ratchetTree);
      expect(restored.epochAuthenticator).toEqual(a.epochAuthenticator);
      // The restored group goes on with the journal where the other one was.
      expect(await restored.saveChanges()).toEqual(await a.saveChanges());
      const again = await (await alice.again()).restore([snapshot, ...changes]);
      records.push(await again.saveChanges());
    }
    const [snapshot, ...changes] = records as [Uint8Array, ...Uint8Array[]];
    const restored = await (await alice.again()).restore([snapshot, ...changes]);
    expect(await restored.save()).toEqual(await a.save());
  });

  it("are small where the group is large", async () => {
    const parties = [await party("alice", { suite: 1 }), await party("bob", { suite: 1 })];
    const { groups } = await gather(parties);
    const [a, b] = groups as [Group, Group];
    const crowd = [];
    for (let i = 0; i < 254; i++)
      crowd.push(await (await party(`member ${i}`, { suite: 1 })).client.createKeyPackage());
    await b.receive((await a.add(crowd)).commit);
    await a.mergePendingCommit();
    const snapshot = await b.save();
    await b.receive((await a.update()).commit);
    await a.mergePendingCommit();
    await b.receive((await a.update()).commit);
    await a.mergePendingCommit();
    const changes = await b.saveChanges();
    expect(snapshot.length).toBeGreaterThan(30_000);
    expect(changes.length).toBeLessThan(6500);
    const restored = await (await (parties[1] as (typeof parties)[number]).again()).restore([
      snapshot,
      changes,
    ]);
    expect(await restored.save()).toEqual(await b.save());
  });

  it("that don't follow the ones before them are refused", async () => {
    const parties = [await party("alice", { suite: 1 }), await party("bob", { suite: 1 })];
    const { groups } = await gather(parties);
    const [a, b] = groups as [Group, Group];
    const [alice] = parties as [(typeof parties)[number]];
    await expect(a.saveChanges()).rejects.toMatchObject({ code: "usage" });
    const snapshot = await a.save();
    const changes = [];
    for (let i = 0; i < 3; i++) {
      await everyone(groups, (await a.update()).commit, 0);
      await a.mergePendingCommit();
      changes.push(await a.saveChanges());
    }
    const [one, two, three] = changes as [Uint8Array, Uint8Array, Uint8Array];
    for (const wrong of [[two], [one, three], [two, one, three], [one, one], [snapshot.slice(1)]]) {
      await expect((await alice.again()).restore([snapshot, ...wrong])).rejects.toMatchObject({
        code: "state",
      });
    }
    await expect((await alice.again()).restore([one, two])).rejects.toMatchObject({ code: "state" });
    for (let i = 0; i < three.length; i += 7) {
      const changed = three.slice();
      changed[i] = (changed[i] as number) ^ 0x55;
      const damaged = (await alice.again()).restore([snapshot, one, two, changed]);
      await expect(damaged).rejects.toMatchObject({ code: "state" });
    }
    const restored = await (await alice.again()).restore([snapshot, one, two, three]);
    expect(restored.epochAuthenticator).toEqual(b.epochAuthenticator);
    // A later snapshot among them makes the older ones superfluous.
    const later = await a.save();
    expect((await (await alice.again()).restore([snapshot, one, later])).epoch).toBe(a.epoch);
  });
});
