// RFC 9420 §16.6: another master key for a sealed storage, also if that is interrupted.
import { type ClientStorage, memoryStorage, resealStorage } from "@copse/core/storage";
import { nobleStorageCipher } from "@copse/provider-noble/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { opened } from "../storage/stores.js";
import { attacked, changed, ID, KEY, scene, sealed, snapshot, use, writeMemory } from "./sealed.js";

const NEW = new Uint8Array(32).fill(8);
const [from, to] = [nodeStorageCipher(KEY), nodeStorageCipher(NEW)];

async function opens(inner: ClientStorage, key: Uint8Array, options = {}): Promise<boolean> {
  const client = await opened(sealed(inner, options, key)).catch(() => undefined);
  const groups = client?.knownGroups() ?? [];
  const loaded = await Promise.all(
    groups.map(({ groupId }) => client?.group(groupId).catch(() => undefined)),
  );
  return groups.length > 0 && loaded.every((group) => group !== undefined);
}

describe("resealStorage", () => {
  it("seals everything anew: the new key opens it, the old one doesn't, and no value stays", async () => {
    const { inner, bobs } = await scene();
    const before = await snapshot(inner);
    const clear = await sealed(inner).list("");
    await resealStorage(inner, from, to);
    expect(await opens(inner, NEW)).toBe(true);
    expect(await opens(inner, KEY)).toBe(false);
    expect(await failure(opened(sealed(inner)))).toEqual(code("state"));
    const after = await snapshot(inner);
    expect(after.map(({ key }) => key)).toEqual(before.map(({ key }) => key));
    const old = new Set(before.map(({ value }) => Buffer.from(value).toString("hex")));
    expect(after.filter(({ value }) => old.has(Buffer.from(value).toString("hex")))).toEqual([]);
    expect(await sealed(inner, {}, NEW).list("")).toEqual(clear);
    const group = await (await opened(sealed(inner, {}, NEW))).group(ID);
    expect(await bobs.receive((await group?.encrypt("on")) as Uint8Array)).toMatchObject({
      kind: "application",
    });
  });

  it("goes on where it was interrupted, at each write, before or after it was made", async () => {
    const { inner, client } = await scene();
    await client.createGroup();
    const entries = await snapshot(inner);
    for (const isMade of [false, true]) {
      for (let stop = 0; ; stop++) {
        const copy = attacked(entries);
        let writes = 0;
        const crashing: ClientStorage = {
          ...copy,
          async write(...write) {
            const isLast = writes++ === stop;
            if (isLast && !isMade) throw new Error("the power failed");
            const answer = await copy.write(...write);
            if (isLast) throw new Error("the power failed");
            return answer;
          },
        };
        const ended = await resealStorage(crashing, from, to).then(
          () => true,
          () => false,
        );
        // The client's part is the last: nobody opens with the new key what is half done.
        if (!ended && !(isMade && stop === 2))
          expect(await failure(opened(sealed(copy, {}, NEW))), `${stop}`).toEqual(code("state"));
        await resealStorage(copy, from, to);
        expect(await opens(copy, NEW), `${stop}`).toBe(true);
        expect(await opens(copy, KEY)).toBe(false);
        if (!ended) continue;
        // Two groups, and the client.
        expect(stop).toBe(3);
        break;
      }
    }
  });

  it("seals nothing that was tampered with, and says so", async () => {
    const { inner } = await scene();
    const entries = await snapshot(inner);
    for (const { key, value } of entries) {
      const storage = attacked(
        changed(entries, { [key]: value.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) }),
      );
      expect(await failure(resealStorage(storage, from, to)), key).toEqual(code("state"));
      // The client's part is the last: so nothing opens a storage that is half done.
      expect(await opens(storage, NEW)).toBe(false);
    }
    expect(await failure(resealStorage(inner, to, nodeStorageCipher(new Uint8Array(32))))).toEqual(
      code("state"),
    );
    expect(await snapshot(inner)).toEqual(entries);
  });

  it("goes from one implementation to another, and knows a memory", async () => {
    const memory = writeMemory();
    const { inner } = await scene({ memory });
    const before = await snapshot(inner);
    await resealStorage(inner, from, nobleStorageCipher(NEW), { memory });
    expect(await opens(inner, NEW, { memory })).toBe(true);
    expect(await use(attacked(before), { memory })).toEqual(code("state"));
  });

  it("of an empty storage does nothing, and wrong arguments are refused", async () => {
    const inner = memoryStorage();
    await resealStorage(inner, from, to);
    expect(await inner.list("")).toEqual([]);
    expect(await failure(resealStorage(inner, from, {} as never))).toEqual(code("usage"));
    expect(await failure(resealStorage(inner, from, to, { key: 1 } as object))).toEqual(code("usage"));
  });

  it("of a storage that refuses each write ends with an error", async () => {
    const { inner } = await scene();
    const stubborn = { ...inner, write: () => false };
    expect(await failure(resealStorage(stubborn, from, to))).toEqual(code("storage"));
  });
});
