// RFC 9420 §5.1, the interface's rule on errors: bad input is a CryptoError, and nothing else is.

import { UnsupportedError } from "@copse/core/provider";
import { describe, fail, type SuiteChecks } from "../../check.js";
import { ascii, EMPTY, errorOf, filled, isCryptoError, pattern } from "../../tools/assert.js";

export const errorChecks: SuiteChecks = {
  "errors: bad input ends with a CryptoError and with no other error": async ({
    suite,
    kdf,
    aead,
    hpke,
    signature,
  }) => {
    const { Nk, Nn, Nt } = suite.aead;
    const [key, nonce] = [pattern(Nk), pattern(Nn)];
    const own = await hpke.generateKeyPair();
    const { kemOutput } = await hpke.seal(own.publicKey, EMPTY, EMPTY, ascii("a"));
    const noKey = EMPTY;
    const request = { publicKey: noKey, info: EMPTY, aad: EMPTY, plaintext: EMPTY };
    const calls: Readonly<Record<string, () => unknown>> = {
      "kdf.expand": () => kdf.expand(filled(suite.hash.Nh, 1), EMPTY, 255 * suite.hash.Nh + 1),
      "aead.seal": () => aead.seal(EMPTY, nonce, EMPTY, EMPTY),
      "aead.open with no tag": () => aead.open(key, nonce, EMPTY, EMPTY),
      "aead.open with a bad tag": () => aead.open(key, nonce, EMPTY, filled(Nt + 5, 1)),
      "hpke.validatePublicKey": () => hpke.validatePublicKey(noKey),
      "hpke.importPrivateKey": () => hpke.importPrivateKey(EMPTY),
      "hpke.exportPrivateKey": () => hpke.exportPrivateKey({} as typeof own.privateKey),
      "hpke.seal": () => hpke.seal(noKey, EMPTY, EMPTY, EMPTY),
      "hpke.sealAll": () => (hpke.sealAll ? hpke.sealAll([request]) : hpke.seal(noKey, EMPTY, EMPTY, EMPTY)),
      "hpke.open with a bad KEM output": () => hpke.open(own.privateKey, noKey, EMPTY, EMPTY, filled(Nt, 1)),
      "hpke.open with a bad ciphertext": () => hpke.open(own.privateKey, kemOutput, EMPTY, EMPTY, EMPTY),
      "hpke.sendExport": () => hpke.sendExport(noKey, EMPTY, EMPTY, 8),
      "hpke.receiveExport": () => hpke.receiveExport(own.privateKey, noKey, EMPTY, EMPTY, 8),
      "signature.importPrivateKey": () => signature.importPrivateKey(EMPTY),
      "signature.validatePublicKey": () => signature.validatePublicKey(EMPTY),
      "signature.sign": () => signature.sign({} as Parameters<typeof signature.sign>[0], EMPTY),
    };
    // Who imports nothing says so whatever the bytes are.
    const imports = ["hpke.importPrivateKey", "signature.importPrivateKey"];
    for (const [what, call] of Object.entries(calls)) {
      const error = await errorOf(call);
      if (imports.includes(what) && error instanceof UnsupportedError) continue;
      if (error === undefined) fail(`${what}: was not refused`);
      if (!isCryptoError(error)) fail(`${what}: not a CryptoError, but ${describe(error)}`);
    }
  },
};
