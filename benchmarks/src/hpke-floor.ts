// RFC 9180 §4.1, §5.1, §6.1: the primitives that one HPKE encryption and decryption in base mode can't do without.
import type { CipherSuite } from "@copse/core";
import { pace } from "./pace.js";
import type { Prices } from "./primitive-prices.js";
import { rawDh } from "./raw-dh.js";

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

/**
 * The sum of the primitives, in milliseconds: a fresh key pair and an agreement with a public key that is at hand
 * (seal), or an import of the other's key and an agreement (open), each with three extracts, three expands and an AEAD.
 * `undefined` where it isn't known how the backend does Diffie-Hellman.
 */
export async function hpkeFloor(
  backend: string,
  suite: CipherSuite,
  prices: Prices,
  sizes: { readonly info: number; readonly plaintext: number },
  milliseconds: number,
): Promise<{ seal: number; open: number } | undefined> {
  const dh = rawDh(backend, suite.kem);
  if (dh === undefined) return undefined;
  const own = await dh.generate();
  const other = await dh.generate();
  const imported = await dh.importPublic(other.publicKey);
  const generate = await pace(() => dh.generate(), milliseconds);
  const importPublic = await pace(() => dh.importPublic(other.publicKey), milliseconds);
  const agree = await pace(() => dh.agree(own.privateKey, imported), milliseconds);

  const price = (name: string, bytes: number) => prices[name]!.call + bytes * prices[name]!.byte;
  const { extracts, expands } = hkdfBytes(suite, sizes.info);
  let hkdf = 0;
  for (const bytes of extracts) hkdf += price("kdf.extract", bytes);
  for (const bytes of expands) hkdf += price("kdf.expand", bytes);
  const { Nk, Nn, Nt } = suite.aead;
  return {
    seal: generate + agree + hkdf + price("aead.seal", Nk + Nn + sizes.plaintext),
    open: importPublic + agree + hkdf + price("aead.open", Nk + Nn + sizes.plaintext + Nt),
  };
}
