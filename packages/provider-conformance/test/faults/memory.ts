// RFC 9420 §5.1: faults in how calls treat memory.
import { broken, type Fault, fault, loose } from "./fault.js";

const PLAIN = "memory: outputs are plain Uint8Arrays that share no memory";
const CALLERS = "memory: outputs are the caller's to overwrite";
const CHANGED = "memory: inputs are never changed";
const VIEWS = "memory: inputs may be views of larger buffers";
const AGAIN = "memory: an array that is used again is read again";
const LATE = "memory: inputs may be overwritten as soon as a call has returned";
const LISTS = "memory: lists of requests may be changed as soon as a call has returned";

type Place = Parameters<typeof loose>[3];
type Loose = (...args: unknown[]) => unknown;

/** Answers by the array that it was given, whatever is in it now. */
const byArray = (place: Place, at: number, suite = 1): Fault =>
  loose(
    `keeps what ${place.join(".")} gave, by the array that is its argument ${at}`,
    suite,
    AGAIN,
    place,
    (healthy) => {
      const inputs = new WeakMap<object, Uint8Array>();
      // The array stands for what it held first.
      return (...args) => {
        const array = args[at] as Uint8Array;
        if (!inputs.has(array)) inputs.set(array, Uint8Array.from(array));
        return healthy(...args.map((one, i) => (i === at ? inputs.get(array) : one)));
      };
    },
  );

/** Reads its inputs when it comes to them. */
const late = (place: Place, suite = 1): Fault =>
  loose(
    `reads the inputs of ${place.join(".")} after an await`,
    suite,
    LATE,
    place,
    (healthy): Loose =>
      async (...args) => {
        await Promise.resolve();
        return healthy(...args);
      },
  );

const lateList = (place: Place): Fault =>
  loose(
    `reads the list of ${place.join(".")} after an await`,
    1,
    LISTS,
    place,
    (healthy): Loose =>
      async (...args) => {
        await Promise.resolve();
        return healthy(...args);
      },
  );

