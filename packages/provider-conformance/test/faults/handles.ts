// RFC 9420 §5.1, §16.7: faults in handles, errors and refusals.
import {
  type CipherSuiteProvider,
  CryptoError,
  type CryptoProvider,
  type HpkePrivateKey,
  MlsError,
  UnsupportedError,
} from "@copse/core/provider";
import { broken, type Fault, fault, loose, node, orElse, toHex } from "./fault.js";

const SHOWS = "keys: no handle shows its private key, however it was made";
const ERRORS = "errors: no error shows a key or a plaintext";
const KINDS = "errors: bad input ends with a CryptoError and with no other error";
const SUITES = "handles: a key of another suite is refused, or works if the algorithm is the same";
const INSTANCES = "handles: a key of another instance is refused, or works";
const PROVIDERS = "handles: a key of another provider is refused, or works if the algorithm is the same";
const HPKE_REFUSAL = "hpke keys: a refused export is `key-not-extractable`, a refused import `unsupported`";
const SIGNATURE_REFUSAL =
  "signature keys: a refused export is `key-not-extractable`, a refused import `unsupported`";

/** Handles of HPKE keys with something in them. */
const holding = (what: string, suite: number, show: (bytes: Uint8Array) => object): Fault =>
  fault(`has ${what} in its handles`, suite, SHOWS, ({ hpke }) => ({
    hpke: {
      ...hpke,
      async generateKeyPair() {
        const { publicKey, privateKey } = await hpke.generateKeyPair();
        const shown = show(await hpke.exportPrivateKey(privateKey));
        Object.defineProperties(privateKey, Object.getOwnPropertyDescriptors(shown));
        return { publicKey, privateKey };
      },
    },
  }));

const hidden = (value: unknown): object =>
  Object.defineProperty({}, "d", { value, enumerable: false, configurable: true });

/** Errors of one call with something of its inputs on them. */
const telling = (
  what: string,
  place: Parameters<typeof loose>[3],
  tell: (error: Error, inputs: readonly Uint8Array[]) => Error,
): Fault =>
  loose(what, 1, ERRORS, place, (healthy) => (...args) => {
    try {
      return healthy(...args);
    } catch (error) {
      throw tell(error as Error, args as Uint8Array[]);
    }
  });

/** Throws something else than a CryptoError. */
const throwing = (place: Parameters<typeof loose>[3], error: () => unknown): Fault =>
  loose(`throws other errors in ${place.join(".")}`, 1, KINDS, place, (healthy) => (...args) => {
    try {
      return healthy(...args);
    } catch {
      throw error();
    }
  });

/** A provider of several suites that takes a foreign handle for the last of its own. */
function forgiving(
  suites: readonly number[],
  own: number,
): { readonly provider: CryptoProvider; of(id: number): CipherSuiteProvider } {
  const made = new Map<number, CipherSuiteProvider>();
  for (const id of suites) {
    const { hpke, signature, ...rest } = node.suite(id);
    let last: HpkePrivateKey | undefined;
    made.set(id, {
      ...rest,
      signature,
      hpke: {
        ...hpke,
        async generateKeyPair() {
          const pair = await hpke.generateKeyPair();
          if (id === own) last = pair.privateKey;
          return pair;
        },
        open: (key, ...inputs) =>
          orElse(
            () => hpke.open(key, ...inputs),
            () => hpke.open(last ?? key, ...inputs),
          ),
      },
    });
  }
  const of = (id: number) => made.get(id) ?? node.suite(-1);
  return {
    of,
    provider: { name: "forgiving", suites: suites.map((id) => of(id).suite), suite: of },
  };
}

const forgetful = forgiving([1, 4], 1);

/** Signs with the last key of its own if a handle isn't one. */
function signsAnyway({ signature }: CipherSuiteProvider): Partial<CipherSuiteProvider> {
  let last: Parameters<typeof signature.sign>[0] | undefined;
  return {
    signature: {
      ...signature,
      async generateKeyPair() {
        const pair = await signature.generateKeyPair();
        last = pair.privateKey;
        return pair;
      },
      // The healthy provider's key works here too; so it must be told from those made here.
      sign: (key, message) => signature.sign(last ?? key, message),
    },
  };
}

