// RFC 9180: checks of a provider's HPKE: round trips, damage, and what is no key.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { expect, it } from "vitest";
import { flipped, refuses, text } from "./refuses.js";
import { hex } from "./vectors.js";

export function checkHpke(suite: CipherSuiteProvider): void {
  const { hpke } = suite;
  const { Npk, Nsk, Nenc, id } = suite.suite.kem;
  const { Nh } = suite.suite.hash;
  const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];

  it("opens what it seals, and nothing with one bit changed", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    expect(publicKey).toHaveLength(Npk);
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
    expect(kemOutput).toHaveLength(Nenc);
    expect(ciphertext).toHaveLength(plaintext.length + suite.suite.aead.Nt);
    expect(await hpke.open(privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
    const other = await hpke.generateKeyPair();
    await refuses(
      () => hpke.open(other.privateKey, kemOutput, info, aad, ciphertext),
      () => hpke.open(privateKey, flipped(kemOutput, 2), info, aad, ciphertext),
      () => hpke.open(privateKey, kemOutput, flipped(info, 0), aad, ciphertext),
      () => hpke.open(privateKey, kemOutput, info, flipped(aad, 0), ciphertext),
      () => hpke.open(privateKey, kemOutput, info, aad, flipped(ciphertext, 0)),
      () => hpke.open(privateKey, kemOutput, info, aad, ciphertext.subarray(1)),
      () => hpke.open(privateKey, kemOutput, info, aad, new Uint8Array(0)),
      () => hpke.open(privateKey, kemOutput.subarray(1), info, aad, ciphertext),
    );
  });

  it("seals many, in their order", async () => {
    if (hpke.sealAll === undefined) return;
    const pairs = await Promise.all([1, 2, 3].map(() => hpke.generateKeyPair()));
    const requests = pairs.map(({ publicKey }, i) => ({
      publicKey,
      info: i < 2 ? info : text("other"),
      aad: new Uint8Array(0),
      plaintext: text(`secret ${i}`),
    }));
    const sealed = await hpke.sealAll(requests);
    expect(sealed).toHaveLength(3);
    for (const [i, { kemOutput, ciphertext }] of sealed.entries()) {
      const { privateKey } = pairs[i]!;
      const request = requests[i]!;
      expect(await hpke.open(privateKey, kemOutput, request.info, request.aad, ciphertext)).toEqual(
        request.plaintext,
      );
    }
    expect(await hpke.sealAll([])).toEqual([]);
  });

  it("exports the same secret to both sides", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { kemOutput, secret } = await hpke.sendExport(publicKey, info, text("context"), Nh);
    const receive = (i: Uint8Array, context: string, length: number) =>
      hpke.receiveExport(privateKey, kemOutput, i, text(context), length);
    expect(secret).toHaveLength(Nh);
    expect(await receive(info, "context", Nh)).toEqual(secret);
    expect(await receive(info, "another", Nh)).not.toEqual(secret);
    expect(await receive(text("another"), "context", Nh)).not.toEqual(secret);
    await refuses(
      () => receive(info, "context", 255 * Nh + 1),
      () => hpke.sendExport(publicKey, info, text("context"), 255 * Nh + 1),
    );
  });

  it("derives the same key pair from the same bytes, and imports what it exports", async () => {
    const ikm = suite.random(Nh);
    const [a, b] = [await hpke.deriveKeyPair(ikm), await hpke.deriveKeyPair(ikm)];
    expect(a.publicKey).toEqual(b.publicKey);
    expect((await hpke.deriveKeyPair(flipped(ikm, 0))).publicKey).not.toEqual(a.publicKey);
    for (const pair of [a, await hpke.generateKeyPair()]) {
      let bytes: Uint8Array;
      try {
        bytes = await hpke.exportPrivateKey(pair.privateKey);
      } catch (error) {
        expect(error).toMatchObject({ code: "key-not-extractable" });
        continue;
      }
      expect(bytes).toHaveLength(Nsk);
      const again = await hpke.importPrivateKey(bytes);
      expect(again.publicKey).toEqual(pair.publicKey);
      const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, info, aad, plaintext);
      expect(await hpke.open(again.privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
    }
  });

  it("refuses what is no key, and a handle that isn't its own", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    await hpke.validatePublicKey(publicKey);
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
    const bad = [
      new Uint8Array(0),
      publicKey.subarray(1),
      new Uint8Array([...publicKey, 0]),
      new Uint8Array(Npk),
      ...badPoints(id, publicKey),
    ];
    for (const key of bad) {
      await refuses(
        () => hpke.validatePublicKey(key),
        () => hpke.seal(key, info, aad, plaintext),
        () => hpke.sendExport(key, info, aad, 16),
        () => hpke.open(privateKey, key, info, aad, ciphertext),
        () => hpke.receiveExport(privateKey, key, info, aad, 16),
      );
    }
    const alien = {} as typeof privateKey;
    await refuses(
      () => hpke.importPrivateKey(new Uint8Array(0)),
      () => hpke.importPrivateKey(new Uint8Array(Nsk - 1)),
      () => hpke.importPrivateKey(new Uint8Array(Nsk + 1).fill(1)),
      () => hpke.open(alien, kemOutput, info, aad, ciphertext),
      () => hpke.exportPrivateKey(alien),
    );
    // Scalars of the NIST curves: 0, and what isn't below the order.
    if (Npk % 2 === 1) {
      await refuses(
        () => hpke.importPrivateKey(new Uint8Array(Nsk)),
        () => hpke.importPrivateKey(new Uint8Array(Nsk).fill(0xff)),
      );
    }
  });
}

/** Strings of a public key's length that are none. */
function badPoints(kemId: number, publicKey: Uint8Array): Uint8Array[] {
  if (kemId === 0x0020) return LOW_ORDER_25519.map(hex);
  if (kemId === 0x0021) return LOW_ORDER_448.map(hex);
  if (publicKey[0] !== 4) return [];
  const compressedTag = publicKey.slice();
  compressedTag[0] = 2;
  const wide = new Uint8Array(publicKey.length).fill(0xff);
  wide[0] = 4;
  return [flipped(publicKey, publicKey.length - 1), compressedTag, wide];
}

/** Points of order 1, 2, 4 and 8 on Curve25519 and its twist, in all their encodings below 2^255. */
const LOW_ORDER_25519 = [
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

/** 1, p - 1, p and p + 1 on Curve448. */
const LOW_ORDER_448 = [
  `01${"00".repeat(55)}`,
  `fe${"ff".repeat(27)}fe${"ff".repeat(27)}`,
  `${"ff".repeat(28)}fe${"ff".repeat(27)}`,
  `${"00".repeat(28)}${"ff".repeat(28)}`,
];