export const MEMORY: readonly Fault[] = [
  fault("returns a shared buffer", 1, PLAIN, ({ kdf }) => {
    const shared = new Uint8Array(32);
    return {
      kdf: {
        ...kdf,
        async extract(salt, ikm) {
          shared.set(await kdf.extract(salt, ikm));
          return shared;
        },
      },
    };
  }),
  fault("returns Buffers out of a pool", 1, PLAIN, ({ hash }) => ({
    hash: { ...hash, mac: async (key, data) => Buffer.from(await hash.mac(key, data)) },
  })),
  broken(
    "opens into the ciphertext's memory",
    1,
    PLAIN,
    ["aead", "open"],
    (open) => (key, nonce, aad, ciphertext) => {
      const opened = open(key, nonce, aad, ciphertext);
      return new Uint8Array(ciphertext.buffer, ciphertext.byteOffset, opened.length);
    },
  ),
  broken("returns a part of a larger buffer", 3, PLAIN, ["aead", "seal"], (seal) => (...inputs) => {
    const sealed = seal(...inputs);
    const larger = new Uint8Array(sealed.length + 100);
    larger.set(sealed, 8);
    return larger.subarray(8, 8 + sealed.length);
  }),
  broken("expands many into one buffer", 1, PLAIN, ["kdf", "expandAll"], (expandAll) => (prk, requests) => {
    const outputs = expandAll(prk, requests);
    const whole = Uint8Array.from(outputs.flatMap((output) => [...output]));
    let at = 0;
    return outputs.map(({ length }) => {
      at += length;
      return whole.subarray(at - length, at);
    });
  }),
  broken("gives the same public key array each time", 1, PLAIN, ["hpke", "deriveKeyPair"], (derive) => {
    const arrays = new Map<string, Uint8Array>();
    return (ikm) => {
      const { publicKey, privateKey } = derive(ikm);
      const by = publicKey.join();
      if (!arrays.has(by)) arrays.set(by, publicKey);
      return { publicKey: arrays.get(by), privateKey };
    };
  }),
  broken("gives back the key that it imported", 1, PLAIN, ["signature", "exportPrivateKey"], (export_) => {
    const kept = new WeakMap<object, Uint8Array>();
    return (key) => {
      if (!kept.has(key)) kept.set(key, export_(key));
      return kept.get(key);
    };
  }),
  fault("keeps the public key of a pair that it gave", 1, CALLERS, ({ hpke }) => {
    const own = new WeakMap<object, Uint8Array>();
    return {
      hpke: {
        ...hpke,
        async generateKeyPair() {
          const pair = await hpke.generateKeyPair();
          own.set(pair.privateKey, pair.publicKey);
          return pair;
        },
        open: (key, enc, info, aad, ciphertext) =>
          hpke.open(
            key,
            own.get(key)?.every((byte) => byte === 0) ? enc.map(() => 9) : enc,
            info,
            aad,
            ciphertext,
          ),
      },
    };
  }),
  fault("changes its input", 1, CHANGED, ({ aead }) => ({
    aead: {
      ...aead,
      async open(key, nonce, aad, ciphertext) {
        const opened = await aead.open(key, nonce, aad, ciphertext);
        ciphertext.set(opened);
        return opened;
      },
    },
  })),
  broken(
    "overwrites keys after use",
    1,
    CHANGED,
    ["aead", "seal"],
    (seal) => (key, nonce, aad, plaintext) => {
      const sealed = seal(key, nonce, aad, plaintext);
      key.fill(0);
      return sealed;
    },
  ),
  broken("counts nonces up", 3, CHANGED, ["aead", "seal"], (seal) => (key, nonce, aad, plaintext) => {
    const sealed = seal(key, nonce, aad, plaintext);
    nonce[11] = (nonce[11]! + 1) & 0xff;
    return sealed;
  }),
  broken(
    "clamps the caller's private key",
    1,
    CHANGED,
    ["hpke", "importPrivateKey"],
    (import_) => (bytes) => {
      const pair = import_(bytes);
      for (let i = 0; i < bytes.length; i++) bytes[i] = 0;
      return pair;
    },
  ),
  broken(
    "turns signatures around to read them",
    1,
    CHANGED,
    ["signature", "verify"],
    (verify) => (key, message, value) => {
      const fits = verify(key, message, value);
      value.reverse();
      return fits;
    },
  ),
  broken(
    "takes the whole buffer of a view",
    1,
    VIEWS,
    ["hash", "hash"],
    (hash) => (data) => hash(new Uint8Array(data.buffer)),
  ),
  broken("takes a view from the beginning of its buffer", 1, VIEWS, ["signature", "sign"], (sign) => {
    return (key, message) =>
      sign(key, message.byteOffset === 0 ? message : new Uint8Array(message.buffer, 0, message.length));
  }),
  broken(
    "writes its tag after the plaintext",
    1,
    VIEWS,
    ["aead", "seal"],
    (seal) => (key, nonce, aad, plaintext) => {
      const sealed = seal(key, nonce, aad, plaintext);
      const room = plaintext.buffer.byteLength - plaintext.byteOffset;
      if (room >= sealed.length - 6)
        new Uint8Array(plaintext.buffer, plaintext.byteOffset + plaintext.length).set(sealed.slice(-10));
      return sealed;
    },
  ),
  fault("keeps the caller's array in a cache", 2, "memory: inputs are never kept", ({ signature }) => {
    const cache = new Map<Uint8Array, Uint8Array>();
    const cached = (key: Uint8Array) => {
      if (!cache.has(key)) cache.set(key, key.slice());
      return cache.get(key) ?? key;
    };
    return {
      signature: {
        ...signature,
        verify: (key, message, value) => signature.verify(cached(key), message, value),
      },
    };
  }),
  byArray(["hash", "hash"], 0),
  byArray(["hash", "mac"], 0),
  byArray(["kdf", "extract"], 1),
  byArray(["kdf", "expand"], 0, 5),
  byArray(["aead", "seal"], 0),
  byArray(["aead", "open"], 3, 3),
  byArray(["hpke", "deriveKeyPair"], 0, 7),
  byArray(["hpke", "seal"], 1),
  byArray(["hpke", "open"], 1, 2),
  byArray(["hpke", "receiveExport"], 3),
  byArray(["signature", "sign"], 1),
  byArray(["signature", "verify"], 1, 2),
  late(["hash", "hash"]),
  late(["hash", "mac"]),
  late(["kdf", "expand"]),
  late(["aead", "seal"], 3),
  late(["aead", "open"]),
  late(["hpke", "seal"]),
  late(["hpke", "open"], 2),
  late(["hpke", "sendExport"]),
  late(["hpke", "deriveKeyPair"]),
  late(["hpke", "importPrivateKey"], 7),
  late(["signature", "sign"]),
  late(["signature", "verify"], 2),
  lateList(["hash", "hashAll"]),
  lateList(["signature", "verifyAll"]),
];