const refusal = (code: "unsupported" | "key-not-extractable" | "state") => (): never => {
  throw new MlsError(code, "no");
};

export const HANDLES: readonly Fault[] = [
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
  holding("bytes", 1, (d) => ({ d })),
  holding("a plain array", 1, (bytes) => ({ d: [...bytes] })),
  holding("a part of the key", 2, (bytes) => ({ tail: bytes.slice(-12) })),
  holding("hexadecimal", 3, (bytes) => ({ d: toHex(bytes).toUpperCase() })),
  holding("a JWK", 7, (bytes) => ({ jwk: { kty: "EC", d: Buffer.from(bytes).toString("base64url") } })),
  holding("a bigint", 2, (bytes) => ({ d: BigInt(`0x${toHex(bytes)}`) })),
  holding("a map", 1, (bytes) => ({ fields: new Map([["d", bytes]]) })),
  holding("a symbol's property", 1, (bytes) => ({ [Symbol("d")]: bytes })),
  holding("a property that isn't enumerable", 1, hidden),
  holding("toJSON", 1, (bytes) => ({ toJSON: () => ({ d: [...bytes] }) })),
  holding("toString", 1, (bytes) => ({ toString: () => bytes.join(", ") })),
  holding("a DataView of a larger buffer", 5, (bytes) => ({
    view: new DataView(Uint8Array.of(1, 2, ...bytes).buffer),
  })),
  fault("keeps what it signs with in the handle", 1, SHOWS, ({ signature }) => ({
    signature: {
      ...signature,
      async sign(key, message) {
        hiddenIn(key, await signature.exportPrivateKey(key));
        return signature.sign(key, message);
      },
    },
  })),
  fault("shows keys that were imported", 1, SHOWS, ({ hpke }) => ({
    hpke: {
      ...hpke,
      async importPrivateKey(bytes) {
        const pair = await hpke.importPrivateKey(bytes);
        hiddenIn(pair.privateKey, Uint8Array.from(bytes));
        return pair;
      },
    },
  })),
  telling(
    "tells the key in an error's message",
    ["aead", "open"],
    (error, [key]) => new CryptoError(`${error.message} with ${toHex(key!)}`),
  ),
  telling(
    "tells the key as numbers in an error's message",
    ["aead", "seal"],
    (error, [key]) => new CryptoError(`${error.message} with [${[...key!].join(", ")}]`),
  ),
  telling("has the inputs on its errors", ["aead", "open"], (error, inputs) =>
    Object.assign(error, { inputs }),
  ),
  telling(
    "has the key in its errors' cause",
    ["aead", "open"],
    (error, [key]) => new CryptoError(error.message, { cause: { key } }),
  ),
  telling("tells the plaintext in an error", ["aead", "seal"], (error, inputs) =>
    Object.assign(error, { plaintext: Buffer.from(inputs[3]!).toString("base64") }),
  ),
  telling(
    "tells the bytes that it doesn't import",
    ["hpke", "importPrivateKey"],
    (_, [bytes]) => new CryptoError(`no private key: ${toHex(bytes!)}`),
  ),
  telling(
    "tells the signature key that it doesn't import",
    ["signature", "importPrivateKey"],
    (error, [bytes]) => Object.assign(error, { bytes: [...bytes!] }),
  ),
  telling("tells the key that it expands", ["kdf", "expand"], (error, [prk]) =>
    Object.assign(error, { prk }),
  ),
  fault("has the plaintext on the error of a wrong tag", 1, ERRORS, ({ hpke }) => {
    const sealed = new Map<string, Uint8Array>();
    return {
      hpke: {
        ...hpke,
        async seal(key, info, aad, plaintext) {
          const message = await hpke.seal(key, info, aad, plaintext);
          sealed.set(message.kemOutput.join(), Uint8Array.from(plaintext));
          return message;
        },
        open(key, enc, info, aad, ciphertext) {
          try {
            return hpke.open(key, enc, info, aad, ciphertext);
          } catch (error) {
            throw Object.assign(error as Error, { unverified: sealed.get(enc.join()) });
          }
        },
      },
    };
  }),
  throwing(["aead", "open"], () => new Error("OperationError")),
  throwing(["hpke", "open"], () => new RangeError("length")),
  throwing(["hpke", "seal"], () => "a string"),
  throwing(["hpke", "importPrivateKey"], () => new TypeError("no key")),
  throwing(["signature", "sign"], () => new TypeError("provider")),
  throwing(["signature", "validatePublicKey"], () => new MlsError("usage", "no key")),
  throwing(["kdf", "expand"], () => undefined),
  fault("takes a key of another suite for its own", 1, SUITES, () => forgetful.of(1), {
    provider: forgetful.provider,
    suites: [1],
  }),
  fault("signs with a key of another suite", 2, SUITES, signsAnyway, {
    provider: twoSuites(2, 5, signsAnyway),
    suites: [2],
  }),
  fault("signs with its last key instead of another instance's", 1, INSTANCES, signsAnyway, {
    make: () => node,
  }),
  fault("takes a key of another provider for its own", 1, PROVIDERS, () => forgetful.of(1), { second: node }),
  broken(
    "refuses to export without saying so",
    1,
    SIGNATURE_REFUSAL,
    ["signature", "exportPrivateKey"],
    () => () => {
      throw new CryptoError("no");
    },
  ),
  broken("refuses to export as unsupported", 1, HPKE_REFUSAL, ["hpke", "exportPrivateKey"], () =>
    refusal("unsupported"),
  ),
  broken("refuses to export with its own error", 3, HPKE_REFUSAL, ["hpke", "exportPrivateKey"], () => () => {
    throw new Error("InvalidAccessError");
  }),
  broken("refuses every second export", 1, HPKE_REFUSAL, ["hpke", "exportPrivateKey"], (export_) => {
    let call = 0;
    return (key) => (call++ % 2 ? refusal("key-not-extractable")() : export_(key));
  }),
  broken("refuses imports with a CryptoError", 1, HPKE_REFUSAL, ["hpke", "importPrivateKey"], () => () => {
    throw new CryptoError("no import");
  }),
  broken("refuses imports as not extractable", 2, HPKE_REFUSAL, ["hpke", "importPrivateKey"], () =>
    refusal("key-not-extractable"),
  ),
  broken(
    "refuses imports of signature keys with a state",
    1,
    SIGNATURE_REFUSAL,
    ["signature", "importPrivateKey"],
    () => refusal("state"),
  ),
  broken(
    "gives nothing where it refuses to export",
    7,
    "hpke keys: imports what it exports, or refuses to export with key-not-extractable",
    ["hpke", "exportPrivateKey"],
    () => () => new Uint8Array(0),
  ),
];

