// RFC 9180 §4.1: a KEM whose keys are in a store of its author's: the kit saves, loads and ends them.
import { type Awaitable, type HpkePart, isPromise, MlsError } from "@copse/core/provider";
import { testProvider } from "@copse/provider-conformance";
import { composeProvider, type DhKeyPair, type DhPrimitives, dhkem, hpke } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";
import { dhGroup } from "../../provider-node/src/asymmetric.js";

const SUITE = 2;
const suite = nodeProvider().suite(SUITE);
const native = dhGroup(suite.suite.kem);
type Native = Awaited<ReturnType<typeof native.generateKeyPair>>["privateKey"];
const NONE = new Uint8Array(0);

/** A key in the store, by its number, or one that isn't in it. */
type Key = { readonly number: number } | { readonly key: Native };

/** A group whose generated keys are in a store, which is asked at once or with promises. */
function stored(later: boolean) {
  const keys = new Map<number, DhKeyPair<Native>>();
  let last = 0;
  const answer = <T>(value: () => T): Awaitable<T> => (later ? Promise.resolve().then(value) : value());
  const soft = ({ publicKey, privateKey }: DhKeyPair<Native>) => ({
    publicKey,
    privateKey: { key: privateKey },
  });
  const keyOf = (key: Key): Native => {
    if ("key" in key) return key.key;
    const found = keys.get(key.number);
    if (found === undefined) throw new MlsError("state", "the store has this key no longer");
    return found.privateKey;
  };
  const { exportHandle: _export, importHandle: _import, ...primitives } = native;
  const group: DhPrimitives<Key> = {
    ...primitives,
    generateKeyPair: () =>
      answer(() => {
        const pair = native.generateKeyPair() as DhKeyPair<Native>;
        keys.set(++last, pair);
        return { publicKey: pair.publicKey, privateKey: { number: last } };
      }),
    generateEphemeralKeyPair: () => soft(native.generateKeyPair() as DhKeyPair<Native>),
    importPrivateKey: (bytes) => soft(native.importPrivateKey(bytes) as DhKeyPair<Native>),
    exportPrivateKey(key) {
      if ("key" in key) return native.exportPrivateKey(key.key);
      throw new MlsError("key-not-extractable", "the key never leaves the store");
    },
    dh: (key, publicKey) => answer(() => native.dh(keyOf(key), publicKey) as Uint8Array),
    savePrivateKey: (key, publicKey) =>
      answer(() => {
        if ("number" in key) return Uint8Array.of(1, key.number, ...publicKey);
        return Uint8Array.of(0, ...(native.exportPrivateKey(key.key) as Uint8Array));
      }),
    loadPrivateKey(saved) {
      const copy = saved.slice();
      return answer(() => {
        const isReference = copy.length === 2 + suite.suite.kem.Npk && copy[0] === 1;
        if (isReference && keys.has(copy[1] as number)) {
          return { publicKey: copy.slice(2), privateKey: { number: copy[1] as number } };
        }
        if (copy[0] !== 0 || copy.length !== 33) throw new MlsError("state", "never saved, or gone");
        return soft(native.importPrivateKey(copy.slice(1)) as DhKeyPair<Native>);
      });
    },
    isStored: (key) => "number" in key,
    destroyPrivateKey: (key) =>
      answer(() => {
        if ("key" in key) return native.destroyPrivateKey?.(key.key);
        keys.delete(key.number);
      }) as Awaitable<void>,
  };
  return { group, keys };
}

