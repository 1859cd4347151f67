// RFC 7748: X25519 of @hpke/dhkem-x25519.
import type { DhKeyPair } from "@copse/provider-kit";
import { HkdfSha256, X25519 } from "@hpke/dhkem-x25519";

/** The library's keys have the shape of a CryptoKey, and hold their bytes. */
export type LibraryKey = Awaited<ReturnType<X25519["deserializePublicKey"]>>;

/** All keys and secrets have 32 bytes. */
export interface X25519Functions {
  importPrivateKey(bytes: Uint8Array): Promise<DhKeyPair<LibraryKey>>;
  exportPrivateKey(privateKey: LibraryKey): Promise<Uint8Array>;
  dh(privateKey: LibraryKey, publicKey: Uint8Array): Promise<Uint8Array>;
  destroyPrivateKey(privateKey: LibraryKey): void;
}

export function x25519(): X25519Functions {
  const curve = new X25519(new HkdfSha256()); // its KDF is only for DeriveKeyPair, which the kit does here
  // Copies are made by from(): a Buffer's slice() is a view of the same, larger memory.
  return {
    async importPrivateKey(bytes) {
      const privateKey = await curve.deserializePrivateKey(Uint8Array.from(bytes).buffer);
      const publicKey = await curve.serializePublicKey(await curve.derivePublicKey(privateKey));
      return { publicKey: new Uint8Array(publicKey), privateKey };
    },
    async exportPrivateKey(privateKey) {
      return new Uint8Array(await curve.serializePrivateKey(privateKey)).slice();
    },
    async dh(privateKey, publicKey) {
      const imported = await curve.deserializePublicKey(Uint8Array.from(publicKey).buffer);
      return new Uint8Array(await curve.dh(privateKey, imported));
    },
    destroyPrivateKey(privateKey) {
      (privateKey as LibraryKey & { readonly key?: Uint8Array }).key?.fill(0);
    },
  };
}
