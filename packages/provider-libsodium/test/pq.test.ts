// draft-ietf-mls-pq-ciphersuites: libsodium's ML-KEM-768 and X-Wing, held to known answers and to noble's bytes.
import { inspect } from "node:util";
import {
  type AeadAlgorithm,
  type AeadPart,
  CryptoError,
  type HashAlgorithm,
  type HashPart,
} from "@copse/core/provider";
import { checksFor } from "@copse/provider-conformance";
import { MLKEM768, MLKEM768_X25519, MLKEM1024, PQ_SUITE_NAMES } from "@copse/provider-kit";
import { libsodiumProvider, type PqCodePoints } from "@copse/provider-libsodium";
import { nodeProvider } from "@copse/provider-node";
import { flipped, utf8 as text, toHex } from "@copse/test-support/bytes";
import { checkSynchronous } from "@copse/test-support/conformance";
import { badPublicKeys, givesVector, givesXWing } from "@copse/test-support/pq-kems";
import { refuses } from "@copse/test-support/refuses";
import sodium from "libsodium-wrappers";
import { describe, expect, it } from "vitest";
import { noblePqProvider } from "../../provider-noble/src/pq.js";
import { PQ_VECTORS } from "../../provider-noble/test/pq-vectors.js";
import { PQ_KEMS, pqKem } from "../src/pq-kem.js";

const node = nodeProvider();
const [aes, aes256] = [node.suite(1).aead, node.suite(7).aead];
const codePoints: PqCodePoints = Object.fromEntries(
  PQ_SUITE_NAMES.map((name, i) => [name, 0xf000 + i] as const),
);
const provider = await libsodiumProvider({ aes, aes256, codePoints });
const noble = noblePqProvider({ codePoints });
const ids = provider.suites.map(({ id }) => id).filter((id) => id > 7);

const classical = [node.suite(1), node.suite(3), node.suite(7)];
const hashOf = (wanted: HashAlgorithm) =>
  classical.find(({ suite }) => suite.hash === wanted)?.hash as HashPart;
const aeadOf = (wanted: AeadAlgorithm) =>
  classical.find(({ suite }) => suite.aead === wanted)?.aead as AeadPart;
const random = (length: number) => sodium.randombytes_buf(length);

