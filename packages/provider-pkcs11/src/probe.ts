// PKCS#11 v2.40 §5.5, v3.0 §2.3: tries what a token supports of a curve, because its list of mechanisms may
// name more than it does.
import { type CipherSuiteProvider, equalBytes } from "@copse/core/provider";
import { CKM_ECDH1_DERIVE } from "./cryptoki.js";
import { type Curve, KEM_CURVES, SIGNATURE_CURVES, type Variant } from "./curves.js";
import { TokenError } from "./errors.js";
import { type AgreementWay, hpkeInToken } from "./hpke.js";
import { destroyKey, generateKey, type TokenKey } from "./keys.js";
import { type SigningWay, signatureOf } from "./signing.js";
import type { Token } from "./token.js";

/** Generates a key, signs, and has the suite's own part verify. Undefined if the token can't. */
export async function probeSigning(
  token: Token,
  suite: CipherSuiteProvider,
): Promise<SigningWay | undefined> {
  const { signature } = suite.suite;
  const curve = SIGNATURE_CURVES[signature.id];
  if (curve === undefined || !token.offers(curve.mechanism)) return undefined;
  if (curve.hash !== undefined && curve.hash !== suite.hash.algorithm.name) return undefined;
  for (const variant of curve.variants) {
    const works = await withTrialKey(token, suite, curve, variant, "sign", async (key) => {
      const message = suite.random(16);
      const made = await signatureOf({ inner: suite, token, way: { curve, variant } }, key, message);
      return suite.signature.verify(key.publicKey, message, made);
    });
    if (works) return { curve, variant };
  }
  return undefined;
}

/** Generates a key, and opens with it what the suite's own part has sealed. Undefined if the token can't. */
export async function probeAgreement(
  token: Token,
  suite: CipherSuiteProvider,
): Promise<AgreementWay | undefined> {
  const { kem } = suite.suite;
  const curve = KEM_CURVES[kem.id];
  if (curve === undefined || !token.offers(CKM_ECDH1_DERIVE)) return undefined;
  for (const variant of curve.variants) {
    for (const form of ["raw", "der"] as const) {
      const works = await withTrialKey(token, suite, curve, variant, "derive", async (key) => {
        const { handleOf, part } = hpkeInToken(suite, token, { curve, variant, form });
        const [nothing, message] = [new Uint8Array(0), suite.random(16)];
        const sealed = await suite.hpke.seal(key.publicKey, nothing, nothing, message);
        const { kemOutput, ciphertext } = sealed;
        const opened = await part.open(handleOf(key), kemOutput, nothing, nothing, ciphertext);
        return equalBytes(opened, message);
      });
      if (works) return { curve, variant, form };
    }
  }
  return undefined;
}

/** Whether a trial works with a key that is deleted after it. Throws only if the token is lost or full. */
async function withTrialKey(
  token: Token,
  suite: CipherSuiteProvider,
  curve: Curve,
  variant: Variant,
  use: "sign" | "derive",
  trial: (key: TokenKey) => Promise<boolean> | boolean,
): Promise<boolean> {
  if (!token.offers(variant.generate)) return false;
  // Some tokens make only key pairs that are stored.
  for (const persistent of [false, true]) {
    const id = suite.random(16);
    const request = { curve, variant, use, id, isOwnId: true, label: "copse: probe", persistent };
    let key: TokenKey;
    try {
      key = await generateKey(token, request);
    } catch (error) {
      // One that is full may be able to do it all the same.
      if (error instanceof TokenError && (error.lost || error.full)) throw error;
      continue;
    }
    try {
      return await trial(key);
    } catch (error) {
      if (error instanceof TokenError && error.lost) throw error;
      return false;
    } finally {
      await destroyKey(token, key);
    }
  }
  return false;
}
