// RFC 9420 §5.1: what each primitive of a suite costs with a provider, through the common interface.
import type { Awaitable, CipherSuiteProvider } from "@copse/core";
import { hpkeTimes } from "./hpke-floor.js";
import { pace, paceOnce } from "./pace.js";
import type { Price, Primitives } from "./primitive-prices.js";

const SHORT = 64;
const LONG = 32_768;
/** Of a message: what encrypts it may change where it gets longer. */
const LONG_MESSAGE = 1024;
const INFO = 64;
/** Calls that each have an input of their own: of what takes milliseconds, and of what takes less. */
const FEW = 8;
const MANY = 100;
const ROUNDS = 3;

/**
 * Measures every primitive.
 * - Hashes, MACs, AEAD and signatures: a call and its bytes, from a short and a long input.
 * - `verify` and `seal`: with a public key that was used before. `verifyAll` and `sealAll`: one item by itself, with a
 *   public key that is new, as it is in a join or in an encryption to all leaves. If a provider computes a batch in
 *   several threads, the time of the operation can be below its floor.
 * @param milliseconds how long to measure each, roughly
 */
export async function measurePrimitives(
  provider: string,
  crypto: CipherSuiteProvider,
  milliseconds: number,
): Promise<Primitives> {
  const list = new PriceList(crypto, milliseconds);
  await priceHashing(list);
  await priceAead(list);
  const keygen = await priceSignatures(list);
  const count = keygen > 2 ? FEW : MANY;
  await priceVerifyAll(list, count);
  const hpke = await priceHpke(list, provider, count);
  await pricePrivateKeys(list);
  return { provider, suite: crypto.suite.id, prices: list.prices, rounds: 1, hpke };
}

/** The prices of a suite's primitives, and the ways to measure one. */
class PriceList {
  readonly prices: Record<string, Price> = {};
  readonly crypto: CipherSuiteProvider;
  readonly milliseconds: number;
  readonly short: Uint8Array;
  readonly long: Uint8Array;

  readonly random = (length: number): Uint8Array => this.crypto.random(length);

  constructor(crypto: CipherSuiteProvider, milliseconds: number) {
    this.crypto = crypto;
    this.milliseconds = milliseconds;
    this.short = this.random(SHORT);
    this.long = this.random(LONG);
  }

  /**
   * A call and its bytes.
   * @param overhead bytes that are handed over beside `data`
   * @param most the longer of the two inputs
   */
  async linear(
    name: string,
    overhead: number,
    call: (data: Uint8Array) => Awaitable<unknown>,
    most = this.long,
  ): Promise<void> {
    const { short, milliseconds } = this;
    const low = await pace(() => call(short), milliseconds);
    const high = await pace(() => call(most), milliseconds);
    const byte = Math.max(0, (high - low) / (most.length - SHORT));
    this.prices[name] = { call: Math.max(0, low - byte * (SHORT + overhead)), item: 0, byte };
  }

  /** A call whose inputs have one size. */
  async flat(name: string, call: () => Awaitable<unknown>): Promise<number> {
    const price = await pace(call, this.milliseconds);
    this.prices[name] = { call: price, item: 0, byte: 0 };
    return price;
  }

  /** One item of a batch by itself, each with inputs that are new. */
  async perItem<T>(
    name: string,
    count: number,
    make: () => Promise<T>,
    call: (one: T) => Awaitable<unknown>,
  ): Promise<void> {
    const rounds: T[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const inputs: T[] = [];
      for (let i = 0; i < count; i++) inputs.push(await make());
      rounds.push(inputs);
    }
    this.prices[name] = { call: 0, item: await paceOnce(rounds, call), byte: 0 };
  }
}

async function priceHashing(list: PriceList): Promise<void> {
  const { crypto, random } = list;
  const { hash, kdf, suite } = crypto;
  const { Nh } = suite.hash;
  const secret = random(Nh);
  await list.linear("hash.hash", 0, (data) => hash.hash(data));
  await list.linear("hash.mac", Nh, (data) => hash.mac(secret, data));
  await list.linear("kdf.extract", Nh, (data) => kdf.extract(secret, data));
  await list.linear("kdf.expand", Nh, (data) => kdf.expand(secret, data, Nh));
  await list.flat("random", () => random(Nh));
  if (hash.hashAll) {
    const inputs = Array.from({ length: 256 }, () => random(SHORT));
    const all = (await pace(() => hash.hashAll!(inputs), list.milliseconds)) / inputs.length;
    const { byte } = list.prices["hash.hash"]!;
    list.prices["hash.hashAll"] = { call: 0, item: Math.max(0, all - byte * SHORT), byte };
  }
}