describe.each([false, true])("a group whose keys are in a store (with promises: %s)", (later) => {
  const make = () => {
    const { group, keys } = stored(later);
    return { keys, part: hpke({ ...suite, kem: dhkem(group, suite.kdf) }) };
  };
  const opens = async (
    part: HpkePart,
    publicKey: Uint8Array,
    privateKey: Parameters<HpkePart["open"]>[0],
  ) => {
    const { kemOutput, ciphertext } = await part.seal(publicKey, NONE, NONE, Uint8Array.of(7));
    expect(await part.open(privateKey, kemOutput, NONE, NONE, ciphertext)).toEqual(Uint8Array.of(7));
  };

  it("saves, loads and destroys them; ephemeral and derived ones aren't in it", async () => {
    const { part, keys } = make();
    const pair = await part.generateKeyPair();
    expect(keys.size).toBe(1);
    await opens(part, pair.publicKey, pair.privateKey);
    const derived = await part.deriveKeyPair(new Uint8Array(32).fill(3));
    await opens(part, derived.publicKey, derived.privateKey);
    expect(keys.size).toBe(1);
    expect([pair, derived].map(({ privateKey }) => part.isStored?.(privateKey))).toEqual([true, false]);
    for (const { publicKey, privateKey } of [pair, derived]) {
      const saved = await part.savePrivateKey?.(privateKey);
      const loaded = (await part.loadPrivateKey?.(saved as Uint8Array)) as typeof privateKey;
      await opens(part, publicKey, loaded);
      expect(await part.savePrivateKey?.(loaded)).toEqual(saved);
      await part.destroyPrivateKey(loaded);
      await part.destroyPrivateKey(loaded);
      await expect((async () => part.savePrivateKey?.(loaded))()).rejects.toMatchObject({ code: "crypto" });
    }
    expect(keys.size).toBe(0);
  });

  it("refuses a key that is gone, and handles of others", async () => {
    const { part } = make();
    const { privateKey } = await part.generateKeyPair();
    const saved = (await part.savePrivateKey?.(privateKey)) as Uint8Array;
    await part.destroyPrivateKey(privateKey);
    await expect((async () => part.loadPrivateKey?.(saved))()).rejects.toMatchObject({ code: "state" });
    const other = await make().part.generateKeyPair();
    for (const call of ["savePrivateKey", "isStored"] as const)
      await expect((async () => part[call]?.(other.privateKey))()).rejects.toMatchObject({ code: "crypto" });
  });

  it("passes the checks of keys", async () => {
    const { group, keys } = stored(later);
    const { hpke: _, ...others } = suite;
    const provider = composeProvider({ ...others, name: "stored", kem: dhkem(group, suite.kdf) });
    const report = await testProvider(provider, {
      effort: "short",
      areas: ["hpke", "hpke keys", "handles", "concurrency"],
    });
    expect(report.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(report.checks.find(({ name }) => name === "hpke keys: loads what it saves")?.outcome).toBe(
      "passed",
    );
    expect(keys.size).toBe(0);
  });
});

it("answers at once if the group does", () => {
  const kem = dhkem(stored(false).group, suite.kdf);
  const pair = kem.generateKeyPair() as Awaited<ReturnType<typeof kem.generateKeyPair>>;
  const saved = kem.savePrivateKey?.(pair.privateKey) as Uint8Array;
  expect([isPromise(saved), isPromise(kem.loadPrivateKey?.(saved))]).toEqual([false, false]);
});

it("gives the group a public key that it may write into", async () => {
  const { group } = stored(false);
  const kem = dhkem(
    {
      ...group,
      savePrivateKey: (key, publicKey) => {
        publicKey.fill(0);
        return group.savePrivateKey?.(key, publicKey) as Uint8Array;
      },
    },
    suite.kdf,
  );
  const part = hpke({ ...suite, kem });
  const { publicKey, privateKey } = await part.generateKeyPair();
  await part.savePrivateKey?.(privateKey);
  const { kemOutput, ciphertext } = await part.seal(publicKey, NONE, NONE, NONE);
  expect(await part.open(privateKey, kemOutput, NONE, NONE, ciphertext)).toEqual(NONE);
});

it("refuses a group that does only half of it, and one that loads a public key of another size", async () => {
  const { group } = stored(false);
  const { loadPrivateKey: _, ...half } = group;
  const usage = expect.objectContaining({ code: "usage" });
  expect(() => dhkem(half, suite.kdf)).toThrow(usage);
  const { savePrivateKey: __, ...other } = group;
  expect(() => dhkem(other, suite.kdf)).toThrow(usage);
  const kem = dhkem(
    {
      ...group,
      loadPrivateKey: async (saved) => {
        const pair = await (group.loadPrivateKey?.(saved) as Awaitable<DhKeyPair<Key>>);
        return { ...pair, publicKey: pair.publicKey.slice(1) };
      },
    },
    suite.kdf,
  );
  const { privateKey } = await kem.generateKeyPair();
  const saved = (await kem.savePrivateKey?.(privateKey)) as Uint8Array;
  await expect(kem.loadPrivateKey?.(saved)).rejects.toMatchObject({ code: "crypto" });
});

it.each([false, true])(
  "sends with an ephemeral key that can't be deleted (with promises: %s)",
  async (later) => {
    const { group } = stored(later);
    const { generateEphemeralKeyPair: _, ...others } = group;
    const asked: Key[] = [];
    const fail = (key: Key): Awaitable<void> => {
      asked.push(key);
      const error = new Error("the store is away");
      if (later) return Promise.reject(error);
      throw error;
    };
    const part = hpke({ ...suite, kem: dhkem({ ...others, destroyPrivateKey: fail }, suite.kdf) });
    const { publicKey, privateKey } = await part.generateKeyPair();
    const { kemOutput, ciphertext } = await part.seal(publicKey, NONE, NONE, Uint8Array.of(7));
    expect(await part.open(privateKey, kemOutput, NONE, NONE, ciphertext)).toEqual(Uint8Array.of(7));
    expect(asked).toEqual([{ number: 2 }]);
  },
);

it("has no functions to save keys for a group that has none", () => {
  const kem = dhkem(native, suite.kdf);
  expect(["savePrivateKey", "loadPrivateKey", "isStored"].filter((name) => name in kem)).toEqual([]);
});
