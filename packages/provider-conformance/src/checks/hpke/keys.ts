// RFC 9180 §7.1: checks of the KEM's keys: derivation, import, export, and what is no key.
import type {
  CipherSuiteProvider,
  HpkeKeyPair,
  HpkePart,
  HpkePrivateKey,
  KemAlgorithm,
} from "@copse/core/provider";
import { fail, type SuiteChecks, skip } from "../../check.js";
import {
  ascii,
  differs,
  EMPTY,
  equal,
  filled,
  flipped,
  hasLength,
  hex,
  pattern,
  refusedBy,
  refuses,
  unless,
} from "../../tools/assert.js";
import {
  infinity,
  KEM_CURVES,
  lowOrder,
  type NistCurve,
  offCurve,
  otherEncodings,
} from "../../tools/curves.js";
import { showsNothing } from "../../tools/secrets.js";
import { imported } from "./hpke.js";

const [info, aad, plaintext] = [ascii("info"), ascii("aad"), ascii("plaintext")];

/** Claims that a message to the one's public key opens with the other's private key. */
async function belong(
  hpke: HpkePart,
  one: HpkeKeyPair,
  other: Pick<HpkeKeyPair, "privateKey">,
  what: string,
) {
  const { kemOutput, ciphertext } = await hpke.seal(one.publicKey, info, aad, plaintext);
  equal(await hpke.open(other.privateKey, kemOutput, info, aad, ciphertext), plaintext, what);
}

/** Claims that every operation refuses it as a public key, and each that decapsulates as a KEM output. */
async function refusedEverywhere(
  { hpke }: CipherSuiteProvider,
  key: Uint8Array,
  what: string,
): Promise<void> {
  await refuses(`validatePublicKey of ${what}`, () => hpke.validatePublicKey(key));
  await refuses(`seal to ${what}`, () => hpke.seal(key, info, aad, plaintext));
  await refuses(`sendExport to ${what}`, () => hpke.sendExport(key, info, aad, 16));
  if (hpke.sealAll) {
    await refuses(`sealAll to ${what}`, () => hpke.sealAll?.([{ publicKey: key, info, aad, plaintext }]));
  }
}

