// RFC 9420 §16.6: a part of a storage, or the whole of it, that is put back as it was before.
import { type ClientStorage, memoryStorage, type StoredEntry } from "@copse/core/storage";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { opened } from "../storage/stores.js";
import { attacked, ID, scene, sealed, snapshot, use, writeMemory } from "./sealed.js";

const ofGroup = ({ key }: { readonly key: string }) => key.startsWith("group/");

describe("a memory of writes", () => {
  it("notices the whole group, the client's part, and the whole storage of before", async () => {
    const memory = writeMemory();
    const { inner, client, group } = await scene({ memory });
    const before = await snapshot(inner);
    await client.createKeyPackage();
    await group.encrypt("one more");
    const now = await snapshot(inner);
    for (const [what, entries] of [
      ["the group", [...now.filter((one) => !ofGroup(one)), ...before.filter(ofGroup)]],
      ["the client", [...before.filter((one) => !ofGroup(one)), ...now.filter(ofGroup)]],
      ["all", before],
      ["nothing is left", []],
      ["the client is gone", now.filter(ofGroup)],
    ] as const) {
      const storage = attacked(entries);
      expect(await use(storage, { memory }), what).toEqual(code("state"));
      expect(storage.writes, what).toBe(0);
    }
    expect(await use(attacked(now), { memory })).toBeUndefined();
  });

  it("notices what an opener saw last, when another has gone on from it", async () => {
    const memory = writeMemory();
    const { inner, group } = await scene({ memory });
    const storage = sealed(inner, { memory });
    const same = await (await opened(storage)).group(ID);
    const before = await snapshot(inner);
    const { key } = before.find(ofGroup) as StoredEntry;
    await storage.get(key);
    await group.encrypt("one more");
    const gone = (await snapshot(inner)).map(({ key }) => ({ key, value: undefined }));
    await inner.write(gone, []);
    await inner.write(before, []);
    expect((await failure(async () => same?.encrypt("with the same key"))).cause).toEqual(code("state"));
    expect(await failure(async () => storage.get(key))).toEqual(code("state"));
    expect(await snapshot(inner)).toEqual(before);
  });

  it("is needed for that: without one, nobody notices", async () => {
    const { inner, group } = await scene();
    const before = await snapshot(inner);
    await group.encrypt("one more");
    expect(await use(attacked(before))).toBeUndefined();
    expect(await use(attacked([]))).toBeUndefined();
  });

  it("may be behind by the writes whose answers nobody got", async () => {
    const memory = writeMemory();
    const { inner, group } = await scene({ memory });
    const forgetful = new Map(memory.parts);
    await group.encrypt("one more");
    memory.parts.clear();
    for (const [part, writes] of forgetful) memory.parts.set(part, writes);
    expect(await use(inner, { memory })).toBeUndefined();
  });

  it("that fails fails the call, and the group goes on from what the storage has", async () => {
    const memory = writeMemory();
    let isDown = false;
    const flaky = {
      ...memory,
      remember(part: string, writes: number) {
        if (isDown) throw new Error("the server is down");
        return memory.remember(part, writes);
      },
    };
    const { client, group, bobs } = await scene({ memory: flaky });
    isDown = true;
    expect(await failure(group.encrypt("never sent"))).toEqual(code("storage"));
    isDown = false;
    const again = await client.group(ID);
    expect(await bobs.receive((await again?.encrypt("sent")) as Uint8Array)).toMatchObject({
      kind: "application",
    });
  });

  it("whose answer is no Map of numbers is refused", async () => {
    for (const answer of [new Map([["client/", "3"]]), 3, undefined]) {
      const memory = { ...writeMemory(), recall: () => answer as unknown as Map<string, number> };
      expect(await failure(opened(sealed(memoryStorage(), { memory })))).toEqual(code("usage"));
    }
  });

  it("notices a deleted group that is put back for an opener that still has it", async () => {
    const memory = writeMemory();
    const { inner, client, group } = await scene({ memory });
    const same = await (await opened(sealed(inner, { memory }))).group(ID);
    const before = (await snapshot(inner)).filter(ofGroup);
    await group.encrypt("one more");
    await client.deleteGroup(ID);
    expect(await use(inner, { memory })).toBeUndefined();
    await inner.write(before, []);
    expect((await failure(async () => same?.encrypt("with the same key"))).cause).toEqual(code("state"));
    expect((await snapshot(inner)).filter(ofGroup)).toEqual(before);
  });

  it("doesn't take a write that is made meanwhile for one that was undone", async () => {
    const memory = writeMemory();
    const inner = memoryStorage();
    const client = await opened(sealed(inner, { memory }));
    await client.createGroup({ groupId: ID });
    for (const prefix of ["client/", "group/", ""]) {
      let isFirst = true;
      const slow: ClientStorage = {
        ...inner,
        async list(prefix) {
          const found = await inner.list(prefix);
          if (isFirst)
            await Promise.all([client.createKeyPackage(), (await client.group(ID))?.encrypt("hello")]);
          isFirst = false;
          return found;
        },
      };
      expect((await sealed(slow, { memory }).list(prefix)).length, prefix).toBeGreaterThan(1);
      expect(isFirst).toBe(false);
    }
  });
});
