// RFC 9420 §8.4: the pre-shared keys of a commit or a Welcome.
import { copySecret, toHex, wipe } from "../bytes.js";
import { encode } from "../codec/index.js";
import { ensure, MlsError } from "../errors.js";
import { pskSecret } from "../schedule/index.js";
import { isCustomPsk, PreSharedKeyID, PSKType } from "../wire/index.js";
import type { GroupConfig } from "./config.js";

function kindOf(id: PreSharedKeyID): string {
  if (isCustomPsk(id)) return `a PSK of type ${id.pskType}`;
  return id.pskType === PSKType.external ? "an external PSK" : `the resumption PSK of epoch ${id.pskEpoch}`;
}

/** Checks the nonce of a PSK, in a proposal or in a Welcome. @throws ValidationError */
export function checkPskNonce({ pskNonce }: PreSharedKeyID, Nh: number): void {
  ensure(
    pskNonce.length === Nh,
    "12.1.4: psk_nonce must be of length KDF.Nh",
    () => `expected ${Nh} bytes, got ${pskNonce.length}`,
  );
}

/**
 * Checks the `psks` of a Welcome (§8.4): they are those of a commit's PreSharedKey proposals, so what is invalid there
 * (§12.1.4, §12.2) is invalid here.
 * @throws ValidationError
 */
export function checkWelcomePsks(psks: readonly PreSharedKeyID[], Nh: number): void {
  for (const id of psks) checkPskNonce(id, Nh);
  const distinct = new Set(psks.map((id) => toHex(encode(PreSharedKeyID, id))));
  ensure(distinct.size === psks.length, "8.4: the psks of a Welcome must be those of the commit, each once");
}

/**
 * `psk_secret` (§8.4) of these keys, in this order: `Nh` bytes. The caller must overwrite it.
 * @throws MlsError `missing` for a key that isn't known here; `try-again` if the lookup fails
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
      psks.push({ id, psk: copySecret(psk) });
    }
    return await pskSecret(config.provider, psks);
  } finally {
    wipe(...psks.map(({ psk }) => psk));
  }
}
