// RFC 9420 §5.1.2: the signer of a client in its storage: which one it is, and its private key, if the client made it.
import { EMPTY, wipe } from "../../bytes.js";
import { decode, encode, opaque, struct, uint8, uint16 } from "../../codec/index.js";
import { signerOf } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { openRecord, sealRecord } from "../../group/storage/index.js";
import type { CipherSuiteProvider, Signer } from "../../provider/index.js";

/** Far from the numbers of the other formats. */
const FORMAT = 0xc1;

const SavedSigner = struct({
  format: uint8,
  cipherSuite: uint16,
  publicKey: opaque,
  /** Empty if the application has it. */
  privateKey: opaque,
});

/** A signer, and its record. */
export interface MadeSigner {
  readonly signer: Signer;
  readonly record: Uint8Array;
}

/** The suite in a record, as it is before it is known to be undamaged. */
export function suiteOf([, high = 0, low = 0]: Uint8Array): number {
  return (high << 8) | low;
}

/** @param privateKey is overwritten */
export async function recordOf(
  provider: CipherSuiteProvider,
  publicKey: Uint8Array,
  privateKey: Uint8Array = EMPTY,
): Promise<Uint8Array> {
  const saved = { format: FORMAT, cipherSuite: provider.suite.id, publicKey, privateKey };
  const body = encode(SavedSigner, saved);
  wipe(privateKey);
  return (await sealRecord(provider, body)).bytes;
}

/** A new signer that the storage keeps. @throws MlsError `key-not-extractable` */
export async function makeSigner(provider: CipherSuiteProvider): Promise<MadeSigner> {
  const keyPair = await provider.signature.generateKeyPair();
  const privateKey = await provider.signature.exportPrivateKey(keyPair.privateKey);
  const record = await recordOf(provider, keyPair.publicKey, privateKey);
  return { signer: signerOf(provider, keyPair), record };
}

/**
 * The signer of a record, which is overwritten.
 * @returns `undefined` if the application has the private key
 * @throws MlsError `state` for damaged bytes, or another suite
 */
export async function signerIn(
  provider: CipherSuiteProvider,
  record: Uint8Array,
): Promise<Signer | undefined> {
  const { body } = await openRecord(provider, FORMAT, record);
  const { privateKey } = decode(SavedSigner, body);
  const keyPair = privateKey.length === 0 ? undefined : await provider.signature.importPrivateKey(privateKey);
  wipe(record);
  return keyPair && signerOf(provider, keyPair);
}

/** @throws MlsError `missing-signer` */
export function needGiven(signer: Signer | undefined): Signer {
  if (signer !== undefined) return signer;
  const message =
    "expected options.signer: this client was opened with one, whose private key the storage doesn't have";
  throw new MlsError("missing-signer", message);
}
