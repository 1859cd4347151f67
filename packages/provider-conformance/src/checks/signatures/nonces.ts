// RFC 6979, RFC 8032: each signature has a nonce of its own. Whoever uses one twice, or a short one, gives the key away.
import type { CipherSuiteProvider, SignatureAlgorithm, SignatureKeyPair } from "@copse/core/provider";
import { fail, type SuiteChecks, skip } from "../../check.js";
import { concat, EMPTY, filled, hex, holds, toHex, unless } from "../../tools/assert.js";
import { roundsOf } from "../../tools/cost.js";
import { ECDSA_CURVES, type NistCurve } from "../../tools/curves.js";
import { readSignature, toBigInt } from "../../tools/der.js";

/** At least so many signatures, and more if they are quick. */
const ROUNDS = { budget: 2000, least: 128, most: 1100 };

const numbered = (i: number): Uint8Array => Uint8Array.of(i >> 8, i);

/** What of a signature depends on the nonce alone: ECDSA's r, EdDSA's R. */
function commitmentOf(scheme: SignatureAlgorithm, value: Uint8Array): string {
  if (!(scheme.id in ECDSA_CURVES)) return toHex(value.subarray(0, scheme.Npk));
  const read = readSignature(value) ?? fail(`${toHex(value)} is no ECDSA-Sig-Value in DER`);
  return read.r.toString(16);
}

/** The inverse modulo a prime. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [((value % modulus) + modulus) % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, y] = [b % a, a, y - quotient * x, x];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** A key pair with its private key in bytes; `undefined` if none can be had. */
async function knownKey({ signature }: CipherSuiteProvider, size: number) {
  const own = await signature.generateKeyPair();
  const exported = await unless("key-not-extractable", () => signature.exportPrivateKey(own.privateKey));
  if (exported) return { pair: own, bytes: exported };
  const bytes = concat(Uint8Array.of(0), filled(size - 1, 0x5a));
  const pair = await unless("unsupported", () => signature.importPrivateKey(bytes));
  return pair && { pair, bytes };
}

/** The nonces of a key's signatures, which who has the key can compute: s k = z + r d. */
async function noncesOf(
  { signature, hash }: CipherSuiteProvider,
  { size, order }: NistCurve,
  { pair, bytes }: { readonly pair: SignatureKeyPair; readonly bytes: Uint8Array },
  count: number,
): Promise<bigint[]> {
  const n = toBigInt(hex(order));
  const d = toBigInt(bytes);
  const nonces: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const message = numbered(i);
    const value = readSignature(await signature.sign(pair.privateKey, message)) ?? fail("it isn't DER");
    const z = toBigInt((await hash.hash(message)).subarray(0, size));
    nonces.push((inverse(value.s, n) * (z + value.r * d)) % n);
  }
  return nonces;
}

/** Claims that no bit is the same in all numbers. */
function vary(numbers: readonly bigint[], bits: number, what: string): void {
  for (let bit = 0; bit < bits; bit++) {
    const ones = numbers.filter((number) => (number >> BigInt(bit)) & 1n).length;
    const constant = ones === 0 || ones === numbers.length;
    holds(!constant, `bit ${bit} of ${what} is the same in all ${numbers.length}`);
  }
}

const nonceChecks: SuiteChecks = {
  "signature: no nonce comes twice, among many signatures": async ({ signature, suite }, { effort }) => {
    const keys = [await signature.generateKeyPair(), await signature.generateKeyPair()];
    const seen = new Map<string, number>();
    const once = () => signature.sign((keys[0] as SignatureKeyPair).privateKey, EMPTY);
    const rounds = await roundsOf(once, ROUNDS, effort);
    for (let i = 0; i < rounds; i++) {
      const { privateKey } = keys[i % 5 === 4 ? 1 : 0] as SignatureKeyPair;
      const commitment = commitmentOf(suite.signature, await signature.sign(privateKey, numbered(i)));
      const before = seen.get(commitment);
      holds(before === undefined, `signature ${i} has the nonce of signature ${before}`);
      seen.set(commitment, i);
    }
    // Two keys must not have the same nonce for one message either.
    const [a, b] = [
      await signature.sign(keys[0]!.privateKey, numbered(0)),
      await signature.sign(keys[1]!.privateKey, numbered(0)),
    ];
    const differ = commitmentOf(suite.signature, a) !== commitmentOf(suite.signature, b);
    holds(differ, "two keys sign one message with the same nonce");
  },
};

const biasChecks: SuiteChecks = {
  ...nonceChecks,

  "signature: nonces have no bits that are always the same": async (suite) => {
    const { signature: scheme, hash } = suite.suite;
    const curve = ECDSA_CURVES[scheme.id] as NistCurve;
    if (!scheme.name.endsWith(`sha${8 * hash.Nh}`)) skip("the suite's hash isn't that of the scheme");
    const key = await knownKey(suite, curve.size);
    if (key === undefined) skip("no private key can be had in bytes");
    const order = toBigInt(hex(curve.order));
    const nonces = await noncesOf(suite, curve, key, 80);
    const bits = order.toString(2).length;
    vary(nonces, bits, "the nonce");
    // Whoever insists on a low s signs with the negative of every second nonce.
    const least = nonces.map((nonce) => (nonce > order - nonce ? order - nonce : nonce));
    vary(least, bits - 1, "the nonce, or of its negative if that is smaller,");
    const steps = new Set(nonces.slice(1).map((nonce, i) => nonce - (nonces[i] as bigint)));
    holds(steps.size === nonces.length - 1, "nonces follow each other in equal steps");
  },
};

/** The checks of a scheme's nonces: of ECDSA's and EdDSA's. */
export function noncesOfScheme({ id, name }: SignatureAlgorithm): SuiteChecks {
  if (id in ECDSA_CURVES) return biasChecks;
  return name.startsWith("ed") ? nonceChecks : {};
}
