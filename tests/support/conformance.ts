// RFC 9420 §5.1: a provider's conformance as vitest's tests, one for each check.
import {
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  isPromise,
} from "@copse/core/provider";
import { type ConformanceOptions, checksFor } from "@copse/provider-conformance";
import { describe, expect, it } from "vitest";
import { vectorsRequired, wycheproofFolder } from "./vectors.js";
import { wycheproofFiles } from "./wycheproof.js";

/** Checks that apply to no provider of ours, for want of known answers. */
const NEVER = ["hpke: known answers of RFC 9180"];

/** Checks that need an option. */
const NEEDS_MAKE = [
  "instances: each has random bytes and keys of its own",
  "handles: a key of another instance is refused, or works",
];
const NEEDS_SECOND = ["handles: a key of another provider is refused, or works if the algorithm is the same"];

interface Expectations extends ConformanceOptions {
  /** The names of the checks that may be skipped for this provider, as they don't apply to it. */
  readonly maySkip?: readonly string[];
  /** The suite that goes through all checks in full effort, the others in short. Default: none. */
  readonly full?: number;
  /**
   * The suites that go through all checks here; the others through those with known answers and verdicts. Default: all.
   * `npm run test:platforms` runs all checks in all suites.
   */
  readonly all?: readonly number[];
}

const hasKnownAnswers = (check: string): boolean =>
  /^(suites|algorithms|agreement|verdicts|instances|wycheproof):|known answers|that begin or end with/.test(
    check,
  );

/**
 * What a check is about: a part of a suite by its algorithms, since our providers have one part for each in all suites;
 * else the suite.
 */
function partOf(check: string, { id, hash, aead, kem, signature }: CipherSuite): string {
  const [area = ""] = check.split(":");
  switch (area) {
    case "hash":
    case "mac":
    case "kdf":
      return `${check} ${hash.name}`;
    case "aead":
      return `${check} ${aead.id}`;
    case "signature":
    case "signature keys":
      return `${check} ${signature.id}`;
    case "hpke keys":
      return `${check} ${kem.id}`;
    case "wycheproof":
      return check;
    default:
      return `${check} ${id}`;
  }
}

/** Declares a test for each check, grouped by suite, and for each of Wycheproof's files; once for each part. */
export function conforms(
  provider: CryptoProvider,
  { maySkip = [], full, all, ...options }: Expectations = {},
): void {
  const known = [
    ...NEVER,
    ...maySkip,
    ...(options.make === undefined ? NEEDS_MAKE : []),
    ...(options.second === undefined ? NEEDS_SECOND : []),
  ];
  const wanted = provider.suites.map(({ id }) => id).filter((id) => options.suites?.includes(id) ?? true);
  const others = wanted.filter((id) => id !== full);
  const given = { wycheproof: wycheproofFiles(), ...options };
  // First the one in full effort: of each part the first checks count.
  const checks = [
    ...(full === undefined ? [] : checksFor(provider, { ...given, suites: [full] })),
    ...checksFor(provider, { ...given, suites: others, effort: "short" }),
  ];
  const groups = new Map<string, typeof checks>();
  const seen = new Set<string>();
  for (const check of checks) {
    const suite = provider.suites.find(({ name }) => name === check.suite);
    const part = suite === undefined ? check.name : partOf(check.name, suite);
    if (seen.has(part)) continue;
    const isBrief = suite !== undefined && all !== undefined && !all.includes(suite.id);
    if (isBrief && !hasKnownAnswers(check.name)) continue;
    seen.add(part);
    groups.set(check.suite, [...(groups.get(check.suite) ?? []), check]);
  }
  for (const [suite, group] of groups) {
    describe(`${provider.name}: ${suite}`, () => {
      for (const check of group) {
        it(check.name, async () => {
          const { outcome, detail } = await check.run();
          if (outcome === "skipped") expect(known, detail).toContain(check.name);
        });
      }
    });
  }
  if (wycheproofFolder !== undefined || options.wycheproof !== undefined) return;
  it(`${provider.name} is held to Wycheproof`, ({ skip }) => {
    expect(vectorsRequired, "Wycheproof's files are missing: see test-vectors/README.md").toBe(false);
    skip("Wycheproof's files are missing: see test-vectors/README.md");
  });
}

/** Declares that all of a suite's answers come at once. */
export function checkSynchronous(suite: CipherSuiteProvider): void {
  it(`answers at once: ${suite.suite.name}`, async () => {
    const none = new Uint8Array(0);
    const hpkePair = await suite.hpke.generateKeyPair();
    const signaturePair = await suite.signature.generateKeyPair();
    const sealed = await suite.hpke.seal(hpkePair.publicKey, none, none, none);
    const calls: (() => unknown)[] = [
      () => suite.hash.hash(none),
      () => suite.hash.mac(none, none),
      () => suite.kdf.extract(none, none),
      () => suite.kdf.expand(new Uint8Array(suite.suite.hash.Nh), none, 200),
      () => suite.aead.seal(new Uint8Array(suite.suite.aead.Nk), new Uint8Array(12), none, none),
      () => suite.hpke.generateKeyPair(),
      () => suite.hpke.deriveKeyPair(new Uint8Array(suite.suite.hash.Nh)),
      () => suite.hpke.seal(hpkePair.publicKey, none, none, none),
      () => suite.hpke.open(hpkePair.privateKey, sealed.kemOutput, none, none, sealed.ciphertext),
      () => suite.hpke.sendExport(hpkePair.publicKey, none, none, 8),
      () => suite.hpke.validatePublicKey(hpkePair.publicKey),
      () => suite.signature.sign(signaturePair.privateKey, none),
      () => suite.signature.verify(signaturePair.publicKey, none, none),
    ];
    for (const call of calls) expect(isPromise(call()), String(call)).toBe(false);
  });
}
