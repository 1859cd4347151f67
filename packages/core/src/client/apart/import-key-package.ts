// RFC 9420 §10: key packages that were made elsewhere.
import { type Bytes, copied, copySecret, equalBytes, needBytes, wipe } from "../../bytes.js";
import { makeKeyPackageRef } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { type ClientConfig, needSigner } from "../../group/index.js";
import { checkKeyPackageAlone, checkOwnLeaf } from "../../group/proposals/index.js";
import type { OwnKeyPackage } from "../../key-package/index.js";
import { WRITE, type WriteOptions } from "../../operation/index.js";
import { checkOptions, type OptionShape } from "../../option-shapes.js";
import type { HpkePart, HpkePrivateKey } from "../../provider/index.js";
import { KeyPackage, readKeyPackage } from "../../wire/index.js";
import type { Client } from "../client.js";
import { needClient } from "./arguments.js";

/** A key package that was made elsewhere, with its private keys. */
export interface ImportedKeyPackage {
  /** An encoded MLSMessage, or a raw KeyPackage. */
  readonly keyPackage: Uint8Array;
  /** The private key of its `init_key`: `Nsk` bytes of the suite's KEM (`SerializePrivateKey` of RFC 9180). */
  readonly initKey: Uint8Array;
  /** The private key of its leaf node's `encryption_key`: `Nsk` bytes. */
  readonly leafKey: Uint8Array;
}

/** The private keys are copied here, so that the copies can be overwritten. */
const IMPORTED: OptionShape<ImportedKeyPackage> = {
  keyPackage: "bytes",
  initKey: "unknown",
  leafKey: "unknown",
};

/**
 * Takes over a key package (§10) of a client that was made elsewhere, so that the client can open a Welcome for it.
 * @returns its KeyPackageRef (§5.2): `Nh` bytes
 * @throws MlsError `usage` if a private key isn't that of its public key, if the client has the key package already, or
 *   doesn't support what it lists; `missing-signer` for one of another signer; ValidationError, CryptoError, DecodeError
 * @example
 * await importKeyPackage(bob, { keyPackage, initKey, leafKey });
 */
export async function importKeyPackage(
  client: Client,
  imported: ImportedKeyPackage,
  options: WriteOptions<Bytes> = {},
): Promise<Bytes> {
  checkOptions(options, WRITE);
  const { keyPackage, initKey, leafKey } = checkOptions(imported, IMPORTED, "imported");
  needClient(client);
  const given = [needBytes(initKey, "initKey"), needBytes(leafKey, "leafKey")];
  const keys = given.map(copySecret) as [Uint8Array, Uint8Array];
  try {
    return await client.adopt((config) => opened(config, keyPackage, keys), options);
  } finally {
    wipe(...keys);
  }
}

async function opened(
  config: ClientConfig,
  encoded: Uint8Array,
  [initKey, leafKey]: readonly [Uint8Array, Uint8Array],
): Promise<[OwnKeyPackage, () => Bytes]> {
  const { provider } = config;
  const keyPackage = readKeyPackage(encoded);
  const { leafNode } = keyPackage;
  checkOwnLeaf(config, leafNode);
  needSigner(config, leafNode);
  await checkKeyPackageAlone(config, keyPackage);
  const reference = await makeKeyPackageRef(provider, KeyPackage.encoding(keyPackage));
  const own = {
    keyPackage,
    reference,
    initKey: await importKey(provider.hpke, initKey, keyPackage.initKey, "initKey"),
    leafKey: await importKey(provider.hpke, leafKey, leafNode.encryptionKey, "leafKey"),
  };
  return [own, () => copied(reference)];
}

/** Imports the private key of a public one. @throws CryptoError; MlsError `usage` for that of another one */
async function importKey(
  hpke: HpkePart,
  bytes: Uint8Array,
  expected: Uint8Array,
  name: string,
): Promise<HpkePrivateKey> {
  const { publicKey, privateKey } = await hpke.importPrivateKey(bytes);
  if (equalBytes(publicKey, expected)) return privateKey;
  throw new MlsError(
    "usage",
    `expected the private key of the key package's public key as ${name}, got another one`,
  );
}
