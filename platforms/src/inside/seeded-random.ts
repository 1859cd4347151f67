// RFC 9420 §16.8: random bytes for an engine that has none, from a seed.
import { nobleProvider } from "@copse/provider-noble";
import { provide } from "./polyfills.js";

const { copsePlatform } = globalThis as unknown as {
  /** From the program that starts the engine: 32 random bytes, in hexadecimal. */
  readonly copsePlatform: { readonly seed: string };
};
const key = Uint8Array.from(copsePlatform.seed.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const { seal } = nobleProvider({ random: () => new Uint8Array() }).suite(3).aead;
const nonce = new Uint8Array(12);
let calls = 0;

/**
 * What ChaCha20 makes of zeros, each call with a nonce of its own. This is for a test: an application has its random
 * bytes from the system, as by react-native-get-random-values.
 */
function getRandomValues(bytes: Uint8Array): Uint8Array {
  new DataView(nonce.buffer).setUint32(0, ++calls);
  const sealed = seal(key, nonce, new Uint8Array(), new Uint8Array(bytes.length)) as Uint8Array;
  bytes.set(sealed.subarray(0, bytes.length));
  return bytes;
}

provide(globalThis, "crypto", "crypto.getRandomValues", { getRandomValues });
