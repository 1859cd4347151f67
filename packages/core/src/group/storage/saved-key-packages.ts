// RFC 9420 §10: key packages with their private keys as bytes, in a format of this library.
import { type Bytes, EMPTY, equalBytes, wipe } from "../../bytes.js";
import { decode, encode, opaque, struct, uint8, uint16, uint64, vector } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import type { KeptKeyPackage } from "../../key-package/index.js";
import type { CipherSuiteProvider, HpkePrivateKey } from "../../provider/index.js";
import { NO_KEY } from "../../tree/index.js";
import { readKeyPackage, writeKeyPackage } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { checkOwnLeaf } from "../proposals/index.js";
import { loading, openRecord, sealRecord } from "./record.js";

/** The number of this format. Far from those of groups, so that the one is never taken for the other. */
export const SAVED_KEY_PACKAGES = 0x82;

/** The format of `Client.saveKeyPackages`. */
export const SavedKeyPackages = struct({
  format: uint8,
  cipherSuite: uint16,
  keyPackages: vector(
    struct({
      keyPackage: opaque,
      reference: opaque,
      initKey: opaque,
      leafKey: opaque,
      joined: vector(struct({ groupId: opaque, epoch: uint64 })),
    }),
  ),
});

/** @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys */
export async function saveKeyPackages(
  provider: CipherSuiteProvider,
  own: Iterable<KeptKeyPackage>,
): Promise<Bytes> {
  const keyPackages = [];
  for (const { keyPackage, reference, initKey, leafKey, joined } of own) {
    keyPackages.push({
      keyPackage: writeKeyPackage(keyPackage),
      reference,
      initKey: await saveKey(provider, initKey),
      leafKey: await saveKey(provider, leafKey),
      joined,
    });
  }
  const body = encode(SavedKeyPackages, {
    format: SAVED_KEY_PACKAGES,
    cipherSuite: provider.suite.id,
    keyPackages,
  });
  return (await sealRecord(provider, body)).bytes;
}

/**
 * Loads what {@link saveKeyPackages} saved, and overwrites the bytes.
 * @throws MlsError `state` for damaged or foreign bytes, `try-again` if the provider can't find the keys now, `usage` if
 *   a leaf lists what the client doesn't support
 */
export async function loadKeyPackages(config: GroupConfig, bytes: Uint8Array): Promise<KeptKeyPackage[]> {
  const { provider } = config;
  const load = async () => {
    const { body } = await openRecord(provider, SAVED_KEY_PACKAGES, bytes);
    const { keyPackages } = decode(SavedKeyPackages, body);
    const loaded: KeptKeyPackage[] = [];
    for (const saved of keyPackages) {
      const keyPackage = readKeyPackage(saved.keyPackage);
      checkOwnLeaf(config, keyPackage.leafNode);
      const { encryptionKey } = keyPackage.leafNode;
      try {
        loaded.push({
          keyPackage,
          reference: saved.reference.slice(),
          initKey: await loadKey(provider, saved.initKey, keyPackage.initKey),
          leafKey: await loadKey(provider, saved.leafKey, encryptionKey),
          joined: saved.joined.map(({ groupId, epoch }) => ({ groupId: groupId.slice(), epoch })),
        });
      } catch (error) {
        // Gone from the key store: the key package was used or deleted since.
        const isGone = error instanceof MlsError && error.code === "state";
        if (provider.hpke.loadPrivateKey === undefined || !isGone) throw error;
      }
    }
    return loaded;
  };
  try {
    return await loading("saved key packages", load);
  } finally {
    wipe(bytes);
  }
}

/** A private key as bytes. @throws MlsError `key-not-extractable` if the provider neither exports nor saves it */
export async function saveKey({ hpke }: CipherSuiteProvider, key: HpkePrivateKey): Promise<Uint8Array> {
  if (key === NO_KEY) return EMPTY;
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
  if (saved.length === 0) return NO_KEY;
  if (hpke.loadPrivateKey !== undefined) return hpke.loadPrivateKey(saved);
  const pair = await hpke.importPrivateKey(saved);
  if (publicKey !== undefined && !equalBytes(pair.publicKey, publicKey)) {
    throw new MlsError("state", "a private key in the saved state doesn't match its public key");
  }
  return pair.privateKey;
}

/** The key that {@link saveKey} saved; none if it has ended since. @throws MlsError `try-again` */
export async function loadIfThere(
  provider: CipherSuiteProvider,
  saved: Uint8Array,
): Promise<HpkePrivateKey[]> {
  try {
    return [await loadKey(provider, saved, undefined)];
  } catch (error) {
    if (error instanceof MlsError && (error.code === "state" || error.code === "crypto")) return [];
    throw error;
  }
}
