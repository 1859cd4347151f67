// RFC 9180 §7.3: AES-GCM of the platform or, if short, in JavaScript, and ChaCha20-Poly1305 of the hpke-js family,
// which no platform has.
import { type AeadAlgorithm, type AeadPart, CHACHA20_POLY1305, CryptoError } from "@copse/core/provider";
import { expectLength, guard } from "@copse/provider-kit";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { openGcm, sealGcm } from "./aes-gcm/gcm.js";
import { source } from "./bytes.js";

/**
 * Up to so many bytes, text and additional data together, AES-GCM is faster here than in the platform, which hands
 * each call to another thread and back. In JavaScript it takes 4 µs and 32 ns a byte. The platform takes, with the
 * import of the key, 45 to 60 µs on Node 20 and 24, Deno and Firefox while the machine is quiet and up to 150 while it
 * isn't, 20 to 25 on Bun, and 12 to 20 in Chromium.
 */
export const SHORT = { servers: 2048, browsers: 256 } as const;

/** The one of {@link SHORT} for here. Node and all that imitate it say which Node they are. */
export function shortHere(platform: object = globalThis): number {
  const { process } = platform as { process?: { versions?: { node?: unknown } } };
  return process?.versions?.node === undefined ? SHORT.browsers : SHORT.servers;
}

/** AES-128-GCM and AES-256-GCM. MLS uses each key once, so none is cached. */
export function aesGcm(subtle: SubtleCrypto, algorithm: AeadAlgorithm): AeadPart {
  const { Nt } = algorithm;
  const parameters = (nonce: Uint8Array, aad: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: source(nonce),
    tagLength: 8 * Nt,
    // Some platforms took an empty additionalData for a mistake; leaving it out means the same.
    ...(aad.length > 0 ? { additionalData: source(aad) } : {}),
  });
  return checked(algorithm, {
    async seal(key, nonce, aad, plaintext) {
      const imported = await subtle.importKey("raw", source(key), "AES-GCM", false, ["encrypt"]);
      return new Uint8Array(await subtle.encrypt(parameters(nonce, aad), imported, source(plaintext)));
    },
    async open(key, nonce, aad, ciphertext) {
      const imported = await subtle.importKey("raw", source(key), "AES-GCM", false, ["decrypt"]);
      return new Uint8Array(await subtle.decrypt(parameters(nonce, aad), imported, source(ciphertext)));
    },
  });
}

/** Up to `limit` bytes in JavaScript, at once, the rest by the platform. */
export function fastAesGcm(native: AeadPart, limit = shortHere()): AeadPart {
  const { algorithm } = native;
  const short = checked(algorithm, {
    seal: sealGcm,
    open(key, nonce, aad, ciphertext) {
      const plaintext = openGcm(key, nonce, aad, ciphertext);
      if (plaintext === undefined) throw new CryptoError(`${algorithm.name}: the ciphertext doesn't open`);
      return plaintext;
    },
  });
  const fits = (aad: Uint8Array, text: Uint8Array) => aad.length + text.length <= limit;
  return {
    algorithm,
    seal: (key, nonce, aad, plaintext) =>
      (fits(aad, plaintext) ? short : native).seal(key, nonce, aad, plaintext),
    open: (key, nonce, aad, ciphertext) =>
      (fits(aad, ciphertext) ? short : native).open(key, nonce, aad, ciphertext),
  };
}

/** ChaCha20-Poly1305 of `@hpke/chacha20poly1305`, in JavaScript. */
export function chacha20Poly1305(): AeadPart {
  const aead = new Chacha20Poly1305();
  return checked(CHACHA20_POLY1305, {
    async seal(key, nonce, aad, plaintext) {
      return new Uint8Array(await aead.createEncryptionContext(key).seal(nonce, plaintext, aad));
    },
    async open(key, nonce, aad, ciphertext) {
      return new Uint8Array(await aead.createEncryptionContext(key).open(nonce, ciphertext, aad));
    },
  });
}

/** Checks the sizes, which the implementations below take in other sizes too, and makes errors uniform. */
function checked(algorithm: AeadAlgorithm, aead: Pick<AeadPart, "seal" | "open">): AeadPart {
  const { name, Nk, Nn, Nt } = algorithm;
  const check = (key: Uint8Array, nonce: Uint8Array) => {
    expectLength(key, Nk, `${name}: a key`);
    expectLength(nonce, Nn, `${name}: a nonce`);
  };
  return {
    algorithm,
    seal(key, nonce, aad, plaintext) {
      check(key, nonce);
      return guard(`${name}: the encryption failed`, () => aead.seal(key, nonce, aad, plaintext));
    },
    open(key, nonce, aad, ciphertext) {
      check(key, nonce);
      if (ciphertext.length < Nt) throw new CryptoError(`${name}: the ciphertext is shorter than its tag`);
      return guard(`${name}: the ciphertext doesn't open`, () => aead.open(key, nonce, aad, ciphertext));
    },
  };
}
