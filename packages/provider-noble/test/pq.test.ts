// draft-ietf-mls-pq-ciphersuites: its suites as the draft has them, held to known answers.
import { randomFillSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { CryptoError } from "@copse/core/provider";
import { sha2 } from "@copse/provider-kit";
import { flipped, hex, utf8 as text, toHex } from "@copse/test-support/bytes";
import { badPublicKeys, digest, fixed, givesVector, givesXWing } from "@copse/test-support/pq-kems";
import { refuses } from "@copse/test-support/refuses";
import { wycheproofFolder } from "@copse/test-support/vectors";
import { describe, expect, it } from "vitest";
import { aeadPart } from "../src/aead.js";
import * as pq from "../src/pq.js";
import { pqKem } from "../src/pq-kem.js";
import { mlDsaPart } from "../src/pq-signature.js";
import { PQ_VECTORS } from "./pq-vectors.js";

const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));

const codePoints: pq.PqCodePoints = Object.fromEntries(
  pq.PQ_SUITE_NAMES.map((name, i) => [name, 0xf000 + i] as const),
);
const provider = pq.noblePqProvider({ codePoints });
const KEMS = [pq.MLKEM768, pq.MLKEM1024, pq.MLKEM768_P256, pq.MLKEM1024_P384, pq.MLKEM768_X25519];

describe("the suites of draft-ietf-mls-pq-ciphersuites", () => {
  // The draft's second table.
  it.each([
    ["MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519", 0x647a, 0x0001, 0x0001, "SHA-256", "ed25519"],
    ["MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519", 0x647a, 0x0002, 0x0002, "SHA-384", "ed25519"],
    [
      "MLS_128_MLKEM768P256_AES128GCM_SHA256_P256",
      0x0050,
      0x0001,
      0x0001,
      "SHA-256",
      "ecdsa_secp256r1_sha256",
    ],
    [
      "MLS_128_MLKEM768P256_AES256GCM_SHA384_P256",
      0x0050,
      0x0002,
      0x0002,
      "SHA-384",
      "ecdsa_secp256r1_sha256",
    ],
    [
      "MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384",
      0x0051,
      0x0002,
      0x0002,
      "SHA-384",
      "ecdsa_secp384r1_sha384",
    ],
    ["MLS_128_MLKEM768_AES256GCM_SHA384_Ed25519", 0x0041, 0x0002, 0x0002, "SHA-384", "ed25519"],
    ["MLS_128_MLKEM768_AES256GCM_SHA384_P256", 0x0041, 0x0002, 0x0002, "SHA-384", "ecdsa_secp256r1_sha256"],
    ["MLS_192_MLKEM1024_AES256GCM_SHA384_P384", 0x0042, 0x0002, 0x0002, "SHA-384", "ecdsa_secp384r1_sha384"],
    ["MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44", 0x647a, 0x0002, 0x0003, "SHA-384", "mldsa44"],
    ["MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65", 0x0041, 0x0002, 0x0002, "SHA-384", "mldsa65"],
    ["MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87", 0x0042, 0x0002, 0x0002, "SHA-384", "mldsa87"],
  ] as const)("has %s", (name, kem, kdf, aead, hash, signature) => {
    const [suite] = pq.pqSuites({ codePoints: { [name]: 0xf123 } });
    expect(suite).toMatchObject({
      id: 0xf123,
      name,
      kem: { id: kem },
      hash: { kdfId: kdf, name: hash },
      aead: { id: aead },
      signature: { name: signature },
    });
  });

  it("serves those that have a code point, before RFC 9420's", () => {
    const wanted = { MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384: 0xf00d };
    const ids = pq.noblePqProvider({ codePoints: wanted }).suites.map(({ id }) => id);
    expect(ids).toEqual([0xf00d, 1, 2, 3, 4, 5, 6, 7]);
    expect(provider.suites).toHaveLength(18);
  });

  it("refuses code points that are none, are given twice or are taken, and unknown names", () => {
    const name = "MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384";
    const usage = expect.objectContaining({ code: "usage" });
    for (const id of [0, -1, 65_536, 1.5, Number.NaN]) {
      expect(() => pq.pqSuites({ codePoints: { [name]: id } })).toThrow(usage);
    }
    const twice = { [name]: 0xf000, MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65: 0xf000 };
    expect(() => pq.pqSuites({ codePoints: twice })).toThrow(usage);
    expect(() => pq.noblePqProvider({ codePoints: { [name]: 1 } })).toThrow(usage);
    const unknown = { MLS_NONE: 0xf000 } as object as pq.PqCodePoints;
    expect(() => pq.pqSuites({ codePoints: unknown })).toThrow(usage);
  });
});

