// RFC 9420 §5.1: tries whether a suite works on this platform, and whether it exports private keys.
import {
  type Awaitable,
  ascii,
  type CipherSuiteProvider,
  EMPTY,
  equalBytes,
  type HpkeKeyPair,
  MlsError,
  type SignatureKeyPair,
} from "@copse/core/provider";

/** The steps of the trial, in this order. */
export type ProbeStep = "random" | "hash" | "kdf" | "aead" | "hpke" | "signature";

/** The step that failed. */
export interface ProbeFailure {
  readonly step: ProbeStep;
  readonly detail: string;
}

const INFO = /* @__PURE__ */ ascii("info");
const AAD = /* @__PURE__ */ ascii("aad");
const MESSAGE = /* @__PURE__ */ ascii("a message of some length");

/** A wrong answer in a step. */
class Wrong extends Error {}

function must(holds: boolean, wrong: string): asserts holds {
  if (!holds) throw new Wrong(wrong);
}

const STEPS: Readonly<Record<ProbeStep, (suite: CipherSuiteProvider) => Awaitable<void>>> = {
  random({ random }) {
    const [one, other] = [random(32), random(32)];
    must(one.length === 32 && other.length === 32, "the random source gives another number of bytes");
    must(!equalBytes(one, other), "the random source repeats itself");
  },
  async hash({ hash, suite }) {
    const digest = await hash.hash(MESSAGE);
    must(digest.length === suite.hash.Nh, "a digest has the wrong size");
    must(equalBytes(digest, await hash.hash(MESSAGE)), "a digest isn't the same twice");
    must((await hash.mac(AAD, MESSAGE)).length === suite.hash.Nh, "a MAC has the wrong size");
  },
  async kdf({ hash, kdf, suite }) {
    const { Nh } = suite.hash;
    const prk = await kdf.extract(AAD, MESSAGE);
    must(equalBytes(prk, await hash.mac(AAD, MESSAGE)), "extract isn't HKDF's");
    const okm = await kdf.expand(prk, INFO, Nh + 1);
    const first = await hash.mac(prk, Uint8Array.of(...INFO, 1));
    must(okm.length === Nh + 1 && equalBytes(okm.subarray(0, Nh), first), "expand isn't HKDF's");
  },
  async aead({ aead, suite, random }) {
    const [key, nonce] = [random(suite.aead.Nk), random(suite.aead.Nn)];
    const sealed = await aead.seal(key, nonce, AAD, MESSAGE);
    must(sealed.length === MESSAGE.length + suite.aead.Nt, "a ciphertext has the wrong size");
    must(equalBytes(await aead.open(key, nonce, AAD, sealed), MESSAGE), "opening gives another plaintext");
    sealed[0] = (sealed[0] as number) ^ 1;
    await expectCryptoError(() => aead.open(key, nonce, AAD, sealed), "a changed ciphertext is opened");
  },
  async hpke({ hpke, suite, random }) {
    const ikm = random(suite.kem.Nsk);
    const derived = await hpke.deriveKeyPair(ikm);
    const again = await hpke.deriveKeyPair(ikm);
    must(equalBytes(derived.publicKey, again.publicKey), "a key pair isn't derived the same twice");
    for (const { publicKey, privateKey } of [derived, await hpke.generateKeyPair()]) {
      must(publicKey.length === suite.kem.Npk, "a public key has the wrong size");
      await hpke.validatePublicKey(publicKey);
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, INFO, AAD, MESSAGE);
      const opened = await hpke.open(privateKey, kemOutput, INFO, AAD, ciphertext);
      must(equalBytes(opened, MESSAGE), "opening gives another plaintext");
      const open = () => hpke.open(privateKey, kemOutput, INFO, EMPTY, ciphertext);
      await expectCryptoError(open, "a ciphertext is opened with another aad");
    }
  },
  async signature({ signature }) {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    await signature.validatePublicKey(publicKey);
    const signed = await signature.sign(privateKey, MESSAGE);
    must(await signature.verify(publicKey, MESSAGE, signed), "a good signature is refused");
    must(!(await signature.verify(publicKey, AAD, signed)), "a signature of another message is taken");
  },
};

const STEP_NAMES = /* @__PURE__ */ Object.keys(STEPS) as ProbeStep[];

/** Uses every part of a suite once, with damaged input too. @returns what failed first, if anything. Never throws. */
export async function probeSuite(suite: CipherSuiteProvider): Promise<ProbeFailure | undefined> {
  for (const step of STEP_NAMES) {
    try {
      await STEPS[step](suite);
    } catch (error) {
      return { step, detail: messageOf(error) };
    }
  }
  return undefined;
}

/**
 * Makes private keys in each way that a suite has and tries to export them, which must fail with
 * `key-not-extractable`. @returns what happened instead, if anything. Never throws.
 */
export async function probeExtraction(suite: CipherSuiteProvider): Promise<string | undefined> {
  const { hpke, signature, random } = suite;
  const ways: readonly (readonly [string, () => Awaitable<Uint8Array>])[] = [
    ["a generated HPKE key", () => exported(hpke, hpke.generateKeyPair())],
    ["a derived HPKE key", () => exported(hpke, hpke.deriveKeyPair(random(suite.suite.kem.Nsk)))],
    ["a signature key", () => exported(signature, signature.generateKeyPair())],
  ];
  for (const [what, way] of ways) {
    try {
      (await way()).fill(0);
      return `the bytes of ${what} are exported`;
    } catch (error) {
      if (error instanceof MlsError && error.code === "key-not-extractable") continue;
      return `asked for the bytes of ${what}: ${messageOf(error)}`;
    }
  }
  return undefined;
}

async function exported<Pair extends HpkeKeyPair | SignatureKeyPair>(
  part: { exportPrivateKey(key: Pair["privateKey"]): Awaitable<Uint8Array> },
  made: Awaitable<Pair>,
): Promise<Uint8Array> {
  return part.exportPrivateKey((await made).privateKey);
}

/** The operations of a message and of a commit, once each: the workload that is measured. */
export async function exercise({
  suite,
  hash,
  kdf,
  aead,
  hpke,
  signature,
  random,
}: CipherSuiteProvider): Promise<void> {
  const bulk = new Uint8Array(1024);
  let secret = await hash.hash(bulk);
  for (let i = 0; i < 16; i++)
    secret = await kdf.expand(await kdf.extract(secret, MESSAGE), INFO, suite.hash.Nh);
  const [key, nonce] = [random(suite.aead.Nk), random(suite.aead.Nn)];
  await aead.open(key, nonce, AAD, await aead.seal(key, nonce, AAD, bulk));
  const pair = await hpke.deriveKeyPair(secret);
  const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, INFO, AAD, MESSAGE);
  await hpke.open(pair.privateKey, kemOutput, INFO, AAD, ciphertext);
  const signer = await signature.generateKeyPair();
  await signature.verify(signer.publicKey, bulk, await signature.sign(signer.privateKey, bulk));
}

async function expectCryptoError(call: () => Awaitable<unknown>, wrong: string): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (error instanceof MlsError && error.code === "crypto") return;
    throw new Wrong(`bad input: expected a CryptoError, got: ${messageOf(error)}`);
  }
  throw new Wrong(wrong);
}

/** An error's message. What a provider throws may be any value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
