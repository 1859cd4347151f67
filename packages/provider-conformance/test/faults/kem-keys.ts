// RFC 9420 §5.1: faults in the keys of HPKE.
import {
  CryptoError,
  type HpkeKeyPair,
  type HpkePart,
  type HpkePrivateKey,
  MlsError,
} from "@copse/core/provider";
import { broken, cachedBy, cut, type Fault, fault, orElse, toHex } from "./fault.js";

const DESTROYED = "hpke keys: a destroyed key is refused, and destroying it again does nothing";
const ZEROS = "hpke keys: derives, exports and imports keys that begin or end with zeros";
const EACH = "hpke keys: each of many exports, saves and loads as itself";
const HANDED = "hpke keys: keys that it hands over to a storage come back";
const LOADS = "hpke keys: loads what it saves";
const ALONE = "hpke keys: destroying one key ends no other, an equal one neither";
const MANY = "hpke keys: many that are generated are different and valid";
const BITS = "hpke keys: every bit of a generated private key varies";
const SAME = "hpke keys: deriveKeyPair gives the same key pair for the same input";
const ROUND = "hpke keys: imports what it exports, or refuses to export with key-not-extractable";

const GENERATE = ["hpke", "generateKeyPair"] as const;
const DERIVE = ["hpke", "deriveKeyPair"] as const;
const IMPORT = ["hpke", "importPrivateKey"] as const;
const EXPORT = ["hpke", "exportPrivateKey"] as const;
const VALIDATE = ["hpke", "validatePublicKey"] as const;

/** HPKE that takes, beside good public keys, those that `also` says: as if they were a key of its own. */
function taking(part: HpkePart, also: (key: Uint8Array) => boolean): { readonly hpke: HpkePart } {
  const own = part.generateKeyPair();
  const replaced = async (key: Uint8Array) => (also(key) ? (await own).publicKey : key);
  return {
    hpke: {
      ...part,
      validatePublicKey: async (key) => part.validatePublicKey(await replaced(key)),
      seal: async (key, info, aad, plaintext) => part.seal(await replaced(key), info, aad, plaintext),
    },
  };
}

/** HPKE whose keys stay in a store, and are saved by their numbers. */
function stored(
  part: HpkePart,
  change: (store: Map<number, HpkePrivateKey>) => Partial<HpkePart>,
): { hpke: HpkePart } {
  const store = new Map<number, HpkePrivateKey>();
  return {
    hpke: {
      ...part,
      exportPrivateKey() {
        throw new MlsError("key-not-extractable", "these keys stay in the store");
      },
      savePrivateKey(key) {
        store.set(store.size, key);
        return Uint8Array.of(store.size - 1);
      },
      loadPrivateKey([number]) {
        const key = store.get(number ?? -1);
        if (key === undefined) throw new MlsError("state", "there is no such key");
        return key;
      },
      isStored: () => true,
      destroyPrivateKey(key) {
        for (const [number, one] of store) if (one === key) store.delete(number);
        return part.destroyPrivateKey(key);
      },
      ...change(store),
    },
  };
}

/** Remembers the pairs that it made, and does something else with a private key. */
function remembering(
  part: HpkePart,
  change: (pairs: readonly HpkeKeyPair[]) => Partial<HpkePart>,
): { readonly hpke: HpkePart } {
  const pairs: HpkeKeyPair[] = [];
  const keep = async (pair: HpkeKeyPair | Promise<HpkeKeyPair>) => {
    pairs.push(await pair);
    return pair;
  };
  return {
    hpke: {
      ...part,
      generateKeyPair: () => keep(part.generateKeyPair()),
      deriveKeyPair: (ikm) => keep(part.deriveKeyPair(ikm)),
      importPrivateKey: (bytes) => keep(part.importPrivateKey(bytes)),
      ...change(pairs),
    },
  };
}