describe("the KEMs of draft-ietf-hpke-pq", () => {
  const provider = { kems: KEMS, kem: pqKem, hash: sha2, aead: aeadPart };
  for (const vector of PQ_VECTORS) {
    it(`gives the draft's answers for ${vector.kem}`, () => givesVector(provider, vector));
  }

  it("gives the answer of draft-connolly-cfrg-xwing-kem, appendix C", () =>
    givesXWing((source) => pqKem(pq.MLKEM768_X25519, source)));

  it("agrees with Wycheproof's mlkem_768", async () => {
    const path = `${wycheproofFolder}/mlkem_768_test.json`;
    if (wycheproofFolder === undefined || !existsSync(path)) {
      console.warn("Wycheproof's files are not here: see test-vectors/README.md");
      return;
    }
    interface Test {
      tcId: number;
      seed: string;
      ek: string;
      c: string;
      K: string;
      result: string;
    }
    const { testGroups } = JSON.parse(readFileSync(path, "utf8")) as { testGroups: { tests: Test[] }[] };
    const kem = pqKem(pq.MLKEM768, random);
    for (const test of testGroups.flatMap(({ tests }) => tests)) {
      let secret: string | undefined;
      try {
        const { publicKey, privateKey } = await kem.importPrivateKey(hex(test.seed));
        expect(toHex(publicKey), `tcId ${test.tcId}`).toBe(test.ek);
        secret = toHex(await kem.decap(hex(test.c), privateKey));
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error;
      }
      expect(secret, `tcId ${test.tcId}`).toBe(test.result === "valid" ? test.K : undefined);
    }
  });

  it("refuses public keys whose coefficients or points are none", async () => {
    for (const algorithm of KEMS) {
      const kem = pqKem(algorithm, random);
      const { publicKey } = await kem.generateKeyPair();
      const bad = badPublicKeys(publicKey);
      if (algorithm.Nsk === 32) {
        const noPoint = publicKey.slice();
        noPoint.fill(0, algorithm.Npk - (algorithm === pq.MLKEM768_X25519 ? 32 : 64));
        bad.push(noPoint);
      }
      for (const key of bad) {
        await refuses(
          () => kem.validatePublicKey(key),
          () => kem.encap(key),
        );
      }
      await kem.validatePublicKey(publicKey);
    }
  });
});

