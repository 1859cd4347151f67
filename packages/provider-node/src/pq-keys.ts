// FIPS 203, FIPS 204, RFC 9935, RFC 9881: keys of ML-KEM and ML-DSA to and from node's KeyObjects, as DER. A
// private key is its seed.
import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { MlsError } from "@copse/core/provider";
import { guardSync } from "@copse/provider-kit";
import { type Curve, cached, fromPkcs8, type RawKeyPair, takeFrom } from "./keys.js";

/** NIST's arc of algorithms, 2.16.840.1.101.3.4, without its last two numbers. */
const ARC = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04] as const;

/** Fewer than of the curves: OpenSSL holds some twenty kilobytes for one such key. */
const KEPT = 256;

/**
 * Keys of ML-KEM (`Nseed` is 64) or ML-DSA (32). Nothing works where OpenSSL is older than 3.5.
 * @param name what node calls it, in capitals
 * @param arc the last two numbers of its object identifier
 */
export function seedKeys(
  name: string,
  arc: readonly [number, number],
  { Npk, Nseed }: { readonly Npk: number; readonly Nseed: number },
): Curve {
  const algorithm = [0x30, 0x0b, 0x06, 0x09, ...ARC, ...arc];
  // RFC 9935 §6, RFC 9881 §6: a PKCS#8 structure with the seed alone, of which these bytes are all but the seed.
  const privateHead = [0x30, Nseed + 20, 0x02, 0x01, 0, ...algorithm, 0x04, Nseed + 2, 0x80, Nseed];
  const sized = (tag: number, length: number) => [tag, 0x82, length >> 8, length & 0xff];
  const publicHead = [...sized(0x30, Npk + 18), ...algorithm, ...sized(0x03, Npk + 1), 0];

  const importPrivate = (seed: Uint8Array): RawKeyPair => {
    const privateKey = fromPkcs8(privateHead, seed);
    const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
    return { publicKey: takeFrom(spki, publicHead.length), privateKey };
  };

  return {
    name,
    generate() {
      const seed = randomBytes(Nseed);
      try {
        return guardSync(`${name} can't make a key`, () => importPrivate(seed));
      } finally {
        seed.fill(0);
      }
    },
    importPrivate: (seed) => guardSync(`${name}: invalid private key`, () => importPrivate(seed)),
    exportPrivate(key) {
      const der = key.export({ format: "der", type: "pkcs8" });
      const start = seedStart(der, Nseed, privateHead.length);
      if (start !== undefined) return takeFrom(der, start, start + Nseed);
      der.fill(0);
      throw new MlsError("key-not-extractable", `this private key of ${name} was made without its seed`);
    },
    importPublic: cached(Npk, `public key of ${name}`, (bytes) => importPublic(publicHead, bytes), KEPT),
  };
}

/**
 * Where the seed begins: in the structure with the seed alone, or in that with the expanded key behind it,
 * which is what OpenSSL makes by default. The application's own key may have no seed.
 */
function seedStart(der: Buffer, Nseed: number, headLength: number): number | undefined {
  if (der.length === headLength + Nseed) return headLength;
  // Four sizes in two bytes each: of the whole, the octet string, the sequence in it, then the seed's octet string.
  const hasBoth = der[24] === 0x30 && der[28] === 0x04 && der[29] === Nseed;
  return hasBoth ? 30 : undefined;
}

function importPublic(head: readonly number[], bytes: Uint8Array): KeyObject {
  const key = Buffer.alloc(head.length + bytes.length);
  key.set(head);
  key.set(bytes, head.length);
  return createPublicKey({ key, format: "der", type: "spki" });
}
