// RFC 9420 §5.1: faults in the keys of signatures.
import { CryptoError, type SignatureKeyPair, type SignaturePart } from "@copse/core/provider";
import { broken, cachedBy, type Fault, fault, toHex } from "./fault.js";

const MANY = "signature keys: many that are generated are different and valid";
const BITS = "signature keys: every bit of a generated private key varies";
const EACH = "signature keys: each of many exports and signs as itself";
const ALONE = "signature keys: destroying one key ends no other, an equal one neither";
const DESTROYED = "signature keys: a destroyed key is refused, and destroying it again does nothing";

const GENERATE = ["signature", "generateKeyPair"] as const;
const VALIDATE = ["signature", "validatePublicKey"] as const;

/** Remembers the pairs that it made. */
function remembering(
  part: SignaturePart,
  change: (pairs: readonly SignatureKeyPair[]) => Partial<SignaturePart>,
): { readonly signature: SignaturePart } {
  const pairs: SignatureKeyPair[] = [];
  const keep = async (pair: SignatureKeyPair | Promise<SignatureKeyPair>) => {
    pairs.push(await pair);
    return pair;
  };
  return {
    signature: {
      ...part,
      generateKeyPair: () => keep(part.generateKeyPair()),
      importPrivateKey: (bytes) => keep(part.importPrivateKey(bytes)),
      ...change(pairs),
    },
  };
}

export const SIGNATURE_KEYS: readonly Fault[] = [
  broken("makes signature keys again after 30", 1, MANY, GENERATE, (generate) => {
    let call = 0;
    return cachedBy(generate, () => call++ % 30);
  }),
  broken(
    "makes signature keys of two random bytes",
    1,
    MANY,
    GENERATE,
    (_, { signature, random }) =>
      () =>
        signature.importPrivateKey(Uint8Array.of(...random(2), ...new Uint8Array(30))),
  ),
  broken(
    "makes signature keys that are too short where they begin with six zero bits",
    2,
    MANY,
    GENERATE,
    (generate) => () => {
      const { publicKey, privateKey } = generate();
      return { publicKey: (publicKey[1] as number) < 4 ? publicKey.slice(0, -1) : publicKey, privateKey };
    },
  ),
  broken(
    "makes signature keys with 8 random bytes",
    1,
    BITS,
    GENERATE,
    (_, { signature, random }) =>
      () =>
        signature.importPrivateKey(Uint8Array.of(...random(8), ...new Uint8Array(24))),
  ),
  broken(
    "makes signature keys without a highest bit",
    7,
    BITS,
    GENERATE,
    (_, { signature, random }) =>
      () => {
        const bytes = random(48);
        bytes[0] = bytes[0]! & 0x7f;
        return signature.importPrivateKey(bytes);
      },
  ),
  fault("exports the signature key that it made last", 1, EACH, ({ signature }) =>
    remembering(signature, (pairs) => ({
      exportPrivateKey: (key) => signature.exportPrivateKey(pairs.at(-1)?.privateKey ?? key),
    })),
  ),
  fault("signs with the key that it used first", 5, EACH, ({ signature }) => {
    let first: SignatureKeyPair["privateKey"] | undefined;
    return {
      signature: {
        ...signature,
        sign(key, message) {
          first ??= key;
          return signature.sign(first, message);
        },
      },
    };
  }),
  broken(
    "keeps signature keys that it should destroy",
    1,
    DESTROYED,
    ["signature", "destroyPrivateKey"],
    () => () => undefined,
  ),
  fault("destroys all equal signature keys with one", 1, ALONE, ({ signature }) =>
    remembering(signature, (pairs) => ({
      async destroyPrivateKey(key) {
        const own = pairs.find(({ privateKey }) => privateKey === key);
        for (const { publicKey, privateKey } of pairs) {
          if (own && toHex(publicKey) === toHex(own.publicKey)) await signature.destroyPrivateKey(privateKey);
        }
        return signature.destroyPrivateKey(key);
      },
    })),
  ),
  fault("destroys the signature key that it made last too", 2, ALONE, ({ signature }) =>
    remembering(signature, (pairs) => ({
      async destroyPrivateKey(key) {
        await signature.destroyPrivateKey(pairs.at(-1)?.privateKey ?? key);
        return signature.destroyPrivateKey(key);
      },
    })),
  ),
  fault("takes a key in another form", 2, "verdicts: public keys", ({ signature }) => ({
    signature: {
      ...signature,
      validatePublicKey: (key) => signature.validatePublicKey(Uint8Array.of(4, ...key.subarray(1))),
    },
  })),
  broken(
    "takes Edwards points of small order",
    1,
    "signature keys: refuses points that are no key",
    VALIDATE,
    () => (key) => {
      if (key.length !== 32) throw new CryptoError("length");
    },
  ),
  broken(
    "takes signature keys off the curve",
    7,
    "signature keys: refuses points off the curve",
    VALIDATE,
    () => (key) => {
      if (key.length !== 97 || key[0] !== 4) throw new CryptoError("no point");
    },
  ),
  broken(
    "remembers good signature keys by their array",
    1,
    "signature keys: a good public key makes no other good",
    VALIDATE,
    (validate) => {
      const good = new WeakSet<Uint8Array>();
      return (key) => {
        if (good.has(key)) return;
        validate(key);
        good.add(key);
      };
    },
  ),
  broken(
    "remembers good signature keys by their first bytes",
    3,
    "signature keys: a good public key makes no other good",
    VALIDATE,
    (validate) => cachedBy(validate, (key) => toHex(key.slice(0, 16))),
  ),
];
