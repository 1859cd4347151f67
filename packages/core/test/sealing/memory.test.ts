// RFC 9420 §16.6: a part of a storage, or the whole of it, that is put back as it was before.
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
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

  it("whose answer is no number is refused", async () => {
    const memory = { ...writeMemory(), recall: () => "3" as unknown as number };
    expect(await failure(opened(sealed(memoryStorage(), { memory })))).toEqual(code("usage"));
  });

  it("forgets a group that was deleted", async () => {
    const memory = writeMemory();
    const { inner, client } = await scene({ memory });
    expect([...memory.parts.keys()].some((part) => part.startsWith("group/"))).toBe(true);
    await client.deleteGroup(ID);
    expect([...memory.parts.keys()]).toEqual(["client/"]);
    expect(await use(inner, { memory })).toBeUndefined();
  });

  it("sees no old state in a write that is made while it is asked", async () => {
    const memory = writeMemory();
    const inner = memoryStorage();
    const { client } = await sceneIn(inner, memory);
    const reader = sealed(inner, { memory });
    // Between the listing and what follows, another opener writes.
    let isWriting = true;
    const writing = (async () => {
      for (let i = 0; i < 20; i++) await (await client.group(ID))?.encrypt(`${i}`);
      isWriting = false;
    })();
    while (isWriting) {
      expect((await reader.list("")).length).toBeGreaterThan(3);
      await new Promise((resolve) => setTimeout(resolve));
    }
    await writing;
  });
});

async function sceneIn(inner: ClientStorage, memory: ReturnType<typeof writeMemory>) {
  const slow: ClientStorage = {
    ...inner,
    async list(prefix) {
      const found = await inner.list(prefix);
      await new Promise((resolve) => setTimeout(resolve));
      return found;
    },
  };
  const client = await opened(sealed(slow, { memory }));
  await client.createGroup({ groupId: ID });
  return { client };
}
