// RFC 9420 §5.1: digests by which messages and records are told apart.
import type { CipherSuiteProvider } from "../provider/index.js";

/** `Nh` bytes, in an array of their own. */
export async function digestOf({ hash }: CipherSuiteProvider, bytes: Uint8Array): Promise<Uint8Array> {
  return (await hash.hash(bytes)).slice();
}