async function refusedAsKemOutput(
  { hpke }: CipherSuiteProvider,
  points: readonly Uint8Array[],
  what: string,
) {
  const { publicKey, privateKey } = await hpke.generateKeyPair();
  const { ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
  for (const point of points) {
    await refuses(`open with ${what} as KEM output`, () =>
      hpke.open(privateKey, point, info, aad, ciphertext),
    );
    await refuses(`receiveExport with ${what} as KEM output`, () =>
      hpke.receiveExport(privateKey, point, info, aad, 16),
    );
  }
}

export const hpkeKeyChecks: SuiteChecks = {
  "hpke keys: deriveKeyPair gives the same key pair for the same input": async ({ hpke, suite }) => {
    for (const size of [suite.hash.Nh, suite.kem.Nsk]) {
      const ikm = pattern(size, 9);
      const [a, b] = [await hpke.deriveKeyPair(ikm), await hpke.deriveKeyPair(ikm)];
      hasLength(a.publicKey, suite.kem.Npk, "the public key");
      equal(b.publicKey, a.publicKey, "the public key that is derived again");
      await belong(hpke, a, b, "what the key that is derived again opens");
      for (const bit of [0, 8 * size - 1]) {
        const other = await hpke.deriveKeyPair(flipped(ikm, bit));
        differs(other.publicKey, a.publicKey, "two inputs give the same key pair");
      }
    }
  },

  "hpke keys: each that is generated is another": async ({ hpke, suite }) => {
    const pairs = [await hpke.generateKeyPair(), await hpke.generateKeyPair(), await hpke.generateKeyPair()];
    for (const [i, { publicKey }] of pairs.entries()) {
      hasLength(publicKey, suite.kem.Npk, "the public key");
      await hpke.validatePublicKey(publicKey);
      for (const other of pairs.slice(0, i)) differs(publicKey, other.publicKey, "two keys are the same");
    }
  },

  "hpke keys: imports what it exports, or refuses to export with key-not-extractable": async (suite) => {
    const { hpke } = suite;
    const ikm = pattern(suite.suite.hash.Nh, 3);
    for (const pair of [await hpke.generateKeyPair(), await hpke.deriveKeyPair(ikm)]) {
      const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(pair.privateKey));
      if (bytes === undefined) continue;
      hasLength(bytes, suite.suite.kem.Nsk, "the exported private key");
      equal(await hpke.exportPrivateKey(pair.privateKey), bytes, "the key that is exported again");
      const again = await imported(() => hpke.importPrivateKey(bytes));
      equal(again.publicKey, pair.publicKey, "the imported key's public key");
      await belong(hpke, pair, again, "what the imported key opens");
    }
  },

  "hpke keys: loads what it saves": async ({ hpke }) => {
    const { savePrivateKey, loadPrivateKey } = hpke;
    if (savePrivateKey === undefined && loadPrivateKey === undefined) skip("there is no savePrivateKey");
    if (savePrivateKey === undefined || loadPrivateKey === undefined) {
      fail("there is one of savePrivateKey and loadPrivateKey, but not the other");
    }
    for (const pair of [await hpke.generateKeyPair(), await hpke.deriveKeyPair(pattern(64))]) {
      const saved = await savePrivateKey.call(hpke, pair.privateKey);
      const privateKey = await loadPrivateKey.call(hpke, saved);
      await belong(hpke, pair, { privateKey }, "what the loaded key opens");
      // A state is restored and saved again.
      const again = await loadPrivateKey.call(hpke, await savePrivateKey.call(hpke, privateKey));
      await belong(hpke, pair, { privateKey: again }, "what the key opens that is saved and loaded again");
    }
    for (const bytes of [EMPTY, Uint8Array.of(1), pattern(300)]) {
      // A key store can't tell a key that is gone from one that it never had.
      await refusedBy(["crypto", "state"], `${bytes.length} bytes that weren't saved`, () =>
        hpke.loadPrivateKey?.(bytes),
      );
    }
  },

  "hpke keys: keys that it hands over to a storage come back": async ({ hpke, signature }) => {
    const { exportHandle, importHandle } = hpke;
    if ((exportHandle === undefined) !== (importHandle === undefined))
      fail("there is one of exportHandle and importHandle, but not the other");
    if (exportHandle === undefined || importHandle === undefined) return;
    for (const pair of [await hpke.generateKeyPair(), await hpke.deriveKeyPair(pattern(64))]) {
      const made = await exportHandle.call(hpke, pair.privateKey);
      if (made === undefined) {
        await hpke.exportPrivateKey(pair.privateKey);
        continue;
      }
      equal(made.publicKey, pair.publicKey, "the public key of a key that is handed over");
      const privateKey = await importHandle.call(hpke, made.handle, made.publicKey);
      await belong(hpke, pair, { privateKey }, "what the key opens that came back");
      await hpke.destroyPrivateKey(pair.privateKey);
      await belong(hpke, pair, { privateKey }, "what it opens after the first handle was destroyed");
      const signer = (await signature.generateKeyPair()).privateKey as object;
      for (const [what, handle] of [
        ["an empty object", {}],
        ["a signature key", signer],
      ] as const)
        await refuses(`importHandle of ${what}`, () => importHandle.call(hpke, handle, made.publicKey));
      await refuses("importHandle with a public key that is too short", () =>
        importHandle.call(hpke, made.handle, made.publicKey.slice(1)),
      );
    }
  },

  "hpke keys: refuses private keys of a wrong length": async ({ hpke, suite }) => {
    const { Nsk } = suite.kem;
    await imported(async () => hpke.importPrivateKey(await someKey(hpke)));
    for (const size of [0, 1, Nsk - 1, Nsk + 1, 2 * Nsk]) {
      await refuses(`importPrivateKey of ${size} bytes`, () => hpke.importPrivateKey(filled(size, 1)));
    }
  },

  "hpke keys: refuses public keys of a wrong length": async (suite) => {
    const { publicKey } = await suite.hpke.generateKeyPair();
    const wrong = [EMPTY, publicKey.slice(1), publicKey.slice(0, -1), Uint8Array.of(...publicKey, 0)];
    for (const key of wrong) await refusedEverywhere(suite, key, `${key.length} bytes`);
  },

  "hpke keys: refuses handles that aren't its own": async ({ hpke, signature }) => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
    const signer = (await signature.generateKeyPair()).privateKey as object as HpkePrivateKey;
    const copy = { ...privateKey } as HpkePrivateKey;
    for (const [what, key] of [
      ["an empty object", {} as HpkePrivateKey],
      ["a signature key", signer],
      ["a handle's copy", copy],
    ] as const) {
      await refuses(`open with ${what}`, () => hpke.open(key, kemOutput, info, aad, ciphertext));
      await refuses(`receiveExport with ${what}`, () => hpke.receiveExport(key, kemOutput, info, aad, 16));
      await refuses(`exportPrivateKey of ${what}`, () => hpke.exportPrivateKey(key));
    }
  },

  "hpke keys: a destroyed key is refused, and destroying it again does nothing": async ({ hpke }) => {
    const kept = await hpke.generateKeyPair();
    for (const { publicKey, privateKey } of [
      await hpke.generateKeyPair(),
      await hpke.deriveKeyPair(pattern(64, 7)),
    ]) {
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
      const stays =
        (await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey))) === undefined;
      const saved = await hpke.savePrivateKey?.(privateKey);
      const isStored = hpke.isStored?.(privateKey);
      await hpke.destroyPrivateKey(privateKey);
      await hpke.destroyPrivateKey(privateKey);
      await refuses("open with it", () => hpke.open(privateKey, kemOutput, info, aad, ciphertext));
      await refuses("receiveExport with it", () => hpke.receiveExport(privateKey, kemOutput, info, aad, 16));
      await refusedBy(["crypto", "key-not-extractable"], "exportPrivateKey of it", () =>
        hpke.exportPrivateKey(privateKey),
      );
      // What was saved of a key that stays in a token or a store is a reference, and leads nowhere now.
      if (saved !== undefined && stays) {
        await refusedBy(["crypto", "state"], "loadPrivateKey of it", () => hpke.loadPrivateKey?.(saved));
        if (isStored === false)
          fail("isStored is false, but nothing finds a saved key after it was destroyed");
      }
    }
    await belong(hpke, kept, kept, "what another key opens after that");
    await refuses("destroyPrivateKey of an empty object", () => hpke.destroyPrivateKey({} as HpkePrivateKey));
  },

  "hpke keys: a handle shows nothing of the private key": async ({ hpke }) => {
    const { privateKey } = await hpke.generateKeyPair();
    const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey));
    if (bytes !== undefined) showsNothing(privateKey, bytes);
  },
};

