// RFC 9420 §5.1.2: all providers give one verdict on public keys and signatures, at the edges and around them.
import type { CipherSuiteProvider, SignatureAlgorithm, VerifyRequest } from "@copse/core/provider";
import { signatureVerdicts } from "@copse/provider-conformance";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { vectorProviders } from "@copse/test-support/providers";
import { randomFrom } from "@copse/test-support/random";
import { beforeAll, describe, expect, it } from "vitest";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

interface Named {
  readonly name: string;
  readonly suite: CipherSuiteProvider;
}

/** Every provider that serves a suite; WebCrypto's library curves are another one. */
async function providersOf(id: number): Promise<Named[]> {
  const library = await webCryptoProvider({ forceLibraryCurves: true });
  const all = [...(await vectorProviders()), { ...library, name: "webcrypto with library curves" }];
  return all
    .filter(({ suites }) => suites.some((suite) => suite.id === id))
    .map((provider) => ({ name: provider.name, suite: provider.suite(id) }));
}

/** A provider's verdicts in the order of what it was asked: 1 for yes, 0 for no. */
const bits = (answers: readonly boolean[]) => answers.map(Number).join("");

async function keyVerdicts({ signature }: CipherSuiteProvider, keys: readonly Uint8Array[]): Promise<string> {
  const answers: boolean[] = [];
  for (const key of keys) {
    try {
      await signature.validatePublicKey(key);
      answers.push(true);
    } catch {
      answers.push(false);
    }
  }
  return bits(answers);
}

async function verdicts(
  { signature }: CipherSuiteProvider,
  requests: readonly VerifyRequest[],
): Promise<string> {
  const answers: boolean[] = [];
  for (const { publicKey, message, signature: value } of requests)
    answers.push(await signature.verify(publicKey, message, value));
  return bits(answers);
}

/** The first input on which two providers differ, in words; `undefined` if they don't. */
function difference(
  [first, ...others]: readonly { readonly name: string; readonly said: string }[],
  input: (i: number) => string,
): string | undefined {
  for (const other of others) {
    const at = [...other.said].findIndex((bit, i) => bit !== first?.said[i]);
    if (at >= 0)
      return `${first?.name} says ${first?.said[at]}, ${other.name} ${other.said[at]}: ${input(at)}`;
  }
  return undefined;
}

const below = randomFrom(0x5eed);
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;

/** Changes bytes in one of the ways that matter at the edges. */
function changed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length === 0) return Uint8Array.of(below(256));
  const at = pick([0, copy.length - 1, copy.length >> 1, (copy.length >> 1) - 1, below(copy.length)]);
  switch (below(6)) {
    case 0:
      return copy.slice(0, -1);
    case 1:
      return Uint8Array.of(...copy, below(2) * 255);
    case 2:
      copy[at] = pick([0, 1, 0x7f, 0x80, 0xff]);
      return copy;
    case 3:
      copy[at] = ((copy[at] as number) + pick([1, -1])) & 0xff;
      return copy;
    default:
      copy[at] = (copy[at] as number) ^ (1 << below(8));
      return copy;
  }
}

/** Public keys: the known ones, changed ones, and random ones, half of which are no points where any y may be one. */
function keysOf(algorithm: SignatureAlgorithm, count: number): Uint8Array[] {
  const known = signatureVerdicts(algorithm).map(({ publicKey }) => publicKey);
  const random = () => Uint8Array.from({ length: algorithm.Npk }, () => below(256));
  const more = Array.from({ length: count }, () => (below(3) === 0 ? random() : changed(pick(known))));
  return [...known, ...more];
}

/** Signatures: the known ones, honest ones, and parts of all of these put together anew, some of them changed. */
async function requestsOf(suite: CipherSuiteProvider, count: number): Promise<VerifyRequest[]> {
  const { signature, suite: definition } = suite;
  const known: VerifyRequest[] = signatureVerdicts(definition.signature).flatMap(({ publicKey, signed }) =>
    signed ? [{ publicKey, ...signed }] : [],
  );
  for (let i = 0; i < 16; i++) {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const message = Uint8Array.of(i);
    known.push({ publicKey, message, signature: await signature.sign(privateKey, message) });
  }
  const halves = (value: Uint8Array) => [value.slice(0, value.length >> 1), value.slice(value.length >> 1)];
  const more = Array.from({ length: count }, (): VerifyRequest => {
    const [one, other] = [pick(known), pick(known)];
    switch (below(5)) {
      case 0:
        return { ...one, signature: changed(one.signature) };
      case 1:
        return { ...one, publicKey: changed(one.publicKey) };
      case 2:
        return { ...one, publicKey: other.publicKey };
      case 3:
        return { ...one, message: other.message };
      default: {
        const [R] = halves(one.signature) as [Uint8Array];
        const [, S] = halves(other.signature) as [Uint8Array, Uint8Array];
        return { ...one, signature: Uint8Array.of(...R, ...S) };
      }
    }
  });
  return [...known, ...more];
}

/** How many keys and signatures are made for each scheme: fewer where verification in JavaScript is slow. */
describe.each([
  ["Ed25519", 1, 2000, 2000],
  ["Ed448", 4, 600, 500],
  ["ECDSA over P-256", 2, 800, 1000],
  ["ECDSA over P-384", 7, 400, 400],
  ["ECDSA over P-521", 5, 400, 300],
] as const)("%s: all providers give one verdict", (_, id, keyCount, count) => {
  let all: Named[];

  beforeAll(async () => {
    all = await providersOf(id);
    expect(all.length).toBeGreaterThanOrEqual(2);
  });

  it("on each public key", async () => {
    const keys = keysOf(all[0]!.suite.suite.signature, keyCount);
    const answers = [];
    for (const { name, suite } of all) answers.push({ name, said: await keyVerdicts(suite, keys) });
    expect(difference(answers, (i) => hex(keys[i]!))).toBeUndefined();
    const taken = [...answers[0]!.said].filter((bit) => bit === "1").length;
    expect(taken).toBeGreaterThan(10);
    expect(taken).toBeLessThan(keys.length);
  });

  it("on each signature, alone and in a batch", { timeout: 120_000 }, async () => {
    const requests = await requestsOf(all[0]!.suite, count);
    const answers = [];
    for (const { name, suite } of all) {
      answers.push({ name, said: await verdicts(suite, requests) });
      const batch = await suite.signature.verifyAll?.(requests);
      if (batch) answers.push({ name: `${name} in a batch`, said: bits(batch) });
    }
    const input = (i: number) =>
      [requests[i]!.publicKey, requests[i]!.message, requests[i]!.signature].map(hex).join(" ");
    expect(difference(answers, input)).toBeUndefined();
    const taken = [...answers[0]!.said].filter((bit) => bit === "1").length;
    expect(taken).toBeGreaterThan(16);
    expect(taken).toBeLessThan(requests.length);
  });
});