const ENCODINGS: readonly Fault[] = [
  ...[2, 5, 7].map((suite) =>
    broken("forgets the zeros that exported keys begin with", suite, ZEROS, EXPORT, (export_) => (key) => {
      const bytes = export_(key);
      return bytes[suite === 5 ? 1 : 0] === 0 ? bytes.slice(suite === 5 ? 2 : 1) : bytes;
    }),
  ),
  ...[1, 4, 7].map((suite) =>
    broken("refuses private keys that begin with zeros", suite, ZEROS, IMPORT, (import_) => (bytes) => {
      if (bytes[0] === 0) throw new CryptoError("too short");
      return import_(bytes);
    }),
  ),
  ...[2, 5].map((suite) =>
    broken("refuses points whose y begins with zeros", suite, ZEROS, VALIDATE, (validate) => (key) => {
      const at = (key.length + 1) / 2;
      if (key[at] === 0 && key[at + 1] === 0) throw new CryptoError("too short");
      if (suite === 2 && key[at] === 0) throw new CryptoError("too short");
      return validate(key);
    }),
  ),
  ...[1, 3].map((suite) =>
    broken("refuses public keys that end with zeros", suite, ZEROS, VALIDATE, (validate) => (key) => {
      if (key.at(-1) === 0) throw new CryptoError("too small");
      return validate(key);
    }),
  ),
  broken("clamps the private keys that it exports", 1, ZEROS, EXPORT, (export_) => (key) => {
    const bytes = export_(key);
    bytes[0] = bytes[0]! & 248;
    bytes[31] = (bytes[31]! & 127) | 64;
    return bytes;
  }),
  broken(
    "makes public keys too short where they begin with six zero bits",
    2,
    MANY,
    GENERATE,
    (generate) => () => {
      const { publicKey, privateKey } = generate();
      return { publicKey: (publicKey[1] as number) < 4 ? publicKey.slice(0, -1) : publicKey, privateKey };
    },
  ),
  broken(
    "forgets the zeros that KEM outputs end with",
    1,
    "hpke: many messages to many keys all open",
    ["hpke", "seal"],
    (seal) =>
      (...inputs) => {
        const sealed = seal(...inputs);
        return {
          ...sealed,
          kemOutput: sealed.kemOutput[31] === 0 ? sealed.kemOutput.slice(0, 31) : sealed.kemOutput,
        };
      },
  ),
];

const MADE: readonly Fault[] = [
  broken("makes the same key pair again after 20", 1, MANY, GENERATE, (generate) => {
    let call = 0;
    return cachedBy(generate, () => call++ % 20);
  }),
  broken(
    "makes key pairs of two random bytes",
    1,
    MANY,
    GENERATE,
    (_, { hpke, random }) =>
      () =>
        hpke.deriveKeyPair(random(2)),
  ),
  broken("makes private keys whose second half is zero", 2, BITS, GENERATE, (_, { hpke, random }) => () => {
    const bytes = new Uint8Array(32);
    bytes.set(random(16));
    return hpke.importPrivateKey(bytes);
  }),
  broken("makes private keys whose first byte is zero", 7, BITS, GENERATE, (_, { hpke, random }) => () => {
    const bytes = random(48);
    bytes[0] = 0;
    return hpke.importPrivateKey(bytes);
  }),
  broken(
    "derives another key pair each time",
    7,
    SAME,
    DERIVE,
    (_, { hpke }) =>
      () =>
        hpke.generateKeyPair(),
  ),
  broken("derives from the first 32 bytes", 4, SAME, DERIVE, (derive) => (ikm) => derive(cut(ikm, 32))),
  broken("derives from all but the first byte", 1, SAME, DERIVE, (derive) => (ikm) => derive(ikm.slice(1))),
  broken("remembers derived key pairs by eight bytes", 1, SAME, DERIVE, (derive) =>
    cachedBy(derive, (ikm) => toHex(cut(ikm, 8))),
  ),
];

const TAKEN: readonly Fault[] = [
  fault("takes points off the curve", 2, "hpke keys: refuses points off the curve", ({ hpke: part }) =>
    taking(part, (key) => {
      if (key.length !== 65 || key[0] !== 4 || key.subarray(1).every((byte) => byte === 0)) return false;
      return orElse(
        () => part.validatePublicKey(key) instanceof Promise,
        () => true,
      );
    }),
  ),
  fault("takes the point at infinity", 7, "hpke keys: refuses the point at infinity", (s) =>
    taking(s.hpke, (key) => key.length === 1 && key[0] === 0),
  ),
  fault("takes compressed points", 5, "hpke keys: refuses other encodings of points", (s) =>
    taking(
      s.hpke,
      (key) => key.length === 67 && (key[0] === 2 || key[0] === 3) && key.some((b, i) => i > 0 && b > 0),
    ),
  ),
  ...[1, 4].map((suite) =>
    fault(
      "takes an all-zero shared secret",
      suite,
      "hpke keys: refuses points of low order, whose shared secret is zero",
      (s) =>
        taking(s.hpke, (key) =>
          key.length === s.suite.kem.Npk
            ? orElse(
                () => s.hpke.validatePublicKey(key) !== undefined,
                () => true,
              )
            : false,
        ),
    ),
  ),
  fault(
    "takes long public keys",
    1,
    "hpke keys: refuses public keys of a wrong length",
    ({ hpke: part }) => ({
      hpke: { ...part, validatePublicKey: (key) => part.validatePublicKey(cut(key, 32)) },
    }),
  ),
  broken(
    "takes short private keys",
    3,
    "hpke keys: refuses private keys of a wrong length",
    IMPORT,
    (import_) => (bytes) => {
      if (bytes.length !== 31) return import_(bytes);
      return import_(Uint8Array.of(0, ...bytes));
    },
  ),
  broken(
    "takes scalars above the order",
    7,
    "hpke keys: takes 1 to order - 1 as private keys, and no other number",
    IMPORT,
    (import_, { hpke }) =>
      (bytes) =>
        orElse<unknown>(
          () => import_(bytes),
          () => {
            if (bytes.length !== 48 || bytes[0] !== 0xff) throw new CryptoError("no key");
            return hpke.generateKeyPair();
          },
        ),
  ),
];

