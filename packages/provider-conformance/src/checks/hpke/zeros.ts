// RFC 9180 §4.1, §7.1: keys and shared points that begin or end with zeros, as one in 256 does.
import type { CipherSuiteProvider, HpkeKeyPair, KemAlgorithm } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import { KEM_ZEROS } from "../../known/zeros.js";
import { ascii, EMPTY, equal, hex, pattern, unless } from "../../tools/assert.js";
import { exportedSecret } from "../../tools/key-schedule.js";

/** A known pair of a receiver, and a sender's ephemeral key with the point that they share. */
export interface KnownPoint {
  readonly what: string;
  /** Of the receiver's key pair: that of `pattern(Nsk, seed)`. */
  readonly seed: number;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly kemOutput: Uint8Array;
  readonly dh: Uint8Array;
}

/** The known points of a KEM; none for an unknown one. */
export function knownPoints({ id }: KemAlgorithm): KnownPoint[] {
  return (KEM_ZEROS[id] ?? []).map((line) => {
    const [what, fields] = line.split(": ") as [string, string];
    const [seed, ...rest] = fields.split(" ") as [string, string, string, string, string];
    const [privateKey, publicKey, kemOutput, dh] = rest.map(hex) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    return { what, seed: Number(seed), privateKey, publicKey, kemOutput, dh };
  });
}

/** The receiver's key pair, which every provider can derive. */
export const receiverOf = async ({ hpke }: CipherSuiteProvider, { seed }: KnownPoint): Promise<HpkeKeyPair> =>
  hpke.deriveKeyPair(pattern(hpke.algorithm.Nsk, seed));

/** Whether the KEM's KDF is the suite's, as in all suites of RFC 9420: only then the key schedule is known. */
export const knowsSchedule = ({ suite }: CipherSuiteProvider): boolean => suite.kem.Nsecret === suite.hash.Nh;

const zeroChecks: SuiteChecks = {
  "hpke keys: derives, exports and imports keys that begin or end with zeros": async (suite) => {
    const { hpke } = suite;
    if (!knowsSchedule(suite)) skip("the KEM's KDF isn't the suite's");
    for (const point of knownPoints(suite.suite.kem)) {
      const { what, privateKey, publicKey } = point;
      const pair = await receiverOf(suite, point);
      equal(pair.publicKey, publicKey, `the public key that is derived where ${what}`);
      const exported = await unless("key-not-extractable", () => hpke.exportPrivateKey(pair.privateKey));
      if (exported) equal(exported, privateKey, `the private key that is exported where ${what}`);
      const imported = await unless("unsupported", () => hpke.importPrivateKey(privateKey));
      if (imported) equal(imported.publicKey, publicKey, `the imported key's public key where ${what}`);
      await hpke.validatePublicKey(publicKey);
    }
  },

  "hpke: shared points that begin or end with zeros": async (suite) => {
    const { hpke } = suite;
    if (!knowsSchedule(suite)) skip("the KEM's KDF isn't the suite's");
    for (const point of knownPoints(suite.suite.kem)) {
      const { what, publicKey, kemOutput, dh } = point;
      const { privateKey } = await receiverOf(suite, point);
      const wanted = await exportedSecret(suite, dh, kemOutput, publicKey, 32);
      const got = await hpke.receiveExport(privateKey, kemOutput, EMPTY, EMPTY, 32);
      equal(got, wanted, `what the receiver exports where ${what}`);
      const message = ascii("message");
      const sealed = await hpke.seal(publicKey, EMPTY, EMPTY, message);
      const opened = await hpke.open(privateKey, sealed.kemOutput, EMPTY, EMPTY, sealed.ciphertext);
      equal(opened, message, `what is opened where ${what}`);
    }
  },
};

/** The checks for KEMs of which such keys are known. */
export const zerosOfKem = ({ id }: KemAlgorithm): SuiteChecks => (id in KEM_ZEROS ? zeroChecks : {});
