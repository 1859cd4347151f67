// RFC 9420 §8.3: the init secret of an external commit.
import { EMPTY, utf8 } from "../../bytes.js";
import type { CipherSuiteProvider } from "../../provider/index.js";

const LABEL = /* @__PURE__ */ utf8("MLS 1.0 external init secret");

/** The new member's side: a fresh init secret of `Nh` bytes, and the `kem_output` for the group. */
export async function sendExternalInit(
  { hpke, suite }: CipherSuiteProvider,
  externalPub: Uint8Array,
): Promise<{ kemOutput: Uint8Array; initSecret: Uint8Array }> {
  const { kemOutput, secret } = await hpke.sendExport(externalPub, EMPTY, LABEL, suite.hash.Nh);
  return { kemOutput, initSecret: secret };
}

/** The members' side: the init secret of `Nh` bytes. @throws CryptoError for an invalid `kem_output` */
export async function receiveExternalInit(
  { hpke, suite }: CipherSuiteProvider,
  externalSecret: Uint8Array,
  kemOutput: Uint8Array,
): Promise<Uint8Array> {
  const { privateKey } = await hpke.deriveKeyPair(externalSecret);
  return hpke.receiveExport(privateKey, kemOutput, EMPTY, LABEL, suite.hash.Nh);
}
