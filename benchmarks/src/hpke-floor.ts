// RFC 9180 §4.1, §5.1, §6.1: the primitives that one HPKE encryption and decryption in base mode can't do without.
import type { Awaitable, CipherSuite, CipherSuiteProvider, HpkeSealed } from "@copse/core";
import { now } from "./clock.js";
import { pace } from "./pace.js";
import type { HpkeTime } from "./primitive-prices.js";
import { type RawDh, rawDh } from "./raw-dh.js";
import { median } from "./samples.js";

/** `"HPKE-v1"` and the suite's id, before each label: of the KEM, and of HPKE. */
const KEM_PREFIX = 7 + 5;
const HPKE_PREFIX = 7 + 10;

/** Bytes that HKDF is handed in one encryption: its key schedule and that of the KEM. */
export function hkdfBytes(
  { kem, hash }: CipherSuite,
  info: number,
): { extracts: number[]; expands: number[] } {
  const { Nh } = hash;
  const context = 1 + 2 * Nh;
  const expand = (prefix: number, label: string, length: number) => Nh + 2 + prefix + label.length + length;
  return {
    // psk_id_hash, the extract of nothing, is the same for all calls and needn't be made again.
    extracts: [
      KEM_PREFIX + "eae_prk".length + kem.Nsk,
      HPKE_PREFIX + "info_hash".length + info,
      kem.Nsecret + HPKE_PREFIX + "secret".length,
    ],
    expands: [
      expand(KEM_PREFIX, "shared_secret", kem.Nenc + kem.Npk),
      expand(HPKE_PREFIX, "key", context),
      expand(HPKE_PREFIX, "base_nonce", context),
    ],
  };
}

const ROUNDS = 15;
/** By then the engine has compiled what they need, of the primitives by themselves too. */
const WARM_UP_ROUNDS = 3;

/**
 * HPKE beside its primitives: a fresh key pair and an agreement with a public key that is at hand (seal), or an import
 * of the other's key and an agreement (open), each with three extracts, three expands and an AEAD. Both take turns, so
 * that they are of the same moments, and are compared round by round. How they compare is `undefined` where it isn't known
 * how the provider does Diffie-Hellman.
 * @param milliseconds how long to measure each, roughly
 */
export async function hpkeTimes(
  provider: string,
  crypto: CipherSuiteProvider,
  milliseconds: number,
): Promise<{ seal: HpkeTime; open: HpkeTime }> {
  const { suite, kdf, aead, hpke, random } = crypto;
  const { Nh } = suite.hash;
  const [info, plaintext, empty] = [random(64), random(Nh), new Uint8Array(0)];
  const recipient = await hpke.generateKeyPair();
  const dh = await rawDh(provider, suite.kem);
  const own = await dh?.generate();
  const imported = own && (await dh?.importPublic(own.publicKey));

  const { extracts, expands } = hkdfBytes(suite, info.length);
  const inputs = { extracts: extracts.map(random), expands: expands.map((bytes) => random(bytes - Nh)) };
  const [secret, key, nonce] = [random(Nh), random(suite.aead.Nk), random(suite.aead.Nn)];
  const ciphertext = await aead.seal(key, nonce, empty, plaintext);
  const hkdf = async () => {
    for (const input of inputs.extracts) await kdf.extract(secret, input);
    for (const input of inputs.expands) await kdf.expand(secret, input, Nh);
  };
  const sealParts = async (group: RawDh) => {
    const { privateKey } = await group.generate();
    await group.agree(privateKey, imported);
    await hkdf();
    await aead.seal(key, nonce, empty, plaintext);
  };
  const openParts = async (group: RawDh, point: Uint8Array) => {
    await group.agree(own?.privateKey, await group.importPublic(point));
    await hkdf();
    await aead.open(key, nonce, empty, ciphertext);
  };

  const seal = () => hpke.seal(recipient.publicKey, info, empty, plaintext);
  const one = await pace(seal, milliseconds / 4);
  const calls = Math.max(1, Math.min(100, Math.round(milliseconds / one / ROUNDS)));
  const times = { seal: [], sealParts: [], open: [], openParts: [] } as Record<string, number[]>;
  const take = async (name: string, work: (i: number) => Awaitable<unknown>) => {
    const start = now();
    for (let i = 0; i < calls; i++) await work(i);
    times[name]!.push((now() - start) / calls);
  };
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    // Each is opened once: a kem_output that comes twice may be in a cache.
    const sealed: HpkeSealed[] = [];
    for (let i = 0; i < calls; i++) sealed.push(await seal());
    await take("seal", seal);
    if (dh) await take("sealParts", () => sealParts(dh));
    await take("open", (i) => {
      const { kemOutput, ciphertext } = sealed[i]!;
      return hpke.open(recipient.privateKey, kemOutput, info, empty, ciphertext);
    });
    if (dh) await take("openParts", (i) => openParts(dh, sealed[i]!.kemOutput));
  }
  const time = (name: "seal" | "open"): HpkeTime => {
    const [whole, parts] = [times[name]!, times[`${name}Parts`]!].map((all) => all.slice(WARM_UP_ROUNDS));
    return {
      milliseconds: median(whole!),
      overParts: dh && median(whole!.map((one, round) => one / parts![round]!)),
    };
  };
  return { seal: time("seal"), open: time("open") };
}