/** Bytes of a private key: an exported one, or what is one of every KEM of RFC 9180. */
async function someKey(hpke: HpkePart): Promise<Uint8Array> {
  const { privateKey } = await hpke.generateKeyPair();
  const exported = await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey));
  const bytes = filled(hpke.algorithm.Nsk, 0);
  bytes[bytes.length - 1] = 1;
  return exported ?? bytes;
}

/** The further checks for KEMs over P-256, P-384 and P-521. */
const nistChecks: SuiteChecks = {
  "hpke keys: refuses points off the curve": async (suite) => {
    const points = offCurve(curveOf(suite), (await suite.hpke.generateKeyPair()).publicKey);
    for (const [i, point] of points.entries())
      await refusedEverywhere(suite, point, `point ${i} off the curve`);
    await refusedAsKemOutput(suite, points, "a point off the curve");
  },

  "hpke keys: refuses the point at infinity": async (suite) => {
    const points = infinity(curveOf(suite));
    for (const [i, point] of points.entries()) await refusedEverywhere(suite, point, `encoding ${i} of it`);
    await refusedAsKemOutput(suite, points, "it");
  },

  "hpke keys: refuses other encodings of points": async (suite) => {
    const curve = curveOf(suite);
    await suite.hpke.validatePublicKey(hex(curve.smallX));
    const points = otherEncodings(curve, (await suite.hpke.generateKeyPair()).publicKey);
    for (const [i, point] of points.entries()) await refusedEverywhere(suite, point, `encoding ${i}`);
    await refusedAsKemOutput(suite, points, "another encoding");
  },

  "hpke keys: takes 1 to order - 1 as private keys, and no other number": async (suite) => {
    const { hpke } = suite;
    const { order, size, generator, negatedY } = curveOf(suite);
    const [one, last, above] = [filled(size, 0), hex(order), hex(order)];
    one[size - 1] = 1;
    last[size - 1] = (last[size - 1] as number) - 1;
    above[size - 1] = (above[size - 1] as number) + 1;
    equal((await imported(() => hpke.importPrivateKey(one))).publicKey, generator, "the public key of 1");
    const negative = generator.slice(0, 2 + 2 * size) + negatedY;
    equal((await hpke.importPrivateKey(last)).publicKey, negative, "the public key of order - 1");
    for (const [what, scalar] of Object.entries({
      zero: filled(size, 0),
      "the order": hex(order),
      "order + 1": above,
      "the largest number": filled(size, 0xff),
    })) {
      await refuses(`importPrivateKey of ${what}`, () => hpke.importPrivateKey(scalar));
    }
  },
};

/** RFC 7748 §6: a private key and its public key, for the KEMs over X25519 and X448. */
const MONTGOMERY_KEYS: Readonly<Record<number, readonly (readonly [string, string])[]>> = {
  32: [
    [
      "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ],
    [
      "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
      "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ],
  ],
  33: [
    [
      "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
      "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
    ],
    [
      "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
      "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
    ],
  ],
};

/** The further checks for KEMs over X25519 and X448. */
const montgomeryChecks: SuiteChecks = {
  "hpke keys: known answers of RFC 7748": async ({ hpke, suite }) => {
    for (const [scalar, publicKey] of MONTGOMERY_KEYS[suite.kem.id] ?? []) {
      const pair = await imported(() => hpke.importPrivateKey(hex(scalar)));
      equal(pair.publicKey, publicKey, "the imported key's public key");
    }
  },

  "hpke keys: refuses points of low order, whose shared secret is zero": async (suite) => {
    const points = lowOrder(suite.suite.kem.id);
    for (const [i, point] of points.entries())
      await refusedEverywhere(suite, point, `point ${i} of low order`);
    await refusedAsKemOutput(suite, points, "a point of low order");
  },
};

const curveOf = ({ suite }: CipherSuiteProvider): NistCurve => KEM_CURVES[suite.kem.id] as NistCurve;

/** The checks that only KEMs of this kind have. */
export function checksOfKem({ id }: KemAlgorithm): SuiteChecks {
  if (id in KEM_CURVES) return nistChecks;
  return id in MONTGOMERY_KEYS ? montgomeryChecks : {};
}
