// RFC 9420 §5.1.2: the signer of a client in its storage: which one it is, and its private key, if the client made it.
import { EMPTY, wipe } from "../../bytes.js";
import { decode, encode, opaque, struct, uint8, uint16 } from "../../codec/index.js";
import { signerOf } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { openRecord, sealRecord } from "../../group/storage/index.js";
import type { CipherSuiteProvider, SignatureKeyPair, Signer } from "../../provider/index.js";
import type { StoredEntry } from "./client-storage.js";

/** Far from the numbers of the other formats. */
const FORMAT = 0xc1;

const SavedSigner = struct({
  format: uint8,
  cipherSuite: uint16,
  publicKey: opaque,
  /** Empty if the application has it. */
  privateKey: opaque,
});

/** The entry of a signer, besides its place. */
export type SignerEntry = Pick<StoredEntry, "value" | "handle">;

/** A signer, and its entry. */
export interface MadeSigner {
  readonly signer: Signer;
  readonly entry: SignerEntry;
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

/** A new signer that the storage keeps. @param handles whether it keeps handles of keys @throws MlsError `key-not-extractable` */
export async function makeSigner(provider: CipherSuiteProvider, handles: boolean): Promise<MadeSigner> {
  const keyPair = await provider.signature.generateKeyPair();
  return { signer: signerOf(provider, keyPair), entry: await entryOf(provider, keyPair, handles) };
}

/**
 * The entry of a signer with a key of a provider: its bytes, or the platform's object.
 * @throws MlsError `key-not-extractable`
 */
export async function entryOf(
  provider: CipherSuiteProvider,
  { publicKey, privateKey }: SignatureKeyPair,
  handles: boolean,
): Promise<SignerEntry> {
  const { signature } = provider;
  const handle = handles ? await signature.exportHandle?.(privateKey) : undefined;
  const bytes = handle === undefined ? await signature.exportPrivateKey(privateKey) : undefined;
  return { value: await recordOf(provider, publicKey, bytes), handle };
}

/**
 * The signer of an entry, whose record is overwritten.
 * @returns `undefined` if the application has the private key
 * @throws MlsError `state` for damaged bytes, or another suite
 */
export async function signerIn(
  provider: CipherSuiteProvider,
  { value, handle }: SignerEntry,
): Promise<Signer | undefined> {
  const { signature } = provider;
  try {
    const { body } = await openRecord(provider, FORMAT, value);
    const { privateKey: bytes, publicKey } = decode(SavedSigner, body);
    if (handle !== undefined && signature.importHandle !== undefined) {
      const privateKey = await signature.importHandle(handle);
      return signerOf(provider, { publicKey: publicKey.slice(), privateKey });
    }
    return bytes.length === 0 ? undefined : signerOf(provider, await signature.importPrivateKey(bytes));
  } finally {
    wipe(value);
  }
}

/** @throws MlsError `missing-signer` */
export function needGiven(signer: Signer | undefined): Signer {
  if (signer !== undefined) return signer;
  const message =
    "expected options.signer: this client was opened with one, whose private key the storage doesn't have";
  throw new MlsError("missing-signer", message);
}