describe("ML-DSA", () => {
  // Wycheproof's mldsa_*_sign_seed_test.json, tcId 1: signatures that are deterministic, as are those whose
  // randomness is zero.
  it.each([
    [
      pq.MLDSA44,
      "d87f8ca136ac1aa55e2d6c4521680efb3a378cbb9bc0bfb446e9c60893931ea3",
      "8cd6fc03daa72e87210a4e721523e84c14f27733789075e65736744d4787fdd5",
    ],
    [
      pq.MLDSA65,
      "b7acce2ddb11f8cc1aa46e2bafac6eacfa2b732ef192bd636ad8d3a56d649c66",
      "39fbbb0d97a52c79844213b325af823a7f16a174e00a5b3daeb3e6e6d1c89681",
    ],
    [
      pq.MLDSA87,
      "d43128fa8a8c785c1d44c9e7db538dbf9dd88fe6c8ad911a344bcec1017c6d54",
      "1ad45bd0419e694375bd38ec11d8e0c228ab9ffac2fce4adbe6218d9c949e293",
    ],
  ])("gives known answers: $name", async (algorithm, publicKeyDigest, signatureDigest) => {
    const part = mlDsaPart(algorithm, fixed(new Uint8Array(0)));
    const { publicKey, privateKey } = await part.importPrivateKey(new Uint8Array(32).fill(0x2a));
    expect(digest(publicKey)).toBe(publicKeyDigest);
    const message = text("Hello world");
    const signed = await part.sign(privateKey, message);
    expect(digest(signed)).toBe(signatureDigest);
    expect(await part.verify(publicKey, message, signed)).toBe(true);
    const hedged = await mlDsaPart(algorithm, random).sign(privateKey, message);
    expect(hedged).not.toEqual(signed);
    expect(await part.verify(publicKey, message, hedged)).toBe(true);
  });
});

for (const { id, name, kem, signature } of provider.suites.filter((suite) => suite.id > 7)) {
  it(`goes there and back: ${name}`, async () => {
    const suite = provider.suite(id);
    const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];
    const derived = await suite.hpke.deriveKeyPair(info);
    expect((await suite.hpke.deriveKeyPair(info)).publicKey).toEqual(derived.publicKey);
    for (const { publicKey, privateKey } of [derived, await suite.hpke.generateKeyPair()]) {
      expect(publicKey).toHaveLength(kem.Npk);
      const bytes = await suite.hpke.exportPrivateKey(privateKey);
      expect(bytes).toHaveLength(kem.Nsk);
      expect((await suite.hpke.importPrivateKey(bytes)).publicKey).toEqual(publicKey);
      const before = toHex(publicKey);
      const { kemOutput, ciphertext } = await suite.hpke.seal(publicKey, info, aad, plaintext);
      for (const output of [publicKey, kemOutput, ciphertext, bytes]) {
        expect(output.buffer.byteLength).toBe(output.length);
      }
      expect(kemOutput).toHaveLength(kem.Nenc);
      expect(await suite.hpke.open(privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
      await refuses(
        () => suite.hpke.open(privateKey, flipped(kemOutput, 2), info, aad, ciphertext),
        () => suite.hpke.open(privateKey, flipped(kemOutput, kem.Nenc - 1), info, aad, ciphertext),
        () => suite.hpke.open(privateKey, kemOutput.subarray(1), info, aad, ciphertext),
        () => suite.hpke.open({} as typeof privateKey, kemOutput, info, aad, ciphertext),
        () => suite.hpke.importPrivateKey(bytes.subarray(1)),
      );
      expect(toHex(publicKey)).toBe(before);
    }
    const signer = await suite.signature.generateKeyPair();
    expect(signer.publicKey).toHaveLength(signature.Npk);
    await suite.signature.validatePublicKey(signer.publicKey);
    const again = await suite.signature.importPrivateKey(
      await suite.signature.exportPrivateKey(signer.privateKey),
    );
    expect(again.publicKey).toEqual(signer.publicKey);
    const signed = await suite.signature.sign(again.privateKey, plaintext);
    const verify = (value: Uint8Array, message = plaintext, key = signer.publicKey) =>
      suite.signature.verify(key, message, value);
    expect(await verify(signed)).toBe(true);
    expect(await verify(flipped(signed, 9))).toBe(false);
    expect(await verify(signed.subarray(1))).toBe(false);
    expect(await verify(signed, aad)).toBe(false);
    expect(await verify(signed, plaintext, again.publicKey.subarray(1))).toBe(false);
    await refuses(
      () => suite.signature.sign({} as typeof again.privateKey, plaintext),
      () => suite.signature.validatePublicKey(signer.publicKey.subarray(1)),
      () => suite.signature.importPrivateKey(new Uint8Array(1)),
    );
  });
}
