// RFC 9180 §4.1, §5.1, §5.3: what HPKE exports, from a shared point and the provider's own KDF.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { ascii, concat, EMPTY } from "./assert.js";

const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);

/**
 * The secret that both sides export with an empty info and an empty context.
 *
 * @param dh the shared point, as the group gives it
 * @param kemOutput the sender's ephemeral public key
 * @param publicKey the receiver's public key
 */
export async function exportedSecret(
  { suite, kdf }: CipherSuiteProvider,
  dh: Uint8Array,
  kemOutput: Uint8Array,
  publicKey: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const kem = concat(ascii("KEM"), uint16(suite.kem.id));
  const hpke = concat(ascii("HPKE"), ...[suite.kem.id, suite.hash.kdfId, suite.aead.id].map(uint16));
  const version = ascii("HPKE-v1");
  const extract = (id: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array) =>
    kdf.extract(salt, concat(version, id, ascii(label), ikm));
  const expand = (id: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, size: number) =>
    kdf.expand(prk, concat(uint16(size), version, id, ascii(label), info), size);

  const prk = await extract(kem, EMPTY, "eae_prk", dh);
  const shared = await expand(kem, prk, "shared_secret", concat(kemOutput, publicKey), suite.kem.Nsecret);
  const context = concat(
    Uint8Array.of(0),
    await extract(hpke, EMPTY, "psk_id_hash", EMPTY),
    await extract(hpke, EMPTY, "info_hash", EMPTY),
  );
  const secret = await extract(hpke, shared, "secret", EMPTY);
  const exporter = await expand(hpke, secret, "exp", context, suite.hash.Nh);
  return expand(hpke, exporter, "sec", EMPTY, length);
}
