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
  toHex,
} from "@copse/core/provider";
import { AEADS, HASHES, HPKE, SIGNATURES } from "./known.js";

/** The steps of the trial, in this order. */
export type ProbeStep = "random" | "hash" | "kdf" | "aead" | "hpke" | "signature";

/** A part of a suite that can be chosen by itself. `hash` includes the KDF. */
export type SuitePart = "hash" | "aead" | "hpke" | "signature";

/** What is tried of a part; of all parts, if none is named. */
export const stepsOf = (part: SuitePart | undefined): readonly ProbeStep[] =>
  part === undefined ? STEP_NAMES : part === "hash" ? ["hash", "kdf"] : [part];

const INFO = /* @__PURE__ */ ascii("info");
const AAD = /* @__PURE__ */ ascii("aad");
const MESSAGE = /* @__PURE__ */ ascii("a message of some length");

/** A wrong answer in a step. */
class Wrong extends Error {}

/** The bytes 0, 1, 2, and so on. */
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

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
    const mac = await hash.mac(AAD, MESSAGE);
    must(mac.length === suite.hash.Nh, "a MAC has the wrong size");
    const known = HASHES[suite.hash.name];
    must(known === undefined || toHex(digest) === known[0], "the digest of a known message is another");
    must(known === undefined || toHex(mac) === known[1], "the MAC of a known message is another");
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
    const known = AEADS[suite.aead.id];
    if (known === undefined) return;
    const again = await aead.seal(counting(suite.aead.Nk), counting(suite.aead.Nn), AAD, MESSAGE);
    must(toHex(again) === known, "the ciphertext of a known message is another");
  },
  async hpke({ hpke, suite }) {
    const ikm = counting(suite.kem.Nsk);
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
    const known = HPKE[suite.id];
    if (known === undefined) return;
    const [kemOutput, ciphertext] = known.map(fromHex) as [Uint8Array, Uint8Array];
    const opened = await hpke.open(derived.privateKey, kemOutput, INFO, AAD, ciphertext);
    must(equalBytes(opened, MESSAGE), "a known ciphertext gives another plaintext");
  },
  async signature({ signature, suite }) {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    await signature.validatePublicKey(publicKey);
    const signed = await signature.sign(privateKey, MESSAGE);
    must(await signature.verify(publicKey, MESSAGE, signed), "a good signature is refused");
    must(!(await signature.verify(publicKey, AAD, signed)), "a signature of another message is taken");
    const known = SIGNATURES[suite.signature.id];
    if (known === undefined) return;
    const [knownKey, knownSignature] = known.map(fromHex) as [Uint8Array, Uint8Array];
    must(await signature.verify(knownKey, MESSAGE, knownSignature), "a known signature is refused");
  },
};

const STEP_NAMES = /* @__PURE__ */ Object.keys(STEPS) as ProbeStep[];

/** Uses a part of a suite once, with damaged input too, and with known answers. @throws what says what is wrong */
export const probe = (suite: CipherSuiteProvider, step: ProbeStep): Awaitable<void> => STEPS[step](suite);

/** The ways in which a suite makes private keys, and exports them. */
const KEYS: readonly {
  readonly what: string;
  readonly part: SuitePart;
  readonly way: (suite: CipherSuiteProvider) => Promise<Uint8Array>;
}[] = [
  { what: "a generated HPKE key", part: "hpke", way: ({ hpke }) => exported(hpke, hpke.generateKeyPair()) },
  {
    what: "a derived HPKE key",
    part: "hpke",
    way: ({ hpke, random, suite }) => exported(hpke, hpke.deriveKeyPair(random(suite.kem.Nsk))),
  },
  {
    what: "a signature key",
    part: "signature",
    way: ({ signature }) => exported(signature, signature.generateKeyPair()),
  },
];

/**
 * Makes private keys in each way that a suite has and tries to export them, which must fail with
 * `key-not-extractable`.
 * @param part the keys of this part alone; of all, if it is left out
 * @returns what happened instead, if anything
 */
export async function probeExtraction(
  suite: CipherSuiteProvider,
  part?: SuitePart,
): Promise<string | undefined> {
  for (const { what, way } of KEYS.filter((one) => part === undefined || one.part === part)) {
    try {
      (await way(suite)).fill(0);
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

/** What is hashed, encrypted and signed. */
const BULK = /* @__PURE__ */ new Uint8Array(1024);

/** The operations of a message and of a commit, once each, by part. */
const EXERCISES: Readonly<Record<SuitePart, (suite: CipherSuiteProvider) => Promise<void>>> = {
  async hash({ suite, hash, kdf }) {
    let secret = await hash.hash(BULK);
    for (let i = 0; i < 16; i++)
      secret = await kdf.expand(await kdf.extract(secret, MESSAGE), INFO, suite.hash.Nh);
  },
  async aead({ suite, aead, random }) {
    const [key, nonce] = [random(suite.aead.Nk), random(suite.aead.Nn)];
    await aead.open(key, nonce, AAD, await aead.seal(key, nonce, AAD, BULK));
  },
  async hpke({ suite, hpke, random }) {
    const pair = await hpke.deriveKeyPair(random(suite.kem.Nsk));
    const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, INFO, AAD, MESSAGE);
    await hpke.open(pair.privateKey, kemOutput, INFO, AAD, ciphertext);
  },
  async signature({ signature }) {
    const signer = await signature.generateKeyPair();
    await signature.verify(signer.publicKey, BULK, await signature.sign(signer.privateKey, BULK));
  },
};

/** The workload that is measured: that of one part, or of all. */
export async function exercise(suite: CipherSuiteProvider, part?: SuitePart): Promise<void> {
  const parts = part === undefined ? Object.values(EXERCISES) : [EXERCISES[part]];
  for (const one of parts) await one(suite);
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
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "an object that isn't an error";
  }
}
