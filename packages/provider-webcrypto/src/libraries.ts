// RFC 7748, RFC 8032, RFC 8439: X25519, Ed25519 and ChaCha20-Poly1305 by libraries, where the platform lacks them.
//
// The modules in `library` import nothing of ours but types, and are handed what they need: so a bundler leaves what is
// loaded first in one piece (docs/decisions/libraries-on-demand.md).
import {
  type AeadPart,
  CHACHA20_POLY1305,
  DHKEM_X25519,
  ED25519,
  type SignaturePart,
} from "@copse/core/provider";
import {
  type DhPrimitives,
  expectLength,
  fitsEdwards,
  ownInputs,
  PrivateKeyHandle,
  sha512,
} from "@copse/provider-kit";
import { type RandomSource, randomFrom } from "./bytes.js";
import type { LibraryKey, X25519Functions } from "./library/x25519.js";
import { onDemand } from "./on-demand.js";
import { notExtractable } from "./private-keys.js";
import { validateEd25519, validateX25519 } from "./public-keys.js";

/**
 * X25519 of `@hpke/dhkem-x25519` as a group for the kit's DHKEM, which gives it the provider's KDF. Keys are
 * in memory; they are exported only if `extractable`, so that a policy holds on every platform.
 */
export function libraryX25519(random: RandomSource, extractable: boolean): DhPrimitives<LibraryKey> {
  const { name, Nsk } = DHKEM_X25519;
  const library = onDemand<X25519Functions>(
    name,
    ["importPrivateKey", "exportPrivateKey", "dh", "destroyPrivateKey"],
    async () => (await import("./library/x25519.js")).x25519(),
  );
  return {
    ...library,
    algorithm: DHKEM_X25519,
    generateKeyPair: () => library.importPrivateKey(randomFrom(random, Nsk)),
    async exportPrivateKey(privateKey) {
      if (!extractable) throw notExtractable(name);
      return library.exportPrivateKey(privateKey);
    },
    validatePublicKey: validateX25519,
  };
}

/** Ed25519 of `@noble/curves`, which answers at once when it is loaded. */
export function libraryEd25519(random: RandomSource, extractable: boolean): SignaturePart {
  const kit = { expectLength, fitsEdwards, PrivateKeyHandle, sha512, notExtractable };
  const library = onDemand<Omit<SignaturePart, "algorithm" | "validatePublicKey" | "verifyAll">>(
    ED25519.name,
    ["generateKeyPair", "importPrivateKey", "exportPrivateKey", "destroyPrivateKey", "sign", "verify"],
    async () =>
      (await import("./library/ed25519.js")).ed25519Signature(
        kit,
        (length) => randomFrom(random, length),
        extractable,
      ),
  );
  return { ...ownInputs(library), algorithm: ED25519, validatePublicKey: validateEd25519 };
}

/** ChaCha20-Poly1305 of `@hpke/chacha20poly1305`, in JavaScript. It checks no sizes. */
export function libraryChaCha20Poly1305(): Pick<AeadPart, "seal" | "open"> {
  return onDemand(CHACHA20_POLY1305.name, ["seal", "open"], async () =>
    (await import("./library/chacha20-poly1305.js")).chacha20Poly1305(),
  );
}
