// RFC 9420 §16.6: what a sealed storage hides, its keys, several openers, and calls that fail.
import { type MlsError, toHex } from "@copse/core";
import type { StorageCipher, StorageKey } from "@copse/core/provider";
import { type ClientStorage, memoryStorage, resealStorage, sealedStorage } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { holds, text } from "@copse/test-support/bytes";
import { party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { opened, SUITE, TestStorage } from "../storage/stores.js";
import { ID, KEY, type Scene, scene, sealed, snapshot } from "./sealed.js";

const OTHER = new Uint8Array(32).fill(5);
const bytes = (value: string) => new TextEncoder().encode(value);
const put = (key: string, value: string) => ({ key, value: bytes(value) });
const step = (key: string, from: string | undefined, to: string) => ({
  key,
  from: from === undefined ? undefined : bytes(from),
  to: bytes(to),
});

it("a client goes on in each opening, with groups, key packages, staged commits and deletions", async () => {
  const play: Scene = await scene();
  const { inner, bob, bobs } = play;
  for (let i = 0; i < 5; i++) {
    const client = await opened(sealed(inner));
    expect(client.keyPackages()).toHaveLength(1 + i);
    const group = await client.group(ID);
    if (group === undefined) throw new Error("the group isn't there");
    expect(group.staged).toHaveLength(i === 0 ? 0 : 1);
    for (const { commit } of group.staged) {
      await group.mergePendingCommit();
      await bobs.receive(commit);
    }
    expect(group.epochAuthenticator).toEqual(bobs.epochAuthenticator);
    expect(await bobs.receive(await group.encrypt(`${i}`))).toMatchObject({ kind: "application" });
    await client.createKeyPackage();
    await group.update();
  }
  const client = await opened(sealed(inner));
  await bob.client.createGroup();
  expect(await client.deleteGroup(ID)).toBe(true);
  expect((await snapshot(inner)).filter(({ key }) => key.startsWith("group/"))).toEqual([]);
  expect((await opened(sealed(inner))).knownGroups()).toEqual([]);
});

it("nothing that a plain storage has stands in a sealed one, but for the keys of entries", async () => {
  const plain = memoryStorage();
  const inner = memoryStorage();
  const both: ClientStorage = {
    get: (key) => plain.get(key),
    list: (prefix) => plain.list(prefix),
    async write(...write) {
      await sealed(inner).write(...write);
      return plain.write(...write);
    },
  };
  const client = await opened(both, "a-telling-name");
  const group = await client.createGroup({ groupId: bytes("a-telling-group") });
  await client.createKeyPackage();
  await group.encrypt("hello");
  const [clear, hidden] = [await plain.list(""), await snapshot(inner)];
  expect(hidden.map(({ key }) => key)).toEqual(clear.map(({ key }) => key));
  const all = Buffer.concat(hidden.map(({ value }) => value));
  for (const { key, value } of clear) {
    for (let at = 0; at + 16 <= value.length; at += 16)
      expect(holds(all, value.subarray(at, at + 16)), `${key}, byte ${at}`).toBe(false);
  }
  for (const name of ["a-telling-name", "a-telling-group"]) {
    expect(holds(Buffer.concat(clear.map(({ value }) => value)), bytes(name))).toBe(true);
    expect(holds(all, bytes(name))).toBe(false);
  }
  // The sizes that the interface allows for versions below, and what sealing adds.
  for (const [i, { key, value }] of hidden.entries()) {
    if (key.endsWith("/version")) expect(value.length).toBeLessThanOrEqual(64);
    else expect(value.length).toBe((clear[i]?.value.length ?? 0) + 37);
  }
});

/** A cipher that counts what its keys are used for. */
function counted() {
  const cipher = nodeStorageCipher(KEY);
  const keys: { readonly salt: string; readonly info: string; sealed: number }[] = [];
  const counting: StorageCipher = {
    random: cipher.random,
    deriveKey(salt, info) {
      const key = cipher.deriveKey(salt, info) as StorageKey;
      const one = { salt: toHex(salt), info: text(info), sealed: 0 };
      keys.push(one);
      return {
        open: key.open,
        seal(...all) {
          one.sealed++;
          return key.seal(...all);
        },
      };
    },
  };
  return { counting, keys };
}

describe("keys", () => {
  it("are others for each part and each opener", async () => {
    const { counting, keys } = counted();
    const inner = memoryStorage();
    for (let i = 0; i < 3; i++) {
      const client = await opened(sealedStorage(inner, counting));
      await (i === 0 ? client.createGroup({ groupId: ID }) : client.group(ID));
      await client.createKeyPackage();
      await (await client.group(ID))?.encrypt("hello");
    }
    const sealing = keys.filter((one) => one.sealed > 0);
    expect(new Set(sealing.map(({ salt }) => salt)).size).toBe(sealing.length);
    expect(sealing.filter(({ info }) => info === "Copse storage 1 client/")).toHaveLength(3);
    expect(sealing.filter(({ info }) => /^Copse storage 1 group\/[0-9a-f]{16}\/$/.test(info))).toHaveLength(
      3,
    );
  });

  it("seal at most as many values as they may, and are renewed in one opener", async () => {
    const { counting, keys } = counted();
    const storage = sealedStorage(memoryStorage(), counting, { valuesPerKey: 10 });
    for (let i = 0; i < 40; i++) expect(await storage.write([put("client/a", `${i}`)], [])).toBe(true);
    const sealing = keys.filter((one) => one.sealed > 0);
    expect(sealing.map((one) => one.sealed)).toEqual(Array.from({ length: 8 }, () => 10));
    expect(new Set(sealing.map(({ salt }) => salt)).size).toBe(8);
  });

  it("that can't be derived now are derived at the next call", async () => {
    const cipher = nodeStorageCipher(KEY);
    let isDown = true;
    const flaky: StorageCipher = {
      random: cipher.random,
      deriveKey: async (...all) => {
        if (isDown) throw new Error("the key service is down");
        return cipher.deriveKey(...all);
      },
    };
    const storage = sealedStorage(memoryStorage(), flaky);
    await expect(Promise.resolve(storage.write([put("client/a", "1")], []))).rejects.toThrow("is down");
    isDown = false;
    expect(await storage.write([put("client/a", "1")], [])).toBe(true);
    isDown = true;
    const error = await failure(opened(sealedStorage(await copyOf(storage), flaky)));
    expect(error).toEqual(code("try-again"));
  });
});

/** What a sealed storage has, sealed anew in another. */
async function copyOf(storage: ClientStorage): Promise<ClientStorage> {
  const inner = memoryStorage();
  await sealed(inner).write(await storage.list(""), []);
  return inner;
}

describe("two openers", () => {
  it("move one group on in turns, and the one that is late learns so", async () => {
    const { inner, bobs } = await scene();
    const one = await opened(sealed(inner));
    const two = await opened(sealed(inner));
    const refused: string[] = [];
    for (let i = 0; i < 12; i++) {
      const turn = i % 3 === 0 ? one : two;
      const send = async () => {
        const group = await turn.group(ID);
        if (group !== undefined) await bobs.receive(await group.encrypt(`${i}`));
      };
      await send().catch(async (error: MlsError) => {
        refused.push(error.code);
        await send();
      });
    }
    expect(new Set(refused)).toEqual(new Set(refused.length > 0 ? ["stale-state"] : []));
    expect((await (await opened(sealed(inner))).group(ID))?.epochAuthenticator).toEqual(
      bobs.epochAuthenticator,
    );
  });

  it("see at once what the other has added, changed and deleted, entry by entry", async () => {
    const inner = memoryStorage();
    const [one, two] = [sealed(inner), sealed(inner)];
    const get = async (key: string) => {
      const value = await two.get(key);
      return value && text(value);
    };
    await one.write([put("client/a", "1"), put("client/b", "1")], [step("client/version", undefined, "1")]);
    expect([await get("client/a"), await get("client/c")]).toEqual(["1", undefined]);
    await one.write([put("client/c", "2")], [step("client/version", "1", "2")]);
    expect(await get("client/c")).toBe("2");
    await one.write([put("client/c", "3")], [step("client/version", "2", "3")]);
    expect(await get("client/c")).toBe("3");
    await one.write([{ key: "client/c", value: undefined }], [step("client/version", "3", "4")]);
    expect(await get("client/c")).toBeUndefined();
    await one.write([], [step("client/version", "4", "5")]);
    expect(await get("client/version")).toBe("5");
  });

  it("don't lose what one writes while the other deletes all", async () => {
    const inner = memoryStorage();
    const two = sealed(inner);
    let meanwhile: (() => unknown) | undefined;
    const one = sealed({
      ...inner,
      async write(...write) {
        await meanwhile?.();
        meanwhile = undefined;
        return inner.write(...write);
      },
    });
    await one.write([put("group/a/state", "1")], [step("group/a/version", undefined, "1")]);
    meanwhile = () => two.write([put("group/a/more", "2")], [step("group/a/version", "1", "2")]);
    const deletions = [{ key: "group/a/state", value: undefined }];
    const last = { key: "group/a/version", from: bytes("1"), to: undefined };
    expect(await one.write(deletions, [last])).toBe(false);
    expect((await one.list("group/a/")).map(({ value }) => text(value))).toEqual(["2", "1", "2"]);
  });

  it("write entries of one part without a version at once, and none is lost", async () => {
    const inner = memoryStorage();
    const openers = [sealed(inner), sealed(inner), sealed(inner)];
    const writes = Array.from({ length: 30 }, (_, i) =>
      openers[i % 3]?.write([put(`client/${i}`, `${i}`)], []),
    );
    expect(new Set(await Promise.all(writes))).toEqual(new Set([true]));
    expect(await sealed(inner).list("client/")).toHaveLength(30);
  });
});

describe("a write", () => {
  it("that the storage refuses though nobody has changed anything is refused", async () => {
    const inner = new TestStorage();
    const storage = sealed(inner);
    expect(await storage.write([put("client/a", "1")], [step("client/version", undefined, "1")])).toBe(true);
    inner.fates.push("refused", "refused", "refused");
    expect(await storage.write([put("client/a", "2")], [step("client/version", "1", "2")])).toBe(false);
    inner.fates.length = 0;
    expect(await storage.write([put("client/a", "2")], [step("client/version", "1", "2")])).toBe(true);
  });

  it.each(["lost", "late"] as const)(
    "that fails (%s) is followed by one that knows what is there",
    async (fate) => {
      const inner = new TestStorage();
      const storage = sealed(inner);
      await storage.write([put("client/a", "1")], [step("client/version", undefined, "1")]);
      inner.fates.push(fate);
      await expect(
        Promise.resolve(storage.write([put("client/a", "2")], [step("client/version", "1", "2")])),
      ).rejects.toThrow();
      const now = fate === "lost" ? "1" : "2";
      expect(text((await storage.get("client/a")) as Uint8Array)).toBe(now);
      expect(await storage.write([put("client/a", "3")], [step("client/version", now, "3")])).toBe(true);
      expect((await storage.list("client/")).map(({ value }) => text(value))).toEqual(["3", "3"]);
    },
  );

  it("that fails leaves a client that goes on, whether it was made or not", async () => {
    for (const fate of ["lost", "late"] as const) {
      const inner = new TestStorage();
      const client = await opened(sealed(inner));
      await client.createGroup({ groupId: ID });
      inner.fates.push(fate);
      expect(await failure(async () => (await client.group(ID))?.encrypt("one"))).toEqual(code("storage"));
      await (await client.group(ID))?.encrypt("two");
      await (await (await opened(sealed(inner))).group(ID))?.encrypt("three");
    }
  });

  it("of another part than before leaves the rest as it is", async () => {
    const inner = memoryStorage();
    const storage = sealed(inner);
    await storage.write([put("group/a/state", "1")], [step("group/a/version", undefined, "1")]);
    await storage.write([put("group/b/state", "1")], [step("group/b/version", undefined, "1")]);
    const before = await snapshot(inner);
    await storage.write([put("group/a/state", "2")], [step("group/a/version", "1", "2")]);
    const after = await snapshot(inner);
    const of = (all: typeof before) => all.filter(({ key }) => key.startsWith("group/b/"));
    expect(of(after)).toEqual(of(before));
    expect((await storage.list("group/")).map(({ key }) => key)).toEqual([
      ...["group/a/state", "group/a/version", "group/b/state", "group/b/version"],
    ]);
  });
});

describe("what a storage has besides", () => {
  it("is there: a key that nobody can extract stays a handle, beside sealed bytes", async () => {
    const inner = memoryStorage();
    const { privateKey: handle } = (await crypto.subtle.generateKey("Ed25519", false, [
      "sign",
    ])) as CryptoKeyPair;
    const change = { ...put("group/a/key/1", "public"), handle };
    expect(sealed(inner).handles).toBe(true);
    expect(await sealed(inner).write([change], [step("group/a/version", undefined, "1")])).toBe(true);
    const hidden = (await inner.list("group/"))[0];
    expect(hidden?.handle).toBe(handle);
    expect(hidden?.value.length).toBe(6 + 37);
    expect((await sealed(inner).list("group/"))[0]).toEqual(change);
    await resealStorage(inner, nodeStorageCipher(KEY), nodeStorageCipher(OTHER));
    expect((await sealed(inner, {}, OTHER).list("group/"))[0]).toEqual(change);
  });

  it("turns and changes of other openers are those of the storage", async () => {
    const calls: unknown[] = [];
    const inner: ClientStorage = {
      ...memoryStorage(),
      turn(name, work) {
        calls.push(this === inner, name);
        return work();
      },
      changes(listener) {
        calls.push(this === inner, listener);
        return () => calls.push("ended");
      },
    };
    const storage = sealed(inner);
    const listener = () => undefined;
    await storage.turn?.("group/a/", async () => void calls.push("work"));
    storage.changes?.(listener)();
    expect(calls).toEqual([true, "group/a/", "work", true, listener, "ended"]);
    expect(Object.keys(sealed({ ...memoryStorage(), handles: false }))).not.toContain("turn");
  });
});

it("a group that one opener deletes while another writes to it leaves nothing", async () => {
  for (let i = 0; i < 10; i++) {
    const { inner } = await scene();
    const [one, two] = [await opened(sealed(inner)), await opened(sealed(inner))];
    const group = await two.group(ID);
    await one.group(ID);
    await Promise.allSettled([group?.encrypt("hello"), one.deleteGroup(ID), group?.encrypt("hello")]);
    await (await opened(sealed(inner))).deleteGroup(ID);
    expect((await snapshot(inner)).filter(({ key }) => key.startsWith("group/"))).toEqual([]);
  }
});

it("what isn't a storage, a cipher or an option is refused", () => {
  const [inner, cipher] = [memoryStorage(), nodeStorageCipher(KEY)];
  const wrong: (() => unknown)[] = [
    () => sealedStorage({} as ClientStorage, cipher),
    () => sealedStorage(undefined as unknown as ClientStorage, cipher),
    () => sealedStorage(inner, {} as StorageCipher),
    () => sealedStorage(inner, null as unknown as StorageCipher),
    () => sealedStorage(inner, nodeProvider() as unknown as StorageCipher),
    () => sealedStorage(inner, cipher, { remember: 1 } as object),
    () => sealedStorage(inner, cipher, { valuesPerKey: 0 }),
    () => sealedStorage(inner, cipher, { valuesPerKey: 2 ** 20 + 1 }),
    () => sealedStorage(inner, cipher, { valuesPerKey: 1.5 }),
    () => sealedStorage(inner, cipher, { memory: {} as never }),
  ];
  for (const call of wrong) expect(call).toThrow(code("usage"));
});

it("a storage that answers with something else is named, as without sealing", async () => {
  for (const broken of [
    { ...memoryStorage(), list: () => [{ key: 1 }] },
    { ...memoryStorage(), list: () => "entries" },
    { ...memoryStorage(), write: () => undefined },
  ])
    expect(await failure(opened(sealed(broken as unknown as ClientStorage)))).toEqual(code("storage"));
});

it("a member with a sealed storage talks to one without a storage", async () => {
  const { bobs, group } = await scene();
  const carol = await party("carol", { suite: SUITE });
  const { commit, welcome } = await group.add(await carol.client.createKeyPackage());
  await group.mergePendingCommit();
  await bobs.receive(commit);
  const carols = await carol.client.join(welcome as Uint8Array);
  expect(await carols.receive(await group.encrypt("hello, three"))).toMatchObject({ kind: "application" });
});
