// RFC 9420 §10: key packages with their private keys as bytes, in a format of this library.
import { type Bytes, wipe } from "../../bytes.js";
import { decode, encode, opaque, struct, uint8, uint16, uint64, vector } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import type { KeptKeyPackage } from "../../key-package/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import { readKeyPackage, writeKeyPackage } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { checkOwnLeaf } from "../proposals/index.js";
import { publicBytes } from "./fields.js";
import { loading, openRecord, sealRecord } from "./record.js";
import { inTurn, keyLoader, saving } from "./stored-key.js";

/** The number of this format. Far from those of groups, so that the one is never taken for the other. */
export const SAVED_KEY_PACKAGES = 0x82;

/** The format of `Client.saveKeyPackages`. */
export const SavedKeyPackages = struct({
  format: uint8,
  cipherSuite: uint16,
  keyPackages: vector(
    struct({
      keyPackage: opaque,
      reference: publicBytes,
      initKey: opaque,
      leafKey: opaque,
      joined: vector(struct({ groupId: publicBytes, epoch: uint64 })),
    }),
  ),
});

/** @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys */
export async function saveKeyPackages(
  provider: CipherSuiteProvider,
  own: Iterable<KeptKeyPackage>,
): Promise<Bytes> {
  const body = await saving(provider, async (save) => {
    const keyPackages = await inTurn(own, async (one) => ({
      ...one,
      keyPackage: writeKeyPackage(one.keyPackage),
      initKey: await save.key(one.initKey),
      leafKey: await save.key(one.leafKey),
    }));
    return encode(SavedKeyPackages, {
      format: SAVED_KEY_PACKAGES,
      cipherSuite: provider.suite.id,
      keyPackages,
    });
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
    const loadKey = keyLoader(provider);
    const loaded: KeptKeyPackage[] = [];
    for (const saved of keyPackages) {
      const keyPackage = readKeyPackage(saved.keyPackage);
      checkOwnLeaf(config, keyPackage.leafNode);
      try {
        loaded.push({
          ...saved,
          keyPackage,
          initKey: await loadKey(saved.initKey),
          leafKey: await loadKey(saved.leafKey),
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
