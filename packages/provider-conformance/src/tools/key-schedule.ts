// RFC 9180 §4.1, §5.1, §5.3: what HPKE derives, from a shared point and the provider's own KDF.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { ascii, concat, EMPTY } from "./assert.js";

const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);

/** What both sides know of one encryption. */
export interface SharedPoint {
  /** The shared point, as the group gives it. */
  readonly dh: Uint8Array;
  /** The sender's ephemeral public key. */
  readonly kemOutput: Uint8Array;
  /** The receiver's public key. */
  readonly publicKey: Uint8Array;
}

/** HPKE's secrets for one message, in base mode. */
export interface Schedule {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  exported(context: Uint8Array, length: number): Promise<Uint8Array>;
}

/** The key schedule of a suite whose KEM has the same KDF. */
export async function keySchedule(
  { suite, kdf }: CipherSuiteProvider,
  { dh, kemOutput, publicKey }: SharedPoint,
  info: Uint8Array,
): Promise<Schedule> {
  const kem = concat(ascii("KEM"), uint16(suite.kem.id));
  const hpke = concat(ascii("HPKE"), ...[suite.kem.id, suite.hash.kdfId, suite.aead.id].map(uint16));
  const version = ascii("HPKE-v1");
  const extract = async (id: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array) =>
    kdf.extract(salt, concat(version, id, ascii(label), ikm));
  const expand = async (id: Uint8Array, prk: Uint8Array, label: string, context: Uint8Array, size: number) =>
    kdf.expand(prk, concat(uint16(size), version, id, ascii(label), context), size);

  const prk = await extract(kem, EMPTY, "eae_prk", dh);
  const shared = await expand(kem, prk, "shared_secret", concat(kemOutput, publicKey), suite.kem.Nsecret);
  const context = concat(
    Uint8Array.of(0),
    await extract(hpke, EMPTY, "psk_id_hash", EMPTY),
    await extract(hpke, EMPTY, "info_hash", info),
  );
  const secret = await extract(hpke, shared, "secret", EMPTY);
  const exporter = await expand(hpke, secret, "exp", context, suite.hash.Nh);
  return {
    key: await expand(hpke, secret, "key", context, suite.aead.Nk),
    nonce: await expand(hpke, secret, "base_nonce", context, suite.aead.Nn),
    exported: (exporterContext, length) => expand(hpke, exporter, "sec", exporterContext, length),
  };
}

/** The secret that both sides export with an empty info and an empty context. */
export async function exportedSecret(
  suite: CipherSuiteProvider,
  dh: Uint8Array,
  kemOutput: Uint8Array,
  publicKey: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const { exported } = await keySchedule(suite, { dh, kemOutput, publicKey }, EMPTY);
  return exported(EMPTY, length);
}
