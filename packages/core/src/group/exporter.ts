// RFC 9420 §8.5: the exporter of an epoch.
import { type Bytes, copied, moveSecrets } from "../bytes.js";
import { mlsExporter } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import type { GroupState } from "./state.js";

/**
 * The exporter secret of an epoch.
 * @param epoch default: the present one
 * @throws MlsError `future-epoch`, `forgotten`
 */
export function exporterSecretOf({ current, past }: GroupState, epoch?: bigint): Uint8Array {
  const { groupId, epoch: present } = current.groupContext;
  if (epoch === undefined || epoch === present) return current.secrets.exporterSecret;
  const details = { groupId: copied(groupId), epoch };
  if (epoch > present)
    throw new MlsError("future-epoch", `expected an epoch up to ${present}, got ${epoch}`, details);
  const kept = past.find((one) => one.epoch === epoch)?.exporterSecret;
  if (kept !== undefined) return kept;
  const message = `the exporter of epoch ${epoch} is deleted: policy.maxPastExporters says how many are kept`;
  throw new MlsError("forgotten", message, details);
}

/** A secret of `length` bytes that only the members of the epoch know. @throws MlsError `usage`, CryptoError */
export async function exportFrom(
  provider: CipherSuiteProvider,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Promise<Bytes> {
  // Others would become strings, and several of them the same one.
  if (typeof label !== "string") throw new MlsError("usage", `label: expected string, got ${typeof label}`);
  if (!Number.isSafeInteger(length) || length < 0 || length > 0xffff) {
    throw new MlsError("usage", `expected a length of 0 to 65535 bytes, got ${length}`);
  }
  // A copy, because a provider may answer with memory that threads share.
  const secret = await mlsExporter(provider, exporterSecret, label, context, length);
  return moveSecrets([secret])[0] as Bytes;
}
