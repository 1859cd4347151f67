// Project Wycheproof's test vectors, through the interface of RFC 9420 §5.1. The files aren't part of this
// package: whoever has them hands them over as parsed JSON.
import type { CipherSuiteProvider, HpkePrivateKey } from "@copse/core/provider";
import { type Check, check, describe, fail } from "./check.js";
import { EMPTY, errorOf, hex, isCryptoError, toHex } from "./tools/assert.js";
import { exportedSecret } from "./tools/key-schedule.js";
import type { Watch } from "./watch.js";

/** One of Wycheproof's files (`testvectors_v1`), as far as it is read here. */
export interface WycheproofFile {
  readonly algorithm: string;
  readonly testGroups: readonly WycheproofGroup[];
}

/** Tests of one key or one parameter set. */
export interface WycheproofGroup {
  readonly type: string;
  readonly tests: readonly WycheproofTest[];
  readonly curve?: string;
  readonly keySize?: number;
  readonly tagSize?: number;
  readonly sha?: string;
  readonly publicKey?: { readonly curve?: string; readonly pk?: string; readonly uncompressed?: string };
}

/** A test, with the fields that its kind has. */
export type WycheproofTest = Readonly<Record<string, unknown>> & {
  readonly tcId: number;
  readonly result: string;
};

/** What a test should give and what it gave, in words; `undefined` if these are the same. */
type Run = (test: WycheproofTest, group: WycheproofGroup) => Promise<string | undefined>;

/** How a suite runs one of the files. */
interface Runner {
  /** The suite's algorithm that is tested: one run for each is enough. */
  readonly algorithm: string;
  readonly fits: (group: WycheproofGroup) => boolean;
  readonly run: Run;
}

/**
 * The checks of a suite that one of Wycheproof's files gives: one, or none if the suite doesn't have the
 * file's algorithm (or the file's shape isn't one that the interface can run, such as keys in ASN.1).
 *
 * @param fileName for the check's name: `x25519_test.json`
 * @param timeLimit of the check, in milliseconds; without it two minutes
 */
export function wycheproofChecks(
  suite: CipherSuiteProvider,
  fileName: string,
  file: WycheproofFile,
  timeLimit?: number,
): (Check & { readonly algorithm: string })[] {
  const runner = runnerOf(suite, file.algorithm);
  const groups = runner === undefined ? [] : file.testGroups.filter(runner.fits);
  if (runner === undefined || groups.length === 0) return [];
  const name = `wycheproof: ${fileName.replace(/(_test)?\.json$/, "")}, ${runner.algorithm}`;
  const body = (watch: Watch) => runAll((runnerOf(watch.suite(suite), file.algorithm) as Runner).run, groups);
  return [{ ...check(suite.suite.name, name, body, timeLimit), algorithm: runner.algorithm }];
}

/** How many tests an asynchronous provider has in flight. */
const AT_ONCE = 16;

async function runAll(run: Run, groups: readonly WycheproofGroup[]): Promise<void> {
  const tests = groups.flatMap((group) => group.tests.map((test) => ({ test, group })));
  const wrong: string[] = [];
  for (let i = 0; i < tests.length; i += AT_ONCE) {
    await Promise.all(
      tests.slice(i, i + AT_ONCE).map(async ({ test, group }) => {
        let problem: string | undefined;
        const error = await errorOf(async () => {
          problem = await run(test, group);
        });
        const what = error === undefined ? problem : describe(error);
        if (what !== undefined) wrong.push(`tcId ${test.tcId} (${String(test.comment)}): ${what}`);
      }),
    );
  }
  if (wrong.length === 0) return;
  const rest = wrong.length > 5 ? `; and ${wrong.length - 5} more` : "";
  fail(`${wrong.length} of ${tests.length} are wrong: ${wrong.slice(0, 5).join("; ")}${rest}`);
}

const XDH_CURVES: Readonly<Record<number, string>> = { 32: "curve25519", 33: "curve448" };
const ECDH_CURVES: Readonly<Record<number, string>> = { 16: "secp256r1", 17: "secp384r1", 18: "secp521r1" };
const ECDSA_FILES: Readonly<Record<number, readonly [string, string]>> = {
  1027: ["secp256r1", "SHA-256"],
  1283: ["secp384r1", "SHA-384"],
  1539: ["secp521r1", "SHA-512"],
};
const EDDSA_CURVES: Readonly<Record<number, string>> = { 2055: "edwards25519", 2056: "edwards448" };

function runnerOf(suite: CipherSuiteProvider, algorithm: string): Runner | undefined {
  const { hash, aead, kem, signature } = suite.suite;
  switch (algorithm) {
    case `HMAC${hash.name.replace("-", "")}`:
      return { algorithm: hash.name, fits: ({ type }) => type === "MacTest", run: hmac(suite) };
    case `HKDF-${hash.name}`:
      return { algorithm: hash.name, fits: ({ type }) => type === "HkdfTest", run: hkdf(suite) };
    case "AES-GCM":
    case "CHACHA20-POLY1305": {
      const isAes = /^AES-\d+-GCM$/.test(aead.name);
      if (isAes !== (algorithm === "AES-GCM") || !(isAes || aead.name === "ChaCha20Poly1305"))
        return undefined;
      const fits = ({ type, keySize, tagSize }: WycheproofGroup) =>
        type === "AeadTest" && keySize === 8 * aead.Nk && tagSize === 8 * aead.Nt;
      return { algorithm: aead.name, fits, run: sealing(suite) };
    }
    case "XDH": {
      const fits = ({ type, curve }: WycheproofGroup) => type === "XdhComp" && curve === XDH_CURVES[kem.id];
      return { algorithm: kem.name, fits, run: agreement(suite) };
    }
    case "ECDH": {
      const fits = ({ type, curve }: WycheproofGroup) =>
        type === "EcdhEcpointTest" && curve === ECDH_CURVES[kem.id];
      return { algorithm: kem.name, fits, run: agreement(suite) };
    }
    case "EDDSA": {
      const fits = ({ type, publicKey }: WycheproofGroup) =>
        type === "EddsaVerify" && publicKey?.curve === EDDSA_CURVES[signature.id];
      return { algorithm: signature.name, fits, run: verifying(suite) };
    }
    case "ECDSA": {
      const [curve, digest] = ECDSA_FILES[signature.id] ?? [];
      const fits = ({ type, publicKey, sha }: WycheproofGroup) =>
        type === "EcdsaVerify" && curve !== undefined && publicKey?.curve === curve && sha === digest;
      return { algorithm: signature.name, fits, run: verifying(suite) };
    }
    default:
      return undefined;
  }
}

