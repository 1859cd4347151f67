// draft-ietf-hpke-pq, draft-connolly-cfrg-xwing-kem: known answers of the KEMs with ML-KEM, for a provider's own.
import { createHash } from "node:crypto";
import {
  AES_128_GCM,
  AES_256_GCM,
  type AeadAlgorithm,
  type AeadPart,
  CHACHA20_POLY1305,
  type HashAlgorithm,
  type HashPart,
  type KemAlgorithm,
  SHA256,
  SHA384,
} from "@copse/core/provider";
import { hkdf, hpke, type Kem } from "@copse/provider-kit";
import { expect } from "vitest";
import {
  AAD,
  EXPORTER_CONTEXT,
  INFO,
  PLAINTEXT,
  type PqVector,
} from "../../packages/provider-noble/test/pq-vectors.js";
import { hex, toHex, utf8 } from "./bytes.js";

type Random = (length: number) => Uint8Array;

/** A provider: its KEM with the randomness that it is given, and parts for the suite around it. */
interface PqProvider {
  readonly kems: readonly KemAlgorithm[];
  kem(algorithm: KemAlgorithm, random: Random): Kem;
  hash(algorithm: HashAlgorithm): HashPart;
  aead(algorithm: AeadAlgorithm): AeadPart;
}

/** SHA-256 in hex, for values that are long. */
export const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A source that gives the same bytes each time, and zeros after them. */
export const fixed =
  (bytes: Uint8Array): Random =>
  (length) => {
    const out = new Uint8Array(length);
    out.set(bytes.subarray(0, length));
    return out;
  };

/** Expects the answers of one of the draft's vectors. */
export async function givesVector(provider: PqProvider, vector: PqVector): Promise<void> {
  const algorithm = provider.kems.find(({ name }) => name === vector.kem) as KemAlgorithm;
  const aeads = [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305];
  const aead = provider.aead(aeads.find(({ name }) => name === vector.aead) as AeadAlgorithm);
  const kdf = hkdf(provider.hash(vector.hash === "SHA-256" ? SHA256 : SHA384));
  const part = hpke({ kem: provider.kem(algorithm, fixed(hex(vector.ikmE))), kdf, aead });
  const { publicKey, privateKey } = await part.deriveKeyPair(hex(vector.ikmR));
  expect(toHex(await part.exportPrivateKey(privateKey))).toBe(vector.skRm);
  expect(digest(publicKey)).toBe(vector.pkRmDigest);
  const { kemOutput, ciphertext } = await part.seal(publicKey, utf8(INFO), utf8(AAD), utf8(PLAINTEXT));
  expect(digest(kemOutput)).toBe(vector.encDigest);
  expect(toHex(ciphertext)).toBe(vector.ct);
  const imported = await part.importPrivateKey(hex(vector.skRm));
  expect(imported.publicKey).toEqual(publicKey);
  expect(
    await part.receiveExport(imported.privateKey, kemOutput, utf8(INFO), utf8(EXPORTER_CONTEXT), 32),
  ).toEqual(hex(vector.exported));
}

/** Expects the first answer of draft-connolly-cfrg-xwing-kem, appendix C, of MLKEM768-X25519. */
export async function givesXWing(kemWith: (random: Random) => Kem): Promise<void> {
  const eseed =
    "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2" +
    "35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2";
  const kem = kemWith(fixed(hex(eseed)));
  const { publicKey, privateKey } = await kem.importPrivateKey(
    hex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"),
  );
  expect(digest(publicKey)).toBe("2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb");
  const { sharedSecret, kemOutput } = await kem.encap(publicKey);
  expect(digest(kemOutput)).toBe("17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33");
  expect(toHex(sharedSecret)).toBe("d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384");
  expect(await kem.decap(kemOutput, privateKey)).toEqual(sharedSecret);
}

/** Public keys that are none: a coefficient is too large, and sizes are wrong. */
export function badPublicKeys(publicKey: Uint8Array): Uint8Array[] {
  const unreduced = publicKey.slice();
  unreduced.set([0xff, 0xff, 0xff], 300);
  return [unreduced, publicKey.subarray(1), new Uint8Array([...publicKey, 0]), new Uint8Array(0)];
}
