// The checks pass for storages whose values are sealed, around one in memory and one in files.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientStorage, memoryStorage, sealedStorage, type WriteMemory } from "@copse/core/storage";
import { nobleStorageCipher } from "@copse/provider-noble/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { checksForStorage } from "@copse/storage-conformance";
import { fileStorage } from "@copse/storage-conformance/file";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));

const key = new Uint8Array(32).fill(7);

/** Storages by their names, so that each opener has an object of its own around them. */
function byName<T>(make: () => T): (name: string) => T {
  const all = new Map<string, T>();
  return (name) => {
    const one = all.get(name) ?? make();
    all.set(name, one);
    return one;
  };
}

/** How many writes each part has had, in memory. */
function memory(): WriteMemory {
  const parts = new Map<string, number>();
  return {
    recall: (prefix) => new Map([...parts].filter(([part]) => part.startsWith(prefix))),
    remember: (part, writes) => void parts.set(part, Math.max(writes, parts.get(part) ?? 0)),
  };
}

const inMemory = byName(memoryStorage);
const remembered = byName(() => ({ storage: memoryStorage(), memory: memory() }));

const OPENERS: Readonly<Record<string, (name: string) => ClientStorage>> = {
  "in memory, with a memory of writes": (name) => {
    const { storage, memory } = remembered(name);
    return sealedStorage(storage, nodeStorageCipher(key), { memory, valuesPerKey: 3 });
  },
  "in files": (name) => sealedStorage(fileStorage(join(folder, name)), nodeStorageCipher(key)),
};

describe.each(Object.entries(OPENERS))("a sealed storage %s passes:", (name, open) => {
  const checks = checksForStorage({ name, open });
  it.each(checks.map((check) => [check.name, check] as const))("%s", (_, check) => check.run());
});

it("what one opener sealed with node:crypto, another reads with noble, in one storage", async () => {
  const openers = [nodeStorageCipher(key), nobleStorageCipher(key)];
  let opened = 0;
  const open = (name: string) =>
    sealedStorage(inMemory(`mixed${name}`), openers[opened++ % 2] as ReturnType<typeof nodeStorageCipher>);
  const checks = checksForStorage({ name: "mixed", open }).filter(({ name }) =>
    /^(races|openers|versions)/.test(name),
  );
  for (const check of checks) expect(await check.result()).toMatchObject({ outcome: "passed" });
});
