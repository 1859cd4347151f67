// RFC 9420 §5.1: random bytes of the platform's source, or of the application's.
import { CryptoError, UnsupportedError } from "@copse/core/provider";
import { randomBytes } from "@copse/provider-kit";

/** `length` bytes from a cryptographic random source, in memory of their own. */
export type Random = (length: number) => Uint8Array;

interface RandomSource {
  getRandomValues(array: Uint8Array): Uint8Array;
}

const platformSource = (): Partial<RandomSource> | undefined =>
  (globalThis as { readonly crypto?: Partial<RandomSource> }).crypto;

/** The platform's: one function for all providers, as what is made with it may be shared. */
const platformRandom: Random = (length) => {
  const source = platformSource();
  if (typeof source?.getRandomValues !== "function") throw noSource();
  // Not an optional call: if the source were missing, the zeros would pass for random bytes.
  return randomBytes(length, (bytes) => (source as RandomSource).getRandomValues(bytes));
};

/**
 * The source to use: `given` if there is one, and what it gives is checked, else the platform's.
 * @throws UnsupportedError if there is none
 */
export function randomSource(given: Random | undefined): Random {
  if (given === undefined) {
    if (typeof platformSource()?.getRandomValues !== "function") throw noSource();
    return platformRandom;
  }
  const known = checked.get(given);
  if (known !== undefined) return known;
  const random: Random = (length) => {
    const bytes = given(length);
    // Not `instanceof`: the source may come from another realm, as it does in test runners.
    if (!ArrayBuffer.isView(bytes) || bytes.byteLength !== length || bytes.length !== length) {
      throw new CryptoError(`the application's random source: expected ${length} bytes`);
    }
    // Not `slice`, which keeps the type of a subclass and may keep its pool of memory.
    return new Uint8Array(bytes);
  };
  checked.set(given, random);
  return random;
}

const checked = /* @__PURE__ */ new WeakMap<Random, Random>();

function noSource(): UnsupportedError {
  return new UnsupportedError(
    "there is no globalThis.crypto.getRandomValues here: give nobleProvider a random source of your own",
  );
}
