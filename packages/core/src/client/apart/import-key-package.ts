// RFC 9420 §10: key packages that were made elsewhere.
import { type Bytes, copySecret, equalBytes, needBytes, wipe } from "../../bytes.js";
import { makeKeyPackageRef } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { type ClientConfig, needSigner } from "../../group/index.js";
import { checkKeyPackageAlone, checkOwnLeaf } from "../../group/proposals/index.js";
import type { OwnKeyPackage } from "../../key-package/index.js";
import { OPERATION, type OperationOptions } from "../../operation/index.js";
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

const IMPORTED: OptionShape<ImportedKeyPackage> = { keyPackage: "bytes", initKey: "bytes", leafKey: "bytes" };

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
  options: OperationOptions = {},
): Promise<Bytes> {
  checkOptions(options, OPERATION);
  checkOptions(imported, IMPORTED, "imported");
  needClient(client);
  return client.adopt((config) => opened(config, imported), options);
}

async function opened(config: ClientConfig, imported: ImportedKeyPackage): Promise<OwnKeyPackage> {
  const { provider } = config;
  const keyPackage = readKeyPackage(imported.keyPackage);
  const { initKey, leafNode } = keyPackage;
  const secrets = [needBytes(imported.initKey, "initKey"), needBytes(imported.leafKey, "leafKey")].map(
    copySecret,
  ) as [Uint8Array, Uint8Array];
  try {
    checkOwnLeaf(config, leafNode);
    needSigner(config, leafNode);
    await checkKeyPackageAlone(config, keyPackage);
    return {
      keyPackage,
      reference: await makeKeyPackageRef(provider, KeyPackage.encoding(keyPackage)),
      initKey: await importKey(provider.hpke, secrets[0], initKey, "initKey"),
      leafKey: await importKey(provider.hpke, secrets[1], leafNode.encryptionKey, "leafKey"),
    };
  } finally {
    wipe(...secrets);
  }
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
