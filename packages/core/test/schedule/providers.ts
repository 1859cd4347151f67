// Providers around another one: one that answers later, one that counts, one that fails.
import type { Awaitable } from "../../src/provider/awaitable.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";

/** Wraps the operations of the parts that message protection uses. */
function wrap(
  provider: CipherSuiteProvider,
  around: <T>(name: string, operation: () => Awaitable<T>) => Awaitable<T>,
): CipherSuiteProvider {
  const { hash, kdf, aead, signature } = provider;
  return {
    ...provider,
    hash: {
      algorithm: hash.algorithm,
      hash: (data) => around("hash", () => hash.hash(data)),
      mac: (key, data) => around("mac", () => hash.mac(key, data)),
    },
    kdf: {
      algorithm: kdf.algorithm,
      extract: (salt, ikm) => around("extract", () => kdf.extract(salt, ikm)),
      expand: (prk, info, length) => around("expand", () => kdf.expand(prk, info, length)),
    },
    aead: {
      algorithm: aead.algorithm,
      seal: (key, nonce, aad, plaintext) => around("seal", () => aead.seal(key, nonce, aad, plaintext)),
      open: (key, nonce, aad, ciphertext) => around("open", () => aead.open(key, nonce, aad, ciphertext)),
    },
    signature: {
      algorithm: signature.algorithm,
      generateKeyPair: () => signature.generateKeyPair(),
      importPrivateKey: (bytes) => signature.importPrivateKey(bytes),
      exportPrivateKey: (key) => signature.exportPrivateKey(key),
      destroyPrivateKey: (key) => signature.destroyPrivateKey(key),
      validatePublicKey: (key) => signature.validatePublicKey(key),
      sign: (key, message) => around("sign", () => signature.sign(key, message)),
      verify: (key, message, sig) => around("verify", () => signature.verify(key, message, sig)),
    },
    random: (length) => provider.random(length),
  };
}

/** Answers asynchronously, out of order, and reads its inputs only then. */
export function later(provider: CipherSuiteProvider): CipherSuiteProvider {
  let calls = 0;
  return wrap(provider, async (_, operation) => {
    for (let turns = (calls++ * 7) % 5; turns >= 0; turns--) await Promise.resolve();
    return operation();
  });
}

/** Counts the calls of each operation. */
export function counting(provider: CipherSuiteProvider) {
  const counts = new Map<string, number>();
  const counted = wrap(provider, (name, operation) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return operation();
  });
  return {
    provider: counted,
    /** The counts since the last call of this. */
    take(): Record<string, number> {
      const taken = Object.fromEntries(counts);
      counts.clear();
      return taken;
    },
  };
}

/** Fails from the call with this number on. */
export function failing(provider: CipherSuiteProvider, from: number): CipherSuiteProvider {
  let calls = 0;
  return wrap(provider, (_, operation) => {
    if (calls++ >= from) throw new Error("the provider is gone");
    return operation();
  });
}
