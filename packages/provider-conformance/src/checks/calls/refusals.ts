// RFC 9420 §5.1: the one answer of a provider that gives no private key away, and of one that takes none.
import { MlsError, type MlsErrorCode } from "@copse/core/provider";
import { describe, fail, type SuiteChecks, skip } from "../../check.js";
import { pattern } from "../../tools/assert.js";
import { ECDSA_CURVES, KEM_CURVES } from "../../tools/curves.js";

/** What a call answers, or `undefined` if it refuses as it should; other errors fail the check. */
async function answerOr<T>(
  code: MlsErrorCode,
  what: string,
  call: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof MlsError && error.code === code) return undefined;
    return fail(`${what}: expected bytes or the code ${code}, got ${describe(error)}`);
  }
}

/** Bytes that are a private key of every algorithm of RFC 9420 with keys of this length. */
function anyKey(length: number): Uint8Array {
  const bytes = pattern(length, 21);
  bytes[0] = 0;
  return bytes;
}

export const refusalChecks: SuiteChecks = {
  "hpke keys: a refused export is `key-not-extractable`, a refused import `unsupported`": async (suite) => {
    const { hpke } = suite;
    const { id, Nsk } = suite.suite.kem;
    const { privateKey } = await hpke.generateKeyPair();
    const export_ = () =>
      answerOr("key-not-extractable", "exportPrivateKey", () => hpke.exportPrivateKey(privateKey));
    const first = await export_();
    const again = await export_();
    if ((first === undefined) !== (again === undefined)) fail("exportPrivateKey refuses every second time");
    const isKnown = id in KEM_CURVES || id === 32 || id === 33;
    const bytes = first ?? (isKnown ? anyKey(Nsk) : skip("no private key of this KEM is known"));
    const import_ = () => answerOr("unsupported", "importPrivateKey", () => hpke.importPrivateKey(bytes));
    const taken = await import_();
    const retaken = await import_();
    if ((taken === undefined) !== (retaken === undefined)) fail("importPrivateKey refuses every second time");
  },

  "signature keys: a refused export is `key-not-extractable`, a refused import `unsupported`": async (
    suite,
  ) => {
    const { signature } = suite;
    const { id, name, Nsk } = suite.suite.signature;
    const { privateKey } = await signature.generateKeyPair();
    const first = await answerOr("key-not-extractable", "exportPrivateKey", () =>
      signature.exportPrivateKey(privateKey),
    );
    const isKnown = id in ECDSA_CURVES || name.startsWith("ed");
    const bytes = first ?? (isKnown ? anyKey(Nsk) : skip("no private key of this scheme is known"));
    await answerOr("unsupported", "importPrivateKey", () => signature.importPrivateKey(bytes));
  },
};