async function priceAead(list: PriceList): Promise<void> {
  const { crypto, random } = list;
  const { aead, suite } = crypto;
  const [key, nonce, aad] = [random(suite.aead.Nk), random(suite.aead.Nn), new Uint8Array(0)];
  const longMessage = random(LONG_MESSAGE);
  const sealed = new Map<Uint8Array, Uint8Array>();
  for (const data of [list.short, longMessage]) sealed.set(data, await aead.seal(key, nonce, aad, data));
  const beside = key.length + nonce.length;
  await list.linear("aead.seal", beside, (data) => aead.seal(key, nonce, aad, data), longMessage);
  await list.linear(
    "aead.open",
    beside,
    (data) => aead.open(key, nonce, aad, sealed.get(data)!),
    longMessage,
  );
}

/** All but batches. Returns what a key pair takes, in milliseconds. */
async function priceSignatures(list: PriceList): Promise<number> {
  const { signature } = list.crypto;
  const { publicKey, privateKey } = await signature.generateKeyPair();
  const keygen = await list.flat("signature.generateKeyPair", () => signature.generateKeyPair());
  await list.flat("signature.validatePublicKey", () => signature.validatePublicKey(publicKey));
  await list.linear("signature.sign", 0, (data) => signature.sign(privateKey, data));
  const signed = new Map<Uint8Array, Uint8Array>();
  for (const data of [list.short, list.long]) signed.set(data, await signature.sign(privateKey, data));
  const overhead = publicKey.length + signed.get(list.short)!.length;
  await list.linear("signature.verify", overhead, (data) =>
    signature.verify(publicKey, data, signed.get(data)!),
  );
  return keygen;
}

/** Of a provider without `verifyAll`: what a call of `verify` takes with a public key that is new. */
async function priceVerifyAll(list: PriceList, count: number): Promise<void> {
  const { crypto, random } = list;
  const { signature } = crypto;
  const make = async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const message = random(256);
    return { publicKey, message, signature: await signature.sign(privateKey, message) };
  };
  await list.perItem("signature.verifyAll", count, make, (one) =>
    signature.verifyAll
      ? signature.verifyAll([one])
      : signature.verify(one.publicKey, one.message, one.signature),
  );
}

/** All but the export and import of private keys. */
async function priceHpke(list: PriceList, provider: string, count: number): Promise<Primitives["hpke"]> {
  const { crypto, milliseconds, random } = list;
  const { hpke, suite } = crypto;
  const { Nh } = suite.hash;
  const { publicKey, privateKey } = await hpke.generateKeyPair();
  const [ikm, info, aad, plaintext] = [random(Nh), random(INFO), new Uint8Array(0), random(Nh)];
  await list.flat("hpke.generateKeyPair", () => hpke.generateKeyPair());
  await list.flat("hpke.deriveKeyPair", () => hpke.deriveKeyPair(ikm));
  await list.flat("hpke.validatePublicKey", () => hpke.validatePublicKey(publicKey));
  await list.flat("hpke.seal", () => hpke.seal(publicKey, info, aad, plaintext));
  const times = await hpkeTimes(provider, crypto, milliseconds);
  list.prices["hpke.open"] = { call: times.open.milliseconds, item: 0, byte: 0 };
  await list.flat("hpke.sendExport", () => hpke.sendExport(publicKey, info, aad, Nh));
  const { kemOutput } = await hpke.sendExport(publicKey, info, aad, Nh);
  await list.flat("hpke.receiveExport", () => hpke.receiveExport(privateKey, kemOutput, info, aad, Nh));
  if (hpke.sealAll) {
    const make = async () => {
      const recipient = await hpke.generateKeyPair();
      return { publicKey: recipient.publicKey, info, aad, plaintext };
    };
    await list.perItem("hpke.sealAll", count, make, (one) => hpke.sealAll!([one]));
  }
  return times;
}

/** Export and import of HPKE keys; nothing where they can't be exported. */
async function pricePrivateKeys(list: PriceList): Promise<void> {
  const { hpke } = list.crypto;
  const { privateKey } = await hpke.generateKeyPair();
  let bytes: Uint8Array;
  try {
    bytes = await hpke.exportPrivateKey(privateKey);
  } catch {
    return;
  }
  await list.flat("hpke.exportPrivateKey", () => hpke.exportPrivateKey(privateKey));
  await list.flat("hpke.importPrivateKey", () => hpke.importPrivateKey(bytes));
}
