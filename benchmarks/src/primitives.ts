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
  const { hash, kdf, aead, hpke, signature, suite } = crypto;
  const prices: Record<string, Price> = {};
  const random = (length: number) => crypto.random(length);
  const [short, long, longMessage] = [random(SHORT), random(LONG), random(LONG_MESSAGE)];

  /**
   * @param overhead bytes that are handed over beside `data`
   * @param most the longer of the two inputs
   */
  const linear = async (
    name: string,
    overhead: number,
    call: (data: Uint8Array) => Awaitable<unknown>,
    most = long,
  ) => {
    const [low, high] = [
      await pace(() => call(short), milliseconds),
      await pace(() => call(most), milliseconds),
    ];
    const byte = Math.max(0, (high - low) / (most.length - SHORT));
    prices[name] = { call: Math.max(0, low - byte * (SHORT + overhead)), item: 0, byte };
  };
  const flat = async (name: string, call: () => Awaitable<unknown>) => {
    prices[name] = { call: await pace(call, milliseconds), item: 0, byte: 0 };
    return prices[name].call;
  };
  const perItem = (name: string, item: number) => {
    prices[name] = { call: 0, item, byte: 0 };
  };

  const { Nh } = suite.hash;
  const secret = random(Nh);
  await linear("hash.hash", 0, (data) => hash.hash(data));
  await linear("hash.mac", Nh, (data) => hash.mac(secret, data));
  await linear("kdf.extract", Nh, (data) => kdf.extract(secret, data));
  await linear("kdf.expand", Nh, (data) => kdf.expand(secret, data, Nh));
  prices.random = { call: await pace(() => random(Nh), milliseconds), item: 0, byte: 0 };
  if (hash.hashAll) {
    const inputs = Array.from({ length: 256 }, () => random(SHORT));
    const all = (await pace(() => hash.hashAll!(inputs), milliseconds)) / inputs.length;
    const { byte } = prices["hash.hash"]!;
    prices["hash.hashAll"] = { call: 0, item: Math.max(0, all - byte * SHORT), byte };
  }

  const [key, nonce, aad] = [random(suite.aead.Nk), random(suite.aead.Nn), new Uint8Array(0)];
  const sealed = new Map<Uint8Array, Uint8Array>();
  for (const data of [short, longMessage]) sealed.set(data, await aead.seal(key, nonce, aad, data));
  const beside = key.length + nonce.length;
  await linear("aead.seal", beside, (data) => aead.seal(key, nonce, aad, data), longMessage);
  await linear("aead.open", beside, (data) => aead.open(key, nonce, aad, sealed.get(data)!), longMessage);

  const signer = await signature.generateKeyPair();
  const keygen = await flat("signature.generateKeyPair", () => signature.generateKeyPair());
  await flat("signature.validatePublicKey", () => signature.validatePublicKey(signer.publicKey));
  await linear("signature.sign", 0, (data) => signature.sign(signer.privateKey, data));
  const signed = new Map<Uint8Array, Uint8Array>();
  for (const data of [short, long]) signed.set(data, await signature.sign(signer.privateKey, data));
  const signatureSize = signer.publicKey.length + signed.get(short)!.length;
  await linear("signature.verify", signatureSize, (data) =>
    signature.verify(signer.publicKey, data, signed.get(data)!),
  );

  const count = keygen > 2 ? FEW : MANY;
  const each = async <T>(make: () => Promise<T>): Promise<T[][]> => {
    const made: T[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      made.push([]);
      for (let i = 0; i < count; i++) made[round]!.push(await make());
    }
    return made;
  };
  const signatures = await each(async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const message = random(256);
    return { publicKey, message, signature: await signature.sign(privateKey, message) };
  });
  perItem(
    "signature.verifyAll",
    await paceOnce(signatures, (one) =>
      signature.verifyAll
        ? signature.verifyAll([one])
        : signature.verify(one.publicKey, one.message, one.signature),
    ),
  );

  const recipient = await hpke.generateKeyPair();
  const [info, plaintext] = [random(INFO), random(Nh)];
  await flat("hpke.generateKeyPair", () => hpke.generateKeyPair());
  await flat("hpke.deriveKeyPair", () => hpke.deriveKeyPair(secret));
  await flat("hpke.validatePublicKey", () => hpke.validatePublicKey(recipient.publicKey));
  await flat("hpke.seal", () => hpke.seal(recipient.publicKey, info, aad, plaintext));
  const times = await hpkeTimes(provider, crypto, milliseconds);
  prices["hpke.open"] = { call: times.open.milliseconds, item: 0, byte: 0 };
  await flat("hpke.sendExport", () => hpke.sendExport(recipient.publicKey, info, aad, Nh));
  const { kemOutput } = await hpke.sendExport(recipient.publicKey, info, aad, Nh);
  await flat("hpke.receiveExport", () => hpke.receiveExport(recipient.privateKey, kemOutput, info, aad, Nh));
  if (hpke.sealAll) {
    const requests = await each(async () => {
      const { publicKey } = await hpke.generateKeyPair();
      return { publicKey, info, aad, plaintext };
    });
    perItem("hpke.sealAll", await paceOnce(requests, (one) => hpke.sealAll!([one])));
  }
  await privateKeys(crypto, flat);

  return { provider, suite: suite.id, prices, rounds: 1, hpke: times };
}

/** Export and import of HPKE keys; nothing where they can't be exported. */
async function privateKeys(
  { hpke }: CipherSuiteProvider,
  flat: (name: string, call: () => Awaitable<unknown>) => Promise<number>,
): Promise<void> {
  const { privateKey } = await hpke.generateKeyPair();
  let bytes: Uint8Array;
  try {
    bytes = await hpke.exportPrivateKey(privateKey);
  } catch {
    return;
  }
  await flat("hpke.exportPrivateKey", () => hpke.exportPrivateKey(privateKey));
  await flat("hpke.importPrivateKey", () => hpke.importPrivateKey(bytes));
}