export const KEM_KEYS: readonly Fault[] = [
  ...ENCODINGS,
  ...MADE,
  ...TAKEN,
  broken(
    "exports keys in another form than it imports",
    1,
    ROUND,
    EXPORT,
    (export_) => (key) => Uint8Array.of(4, 32, ...export_(key)),
  ),
  fault("exports the key that it made last", 1, EACH, ({ hpke }) =>
    remembering(hpke, (pairs) => ({
      exportPrivateKey: (key) => hpke.exportPrivateKey(pairs.at(-1)?.privateKey ?? key),
    })),
  ),
  fault("exports the key that it made first", 7, EACH, ({ hpke }) =>
    remembering(hpke, (pairs) => ({
      exportPrivateKey: (key) => hpke.exportPrivateKey(pairs[0]?.privateKey ?? key),
    })),
  ),
  fault("loads the key that it saved last", 1, EACH, ({ hpke }) =>
    stored(hpke, (store) => ({ loadPrivateKey: () => store.get(store.size - 1) as HpkePrivateKey })),
  ),
  fault("saves all keys under one name", 3, EACH, ({ hpke }) =>
    stored(hpke, (store) => ({
      savePrivateKey(key) {
        store.set(0, key);
        return Uint8Array.of(0);
      },
    })),
  ),
  fault("takes another key back than the one that it handed over", 1, HANDED, ({ hpke }) =>
    remembering(hpke, (pairs) => ({
      exportHandle(privateKey) {
        const pair = pairs.find((one) => one.privateKey === privateKey);
        return pair && { handle: { privateKey }, publicKey: pair.publicKey.slice() };
      },
      importHandle: () => (pairs[0] as HpkeKeyPair).privateKey,
    })),
  ),
  fault("hands keys over, and takes none back", 1, HANDED, ({ hpke }) =>
    remembering(hpke, () => ({ exportHandle: () => undefined })),
  ),
  fault("can't save again what it loaded", 3, LOADS, ({ hpke }) =>
    stored(hpke, (store) => {
      const loaded = new Set<HpkePrivateKey>();
      return {
        savePrivateKey(key) {
          if (loaded.has(key)) throw new CryptoError("it has no name");
          store.set(store.size, key);
          return Uint8Array.of(store.size - 1);
        },
        loadPrivateKey([number]) {
          const key = store.get(number ?? -1);
          if (key === undefined) throw new MlsError("state", "there is no such key");
          loaded.add(key);
          return key;
        },
      };
    }),
  ),
  broken(
    "keeps keys that it should destroy",
    1,
    DESTROYED,
    ["hpke", "destroyPrivateKey"],
    () => () => undefined,
  ),
  fault("takes a key in its store for one that isn't", 1, DESTROYED, ({ hpke }) =>
    stored(hpke, () => ({ isStored: () => false })),
  ),
  fault("exports what was destroyed", 5, DESTROYED, ({ hpke: part }) => {
    const kept = new WeakMap<object, Uint8Array>();
    return {
      hpke: {
        ...part,
        async destroyPrivateKey(key) {
          if (!kept.has(key)) kept.set(key, await part.exportPrivateKey(key));
          return part.destroyPrivateKey(key);
        },
        exportPrivateKey: (key) => kept.get(key)?.slice() ?? part.exportPrivateKey(key),
      },
    };
  }),
  fault("refuses to destroy a key twice", 2, DESTROYED, ({ hpke: part }) => {
    const gone = new WeakSet<object>();
    return {
      hpke: {
        ...part,
        destroyPrivateKey(key) {
          if (gone.has(key)) throw new CryptoError("gone");
          gone.add(key);
          return part.destroyPrivateKey(key);
        },
      },
    };
  }),
  fault("destroys all equal keys with one", 1, ALONE, ({ hpke }) =>
    remembering(hpke, (pairs) => ({
      async destroyPrivateKey(key) {
        const own = pairs.find(({ privateKey }) => privateKey === key);
        for (const { publicKey, privateKey } of pairs) {
          if (own && toHex(publicKey) === toHex(own.publicKey)) await hpke.destroyPrivateKey(privateKey);
        }
        return hpke.destroyPrivateKey(key);
      },
    })),
  ),
  fault("destroys the key that it made last too", 3, ALONE, ({ hpke }) =>
    remembering(hpke, (pairs) => ({
      async destroyPrivateKey(key) {
        await hpke.destroyPrivateKey(pairs.at(-1)?.privateKey ?? key);
        return hpke.destroyPrivateKey(key);
      },
    })),
  ),
];