/** Never answers in one method. */
const silent = (place: Parameters<typeof loose>[3], caughtBy: string): Fault =>
  loose(`never answers in ${place.join(".")}`, 1, caughtBy, place, () => () => new Promise(() => {}), {
    timeLimit: 300,
    says: new RegExp(`^${place.join("\\.")} has not settled after 0.3 seconds$`),
  });

export const SILENCE: readonly Fault[] = [
  silent(["hash", "hash"], "hash: known answers"),
  silent(["kdf", "extract"], "kdf: known answers"),
  silent(["aead", "open"], "aead: known answers"),
  silent(["hpke", "generateKeyPair"], "hpke: opens what it seals, and all has the right length"),
  silent(["hpke", "open"], "hpke: opens what it seals, and all has the right length"),
  silent(["signature", "sign"], "signature: verifies what it signs"),
  silent(["signature", "verifyAll"], "signature: verifyAll agrees with verify"),
  silent(
    ["hpke", "destroyPrivateKey"],
    "hpke keys: a destroyed key is refused, and destroying it again does nothing",
  ),
];

function hiddenIn(handle: object, bytes: Uint8Array): void {
  Object.defineProperty(handle, "d", { value: bytes, enumerable: false, configurable: true });
}

/** A provider with a fault in one suite, and a healthy one beside it. */
function twoSuites(
  own: number,
  other: number,
  change: (healthy: CipherSuiteProvider) => Partial<CipherSuiteProvider>,
): Partial<CryptoProvider> {
  const served = { ...node.suite(own), ...change(node.suite(own)) };
  return {
    suites: [served.suite, node.suite(other).suite],
    suite(id) {
      if (id === own) return served;
      if (id === other) return node.suite(other);
      throw new UnsupportedError(`suite ${id}`);
    },
  };
}
