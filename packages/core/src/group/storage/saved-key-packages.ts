// RFC 9420 §10: key packages with their private keys as bytes, in a format of this library.
import { equalBytes, wipe } from "../../bytes.js";
import { decode, encode, opaque, struct, uint8, uint16, vector } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import type { OwnKeyPackage } from "../../key-package/index.js";
import type { CipherSuiteProvider, HpkePrivateKey } from "../../provider/index.js";
import { readKeyPackage, writeKeyPackage } from "../../wire/index.js";

const FORMAT = 1;

/** The format of `Client.saveKeyPackages`. */
export const SavedKeyPackages = struct({
  format: uint8,
  cipherSuite: uint16,
  keyPackages: vector(struct({ keyPackage: opaque, reference: opaque, initKey: opaque, leafKey: opaque })),
});

/** @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys */
export async function saveKeyPackages(
  provider: CipherSuiteProvider,
  own: Iterable<OwnKeyPackage>,
): Promise<Uint8Array> {
  const keyPackages = [];
  for (const { keyPackage, reference, initKey, leafKey } of own) {
    keyPackages.push({
      keyPackage: writeKeyPackage(keyPackage),
      reference,
      initKey: await saveKey(provider, initKey),
      leafKey: await saveKey(provider, leafKey),
    });
  }
  return encode(SavedKeyPackages, { format: FORMAT, cipherSuite: provider.suite.id, keyPackages });
}

/** Loads what {@link saveKeyPackages} saved, and overwrites the bytes. @throws MlsError `state` */
export async function loadKeyPackages(
  provider: CipherSuiteProvider,
  bytes: Uint8Array,
): Promise<OwnKeyPackage[]> {
  try {
    const { format, cipherSuite, keyPackages } = decode(SavedKeyPackages, bytes);
    if (format !== FORMAT || cipherSuite !== provider.suite.id) {
      const expected = `format ${FORMAT} and suite ${provider.suite.id}`;
      throw new MlsError("state", `expected ${expected}, got format ${format} and suite ${cipherSuite}`);
    }
    const loaded: OwnKeyPackage[] = [];
    for (const saved of keyPackages) {
      const keyPackage = readKeyPackage(saved.keyPackage);
      loaded.push({
        keyPackage,
        reference: saved.reference.slice(),
        initKey: await loadKey(provider, saved.initKey, keyPackage.initKey),
        leafKey: await loadKey(provider, saved.leafKey, keyPackage.leafNode.encryptionKey),
      });
    }
    return loaded;
  } catch (cause) {
    if (!(cause instanceof MlsError) || cause.code === "state") throw cause;
    throw new MlsError("state", "invalid saved key packages", { cause });
  } finally {
    wipe(bytes);
  }
}

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