const field = (test: WycheproofTest, name: string): Uint8Array => hex(String(test[name]));

/** What a call answers; `undefined` if it refuses. Any error but a CryptoError goes on. */
async function attempt<T>(call: () => T | Promise<T>): Promise<T | undefined> {
  let answer: T | undefined;
  const error = await errorOf(async () => {
    answer = await call();
  });
  if (error !== undefined && !isCryptoError(error)) throw error;
  return answer;
}

/** Compares what came with what should have; `undefined` stands for a refusal. */
function compare(what: string, got: unknown, wanted: unknown): string | undefined {
  if (got === wanted) return undefined;
  return `${what} ${got === undefined ? "was refused" : `gave ${String(got)}`}, not ${wanted === undefined ? "refused" : String(wanted)}`;
}

const hmac =
  ({ hash }: CipherSuiteProvider): Run =>
  async (test, group) => {
    const mac = toHex(await hash.mac(field(test, "key"), field(test, "msg")));
    const tag = String(test.tag);
    const fits = mac.startsWith(tag) && tag.length * 4 === group.tagSize;
    return compare("comparing the MAC", fits, test.result === "valid");
  };

const hkdf =
  ({ kdf }: CipherSuiteProvider): Run =>
  async (test) => {
    const prk = await kdf.extract(field(test, "salt"), field(test, "ikm"));
    const okm = await attempt(() => kdf.expand(prk, field(test, "info"), Number(test.size)));
    return compare("expand", okm && toHex(okm), test.result === "valid" ? test.okm : undefined);
  };

const sealing =
  ({ aead }: CipherSuiteProvider): Run =>
  async (test) => {
    const inputs = [field(test, "key"), field(test, "iv"), field(test, "aad")] as const;
    const ciphertext = `${String(test.ct)}${String(test.tag)}`;
    const opened = await attempt(() => aead.open(...inputs, hex(ciphertext)));
    // Other sizes of nonce are valid for AES-GCM, but not for RFC 9180.
    const valid = test.result === "valid" && inputs[1].length === aead.algorithm.Nn;
    const problem = compare("open", opened && toHex(opened), valid ? test.msg : undefined);
    if (problem !== undefined || !valid) return problem;
    return compare("seal", toHex(await aead.seal(...inputs, field(test, "msg"))), ciphertext);
  };

/** The shared secret isn't given out; but HPKE's exported secret is right only if it is. */
function agreement(provider: CipherSuiteProvider): Run {
  const { suite, hpke } = provider;
  const isMontgomery = suite.kem.id in XDH_CURVES;
  // Many tests share a private key, and importing one means to compute its public key.
  type Own = { readonly publicKey: Uint8Array; readonly privateKey: HpkePrivateKey };
  const keys = new Map<string, Own | Promise<Own>>();
  const own = (scalar: string): Own | Promise<Own> => {
    let pair = keys.get(scalar);
    if (pair === undefined) {
      pair = hpke.importPrivateKey(hex(scalar));
      keys.set(scalar, pair);
    }
    return pair;
  };

  return async (test) => {
    // Wycheproof writes the NIST curves' scalars as signed integers of any length.
    const scalar = String(test.private)
      .padStart(2 * suite.kem.Nsk, "0")
      .slice(-2 * suite.kem.Nsk);
    const { publicKey, privateKey } = await own(scalar);
    const [peer, shared] = [field(test, "public"), field(test, "shared")];
    const got = await attempt(() => hpke.receiveExport(privateKey, peer, EMPTY, EMPTY, 32));
    const validated = await attempt(async () => {
      await hpke.validatePublicKey(peer);
      return true;
    });
    // RFC 9180 §7.1.4: a shared secret of zero is refused for X25519 and X448, but is fine for a NIST curve.
    const isPoint =
      peer.length === suite.kem.Npk &&
      test.result !== "invalid" &&
      (!isMontgomery || shared.some((byte) => byte !== 0));
    const problem = compare("validatePublicKey", validated, isPoint ? true : undefined);
    if (problem !== undefined) return problem;
    const wanted = isPoint ? await exportedSecret(provider, shared, peer, publicKey, 32) : undefined;
    return compare("receiveExport", got && toHex(got), wanted && toHex(wanted));
  };
}

const verifying =
  ({ signature }: CipherSuiteProvider): Run =>
  async (test, { publicKey }) => {
    const key = hex(publicKey?.pk ?? publicKey?.uncompressed ?? "");
    const fits = await signature.verify(key, field(test, "msg"), field(test, "sig"));
    return compare("verify", fits, test.result === "valid");
  };
