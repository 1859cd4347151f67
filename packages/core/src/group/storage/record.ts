// RFC 9420 §12: the records of which a saved state consists: each ends with a digest of all that comes before it.
import { type Bytes, concat, equalBytes, wipe } from "../../bytes.js";
import { MlsError, type MlsErrorCode } from "../../errors.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import { digestOf } from "../digest.js";

/** A record, and the digest at its end. */
export interface SealedRecord {
  readonly bytes: Bytes;
  /** `Nh` bytes */
  readonly digest: Uint8Array;
}

/** The beginning of each record: the format (uint8) and the cipher suite (uint16). */
const HEAD = 3;

/** Ends a record by its digest, and overwrites `body`. */
export async function sealRecord(provider: CipherSuiteProvider, body: Uint8Array): Promise<SealedRecord> {
  try {
    const digest = await digestOf(provider, body);
    return { bytes: concat(body, digest), digest };
  } finally {
    wipe(body);
  }
}

/**
 * The body of a record, as a view of it.
 * @throws MlsError `state` for another format or suite, and for bytes that were damaged: any changed bit is noticed
 */
export async function openRecord(
  provider: CipherSuiteProvider,
  format: number,
  bytes: Uint8Array,
): Promise<{ body: Uint8Array; digest: Uint8Array }> {
  const body = bytes.subarray(0, Math.max(0, bytes.length - provider.suite.hash.Nh));
  checkHead(provider, format, body);
  const digest = await digestOf(provider, body);
  if (!equalBytes(digest, bytes.subarray(body.length))) {
    throw new MlsError("state", "the saved state is damaged: its digest isn't that of its bytes");
  }
  return { body, digest };
}

/** @throws MlsError `state` for another format or suite */
export function checkHead({ suite: { id } }: CipherSuiteProvider, format: number, bytes: Uint8Array): void {
  if (bytes.length < HEAD) {
    throw new MlsError("state", `expected a saved state, got ${bytes.length} bytes, too few to be one`);
  }
  const [gotFormat, high, low] = bytes as unknown as [number, number, number];
  if (gotFormat !== format) {
    throw new MlsError("state", `expected a saved state of format ${format}, got format ${gotFormat}`);
  }
  if (((high << 8) | low) !== id) {
    throw new MlsError("state", `expected a saved state of suite ${id}, got suite ${(high << 8) | low}`);
  }
}

/** Errors that say already whose fault it is. */
const SAID: ReadonlySet<MlsErrorCode> = new Set([
  "state",
  "missing-signer",
  "try-again",
  "unsupported",
  "usage",
]);

/**
 * Loads a saved state, and says whose fault a failure is: `state` for bytes that aren't what this client saved;
 * `try-again` if what should load them failed, such as a key store: then the state may be in order.
 * @param what names the state in the error
 */
export async function loading<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof MlsError)) {
      throw new MlsError("try-again", `${what} couldn't be loaded now`, { cause });
    }
    if (SAID.has(cause.code)) throw cause;
    throw new MlsError("state", `invalid ${what}`, { cause });
  }
}
