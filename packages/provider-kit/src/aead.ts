// RFC 5116 §2.1, §2.2: checks of what an AEAD is given.
import { type AeadAlgorithm, CryptoError } from "@copse/core/provider";
import { expectLength } from "./bytes.js";

/** @throws CryptoError unless key and nonce have the algorithm's sizes */
export function checkSealInputs({ Nk, Nn, name }: AeadAlgorithm, key: Uint8Array, nonce: Uint8Array): void {
  expectLength(key, Nk, `${name} key`);
  expectLength(nonce, Nn, `${name} nonce`);
}

/** @throws CryptoError unless key and nonce have the algorithm's sizes and the ciphertext has room for its tag */
export function checkOpenInputs(
  algorithm: AeadAlgorithm,
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
): void {
  checkSealInputs(algorithm, key, nonce);
  const { Nt, name } = algorithm;
  if (ciphertext.length < Nt) {
    throw new CryptoError(`${name}: expected a ciphertext of at least ${Nt} bytes, got ${ciphertext.length}`);
  }
}
