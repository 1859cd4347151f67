// RFC 9420 §7, §10: private HPKE keys in a saved state.
import { equalBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import type { CipherSuiteProvider, HpkePrivateKey } from "../../provider/index.js";

/** A private key as bytes. @throws MlsError `key-not-extractable` if the provider neither exports nor saves it */
export async function saveKey({ hpke }: CipherSuiteProvider, key: HpkePrivateKey): Promise<Uint8Array> {
  return hpke.savePrivateKey === undefined ? hpke.exportPrivateKey(key) : hpke.savePrivateKey(key);
}

/**
 * The key that {@link saveKey} saved.
 * @param publicKey the expected public key, checked if the provider imports keys
 * @throws CryptoError, MlsError `state`
 */
export async function loadKey(
  { hpke }: CipherSuiteProvider,
  saved: Uint8Array,
  publicKey: Uint8Array | undefined,
): Promise<HpkePrivateKey> {
  if (hpke.loadPrivateKey !== undefined) return hpke.loadPrivateKey(saved);
  const pair = await hpke.importPrivateKey(saved);
  if (publicKey !== undefined && !equalBytes(pair.publicKey, publicKey)) {
    throw new MlsError("state", "a private key in the saved state doesn't match its public key");
  }
  return pair.privateKey;
}
