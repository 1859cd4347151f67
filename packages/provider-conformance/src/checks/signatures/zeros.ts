// RFC 9420 §5.1.2: keys and signatures whose numbers begin or end with zeros, as one in 256 does.
import type { SignatureAlgorithm } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { SIGNATURE_ZEROS } from "../../known/zeros.js";
import { equal, hex, is, unless } from "../../tools/assert.js";

interface KnownSignature {
  readonly what: string;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly value: Uint8Array;
}

const known = ({ id }: SignatureAlgorithm): KnownSignature[] =>
  (SIGNATURE_ZEROS[id] ?? []).map((line) => {
    const [what, fields] = line.split(": ") as [string, string];
    const [privateKey, publicKey, message, value] = fields.split(" ").map(hex) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    return { what, privateKey, publicKey, message, value };
  });

const zeroChecks: SuiteChecks = {
  "signature: accepts signatures and keys that begin or end with zeros": async ({ signature, suite }) => {
    for (const { what, publicKey, message, value } of known(suite.signature)) {
      await signature.validatePublicKey(publicKey);
      is(await signature.verify(publicKey, message, value), true, `the answer where ${what}`);
      const answers = await signature.verifyAll?.([{ publicKey, message, signature: value }]);
      if (answers) is(answers[0], true, `the answer of verifyAll where ${what}`);
    }
  },

  "signature: signs with keys, and signatures, that begin or end with zeros": async ({
    signature,
    suite,
  }) => {
    for (const { what, privateKey, publicKey, message, value } of known(suite.signature)) {
      const pair = await unless("unsupported", () => signature.importPrivateKey(privateKey));
      if (pair === undefined) return;
      equal(pair.publicKey, publicKey, `the imported key's public key where ${what}`);
      const exported = await unless("key-not-extractable", () => signature.exportPrivateKey(pair.privateKey));
      if (exported) equal(exported, privateKey, `the private key that is exported where ${what}`);
      const own = await signature.sign(pair.privateKey, message);
      // EdDSA gives one signature; ECDSA does so only with RFC 6979's nonces.
      if (suite.signature.name.startsWith("ed")) equal(own, value, `the signature where ${what}`);
      is(await signature.verify(publicKey, message, own), true, `the answer to an own one where ${what}`);
    }
  },
};

/** The checks for schemes of which such signatures are known. */
export const zerosOfScheme = ({ id }: SignatureAlgorithm): SuiteChecks =>
  id in SIGNATURE_ZEROS ? zeroChecks : {};
