// RFC 9420 §5.1: faults in how calls treat memory, each other and errors.
import { type Fault, fault } from "./fault.js";

export const MEMORY: readonly Fault[] = [
  fault(
    "returns a shared buffer",
    1,
    "memory: outputs are plain Uint8Arrays that share no memory",
    ({ kdf }) => {
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
    },
  ),
  fault(
    "returns Buffers out of a pool",
    1,
    "memory: outputs are plain Uint8Arrays that share no memory",
    ({ hash }) => ({
      hash: { ...hash, mac: async (key, data) => Buffer.from(await hash.mac(key, data)) },
    }),
  ),
  fault("changes its input", 1, "memory: inputs are never changed", ({ aead }) => ({
    aead: {
      ...aead,
      async open(key, nonce, aad, ciphertext) {
        const opened = await aead.open(key, nonce, aad, ciphertext);
        ciphertext.set(opened);
        return opened;
      },
    },
  })),
  fault(
    "takes the whole buffer of a view",
    1,
    "memory: inputs may be views of larger buffers",
    ({ hash }) => ({
      hash: { ...hash, hash: (data) => hash.hash(new Uint8Array(data.buffer)) },
    }),
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
  fault(
    "works in a scratch buffer over an await",
    3,
    "calls: many at once answer as one after the other",
    ({ hash }) => {
      const scratch = new Uint8Array(200);
      return {
        hash: {
          ...hash,
          async hash(data) {
            if (data.length > scratch.length) return hash.hash(data);
            scratch.set(data);
            await Promise.resolve();
            return hash.hash(scratch.slice(0, data.length));
          },
          hashAll: async (data) => Promise.all(data.map((d) => hash.hash(d))),
        },
      };
    },
  ),
  fault(
    "throws the provider's own errors",
    1,
    "errors: bad input ends with a CryptoError and with no other error",
    (s) => ({
      signature: {
        ...s.signature,
        sign(key, message) {
          try {
            return s.signature.sign(key, message);
          } catch {
            throw new TypeError("provider");
          }
        },
      },
    }),
  ),
];