describe("the post-quantum suites by libsodium", () => {
  for (const id of ids) checkSynchronous(provider.suite(id));

  it("are those with Ed25519 whose AES is there, before RFC 9420's", async () => {
    const names = async (options: Parameters<typeof libsodiumProvider>[0]) =>
      (await libsodiumProvider({ codePoints, ...options })).suites.map(({ name }) => name);
    const [one, three] = [
      "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
      "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
    ];
    const xwing128 = "MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519";
    const with256 = [
      "MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519",
      "MLS_128_MLKEM768_AES256GCM_SHA384_Ed25519",
    ];
    expect(await names({ aes, aes256 })).toEqual([xwing128, ...with256, three, one]);
    expect(await names({ aes })).toEqual([xwing128, three, one]);
    expect(await names({ aes256 })).toEqual([...with256, three]);
    expect(await names({})).toEqual([three]);
    expect(await names({ aes, codePoints: {} })).toEqual([three, one]);
  });

  it("refuse code points of RFC 9420's, and another AES than it is said to be", async () => {
    const usage = { code: "usage" };
    for (const id of [1, 3, 7, 0, 0x10000]) {
      const taken = { MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519: id };
      await expect(libsodiumProvider({ aes, codePoints: taken }), `${id}`).rejects.toMatchObject(usage);
    }
    await expect(libsodiumProvider({ aes256: aes })).rejects.toMatchObject(usage);
    await expect(libsodiumProvider({ aes: aes256 })).rejects.toMatchObject(usage);
  });

  it.each(ids)("agree with noble's on every byte: %i", async (id) => {
    const [ours, theirs] = [provider.suite(id), noble.suite(id)];
    expect(theirs.suite).toEqual(ours.suite);
    const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];
    const { kem, hash } = ours.suite;
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const ikm = from.random(hash.Nh);
      const pair = await from.hpke.deriveKeyPair(ikm);
      expect((await to.hpke.deriveKeyPair(ikm)).publicKey).toEqual(pair.publicKey);
      expect(pair.publicKey).toHaveLength(kem.Npk);
      const bytes = await from.hpke.exportPrivateKey(pair.privateKey);
      expect(bytes).toHaveLength(kem.Nsk);
      const imported = await to.hpke.importPrivateKey(bytes);
      expect(imported.publicKey).toEqual(pair.publicKey);
      const { kemOutput, ciphertext } = await to.hpke.seal(pair.publicKey, info, aad, plaintext);
      expect(kemOutput).toHaveLength(kem.Nenc);
      for (const [hpke, key] of [
        [from.hpke, pair.privateKey],
        [to.hpke, imported.privateKey],
      ] as const) {
        expect(await hpke.open(key, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
      }
      // ML-KEM answers a forgery with a secret that nobody else has (FIPS 203 §6.3): the same on both.
      const forged = flipped(kemOutput, 2);
      expect(await from.hpke.receiveExport(pair.privateKey, forged, info, aad, 32)).toEqual(
        await to.hpke.receiveExport(imported.privateKey, forged, info, aad, 32),
      );
      expect(await from.hash.hash(info)).toEqual(await to.hash.hash(info));
      expect(await from.hash.mac(aad, info)).toEqual(await to.hash.mac(aad, info));
      const signer = await from.signature.generateKeyPair();
      const signature = await from.signature.sign(signer.privateKey, plaintext);
      expect(await to.signature.verify(signer.publicKey, plaintext, signature)).toBe(true);
    }
  });

  it.each(ids)("take keys and ciphertexts that are some, change and share none: %i", async (id) => {
    const { hpke, suite } = provider.suite(id);
    const { Npk, Nenc } = suite.kem;
    const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];
    const pair = await hpke.generateKeyPair();
    await hpke.validatePublicKey(pair.publicKey);
    const before = toHex(pair.publicKey);
    const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, info, aad, plaintext);
    const bytes = await hpke.exportPrivateKey(pair.privateKey);
    for (const output of [pair.publicKey, kemOutput, ciphertext, bytes]) {
      expect(output.buffer.byteLength).toBe(output.length);
    }
    const input = Buffer.from(bytes);
    const imported = await hpke.importPrivateKey(input);
    expect(toHex(input)).toBe(toHex(bytes));
    input.fill(0);
    bytes.fill(0);
    for (const key of [pair.privateKey, imported.privateKey]) {
      expect(await hpke.open(key, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
      expect(JSON.stringify(key)).toBe("{}");
      expect(inspect(key, { showHidden: true })).toBe("PqPrivateKey {}");
    }
    expect(toHex(pair.publicKey)).toBe(before);

    const bad = badPublicKeys(pair.publicKey);
    if (suite.kem === MLKEM768_X25519) {
      const lowOrder = pair.publicKey.slice();
      lowOrder.fill(0, Npk - 32);
      bad.push(lowOrder);
      const sent = kemOutput.slice();
      sent.fill(0, Nenc - 32);
      await refuses(() => hpke.open(pair.privateKey, sent, info, aad, ciphertext));
    }
    for (const key of bad) {
      await refuses(
        () => hpke.validatePublicKey(key),
        () => hpke.seal(key, info, aad, plaintext),
      );
    }
    const other = await provider
      .suite(id === ids[2] ? (ids[0] as number) : (ids[2] as number))
      .hpke.generateKeyPair();
    await refuses(
      () => hpke.open(pair.privateKey, flipped(kemOutput, 2), info, aad, ciphertext),
      () => hpke.open(pair.privateKey, flipped(kemOutput, Nenc - 1), info, aad, ciphertext),
      () => hpke.open(pair.privateKey, kemOutput.subarray(1), info, aad, ciphertext),
      () => hpke.open({} as typeof pair.privateKey, kemOutput, info, aad, ciphertext),
      () => hpke.open(other.privateKey, kemOutput, info, aad, ciphertext),
      () => hpke.importPrivateKey(new Uint8Array(1)),
    );
  });
});

describe("the KEMs of draft-ietf-hpke-pq by libsodium", () => {
  const vectors = PQ_VECTORS.filter(({ kem }) => PQ_KEMS.some(({ name }) => name === kem));

  it("are ML-KEM-768 and MLKEM768-X25519", () => {
    expect(PQ_KEMS).toEqual([MLKEM768, MLKEM768_X25519]);
    expect(vectors.length).toBeGreaterThanOrEqual(2);
    expect(() => pqKem(MLKEM1024, random)).toThrow(CryptoError);
  });

  it.each(vectors)("give the draft's answers for $kem with $aead", (vector) =>
    givesVector({ kems: PQ_KEMS, kem: pqKem, hash: hashOf, aead: aeadOf }, vector),
  );

  it("give the answer of draft-connolly-cfrg-xwing-kem, appendix C", () =>
    givesXWing((source) => pqKem(MLKEM768_X25519, source)));

  it("draw randomness anew for every key pair and encapsulation", async () => {
    const kem = pqKem(MLKEM768_X25519, random);
    const [one, other] = [await kem.generateKeyPair(), await kem.generateKeyPair()];
    expect(one.publicKey).not.toEqual(other.publicKey);
    expect((await kem.encap(one.publicKey)).kemOutput).not.toEqual(
      (await kem.encap(one.publicKey)).kemOutput,
    );
  });
});

describe("the conformance kit, with noble as the second opinion", () => {
  for (const check of checksFor(provider, { suites: ids, second: noble, effort: "short" })) {
    it(`${check.suite}: ${check.name}`, async () => {
      await check.run();
    });
  }
});
