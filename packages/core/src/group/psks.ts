// RFC 9420 §8.4: the pre-shared keys of a commit or a Welcome.
import { wipe } from "../bytes.js";
import { MlsError } from "../errors.js";
import { pskSecret } from "../schedule/index.js";
import { isCustomPsk, type PreSharedKeyID, PSKType } from "../wire/index.js";
import type { GroupConfig } from "./config.js";

function kindOf(id: PreSharedKeyID): string {
  if (isCustomPsk(id)) return `a PSK of type ${id.pskType}`;
  return id.pskType === PSKType.external ? "an external PSK" : `the resumption PSK of epoch ${id.pskEpoch}`;
}

/**
 * `psk_secret` (§8.4) of these keys, in this order: `Nh` bytes. The caller must overwrite it.
 * @throws MlsError `missing` for a key that isn't known here
 */
export async function pskSecretOf(config: GroupConfig, ids: readonly PreSharedKeyID[]): Promise<Uint8Array> {
  const psks: { id: PreSharedKeyID; psk: Uint8Array }[] = [];
  try {
    for (const id of ids) {
      const psk = await config.psk(id);
      if (psk === undefined) {
        throw new MlsError("missing", `${kindOf(id)} isn't known here`);
      }
      // A copy: it is overwritten after use.
      psks.push({ id, psk: psk.slice() });
    }
    return await pskSecret(config.provider, psks);
  } finally {
    wipe(...psks.map(({ psk }) => psk));
  }
}
