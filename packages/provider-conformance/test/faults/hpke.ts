// RFC 9420 §5.1: faults in HPKE and its keys.
import { createDecipheriv } from "node:crypto";
import {
  type CipherSuiteProvider,
  CryptoError,
  type HpkePart,
  type HpkePrivateKey,
  MlsError,
} from "@copse/core/provider";
import { dhkem, hpke } from "@copse/provider-kit";
import { dhGroup } from "../../../provider-node/src/asymmetric.js";
import { type Fault, fault, none, orElse } from "./fault.js";

/** HPKE that uses other info and additional data than it is given. */
function using(
  part: HpkePart,
  other: (info: Uint8Array, aad: Uint8Array) => readonly [info: Uint8Array, aad: Uint8Array],
): Partial<CipherSuiteProvider> {
  return {
    hpke: {
      ...part,
      seal: (key, info, aad, plaintext) => part.seal(key, ...other(info, aad), plaintext),
      open: (key, enc, info, aad, ciphertext) => part.open(key, enc, ...other(info, aad), ciphertext),
      sealAll: (all) =>
        Promise.all(all.map((r) => part.seal(r.publicKey, ...other(r.info, r.aad), r.plaintext))),
    },
  };
}

/** HPKE that takes, beside good public keys, those that `also` says: as if they were a key of its own. */
function taking(part: HpkePart, also: (key: Uint8Array) => boolean): Partial<CipherSuiteProvider> {
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

export const HPKE: readonly Fault[] = [
  fault(
    "reuses an ephemeral key",
    1,
    "hpke: uses a fresh ephemeral key for each encryption",
    ({ suite, kdf, aead }) => {
      const group = dhGroup(suite.kem);
      const ephemeral = group.generateKeyPair();
      const { encap } = dhkem({ ...group, generateKeyPair: () => ephemeral }, kdf);
      return { hpke: hpke({ kem: { ...dhkem(group, kdf), encap }, kdf, aead }) };
    },
  ),
  fault(
    "derives another key pair each time",
    7,
    "hpke keys: deriveKeyPair gives the same key pair for the same input",
    (s) => ({
      hpke: { ...s.hpke, deriveKeyPair: () => s.hpke.generateKeyPair() },
    }),
  ),
  fault("ignores HPKE's info", 2, "hpke: refuses another info", (s) =>
    using(s.hpke, (_info, aad) => [none, aad]),
  ),
  fault("ignores HPKE's additional data", 4, "hpke: refuses other additional data", (s) =>
    using(s.hpke, (info) => [info, none]),
  ),
  fault(
    "ignores the exporter context",
    3,
    "hpke: an exported secret depends on the key, the info, the context and the length",
    (s) => ({
      hpke: {
        ...s.hpke,
        sendExport: (key, info, _context, length) => s.hpke.sendExport(key, info, none, length),
        receiveExport: (key, enc, info, _context, length) =>
          s.hpke.receiveExport(key, enc, info, none, length),
      },
    }),
  ),
  fault("seals many in the wrong order", 1, "hpke: sealAll agrees with seal", (s) => ({
    hpke: {
      ...s.hpke,
      sealAll: async (all) =>
        (await Promise.all(all.map((r) => s.hpke.seal(r.publicKey, r.info, r.aad, r.plaintext)))).reverse(),
    },
  })),
  fault(
    "opens HPKE messages without their tags",
    1,
    "hpke: refuses a damaged ciphertext",
    ({ suite, kdf, aead }) => ({
      hpke: hpke({
        kem: dhkem(dhGroup(suite.kem), kdf),
        kdf,
        aead: {
          ...aead,
          open(key, nonce, _aad, ciphertext) {
            if (ciphertext.length < 16) throw new CryptoError("length");
            return new Uint8Array(
              createDecipheriv("aes-128-gcm", key, nonce).update(ciphertext.subarray(0, -16)),
            );
          },
        },
      }),
    }),
  ),
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
    "takes scalars above the order",
    7,
    "hpke keys: takes 1 to order - 1 as private keys, and no other number",
    (s) => ({
      hpke: {
        ...s.hpke,
        importPrivateKey: (bytes) =>
          orElse(
            () => s.hpke.importPrivateKey(bytes),
            () => {
              if (bytes.length !== 48 || bytes[0] !== 0xff) throw new CryptoError("no key");
              return s.hpke.generateKeyPair();
            },
          ),
      },
    }),
  ),
  fault(
    "exports keys in another form than it imports",
    1,
    "hpke keys: imports what it exports, or refuses to export with key-not-extractable",
    (s) => ({
      hpke: {
        ...s.hpke,
        exportPrivateKey: async (key) => new Uint8Array([4, 32, ...(await s.hpke.exportPrivateKey(key))]),
      },
    }),
  ),
  fault(
    "keeps keys that it should destroy",
    1,
    "hpke keys: a destroyed key is refused, and destroying it again does nothing",
    (s) => ({ hpke: { ...s.hpke, destroyPrivateKey: () => undefined } }),
  ),
  fault(
    "takes a key in its store for one that isn't",
    1,
    "hpke keys: a destroyed key is refused, and destroying it again does nothing",
    ({ hpke: part }) => {
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
          isStored: () => false,
          destroyPrivateKey(key) {
            for (const [number, one] of store) if (one === key) store.delete(number);
            return part.destroyPrivateKey(key);
          },
        },
      };
    },
  ),
  fault("shows its private keys", 3, "hpke keys: a handle shows nothing of the private key", (s) => ({
    hpke: {
      ...s.hpke,
      async generateKeyPair() {
        const { publicKey, privateKey } = await s.hpke.generateKeyPair();
        return {
          publicKey,
          privateKey: Object.assign(privateKey, { d: await s.hpke.exportPrivateKey(privateKey) }),
        };
      },
    },
  })),
];
