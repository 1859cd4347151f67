// RFC 9420 §8.5: the exporter of an epoch.
import { type Bytes, moveSecrets } from "../bytes.js";
import { mlsExporter } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import type { Epoch } from "./epoch.js";

/** A secret of `length` bytes that only the members of the epoch know. @throws MlsError `usage`, CryptoError */
export async function exportFrom(
  provider: CipherSuiteProvider,
  { secrets }: Epoch,
  label: string,
  context: Uint8Array,
  length: number,
): Promise<Bytes> {
  if (!Number.isSafeInteger(length) || length < 0 || length > 0xffff) {
    throw new MlsError("usage", `expected a length of 0 to 65535 bytes, got ${length}`);
  }
  // A copy, because a provider may answer with memory that threads share.
  const secret = await mlsExporter(provider, secrets.exporterSecret, label, context, length);
  return moveSecrets([secret])[0] as Bytes;
}
