// RFC 9180 §6: checks of encryption and export with HPKE in base mode.
import type { CipherSuiteProvider, HpkeKeyPair, HpkeSealed } from "@copse/core/provider";
import { describe, fail, type SuiteChecks, skip } from "../../check.js";
import { RFC_9180 } from "../../known/rfc9180.js";
import { WORKING_GROUP } from "../../known/working-group.js";
import {
  ascii,
  damaged,
  differs,
  EMPTY,
  equal,
  equalBytes,
  errorOf,
  hasLength,
  hex,
  holds,
  is,
  isCryptoError,
  pattern,
  refuses,
  toHex,
  unless,
} from "../../tools/assert.js";

const [info, aad, plaintext] = [ascii("info"), ascii("aad"), ascii("plaintext")];

/** Ends the check as skipped if the provider imports no private keys. */
export async function imported<T>(call: () => T | Promise<T>): Promise<T> {
  return (await unless("unsupported", call)) ?? skip("the provider imports no private keys");
}

/** A key pair, and a message that was encrypted to it. */
async function sample({ hpke }: CipherSuiteProvider) {
  const { publicKey, privateKey } = await hpke.generateKeyPair();
  const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
  return { hpke, publicKey, privateKey, kemOutput, ciphertext };
}

export const hpkeChecks: SuiteChecks = {
  "hpke: known answers of RFC 9180": async ({ hpke, suite }) => {
    const known = RFC_9180.find((vector) => vector.suite === suite.id);
    if (known === undefined) skip("there are none for this suite");
    const { publicKey, privateKey } = await hpke.deriveKeyPair(hex(known.ikmR));
    equal(publicKey, known.pkRm, "the derived public key");
    const exported = await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey));
    if (exported !== undefined) equal(exported, known.skRm, "the derived private key");
    const [enc, vectorInfo] = [hex(known.enc), hex(known.info)];
    equal(
      await hpke.open(privateKey, enc, vectorInfo, hex(known.aad), hex(known.ct)),
      known.pt,
      "what is opened",
    );
    equal(
      await hpke.receiveExport(privateKey, enc, vectorInfo, ascii("TestContext"), 32),
      known.exported,
      "what is exported",
    );
  },

  "hpke: known answers of the MLS working group": async ({ hpke, suite }) => {
    const known = WORKING_GROUP.find((vector) => vector.suite === suite.id);
    if (known === undefined) skip("there are none for this suite");
    const { open, deriveKeyPair } = known;
    const derived = await hpke.deriveKeyPair(hex(deriveKeyPair.ikm));
    equal(derived.publicKey, deriveKeyPair.publicKey, "the derived public key");
    const { publicKey, privateKey } = await imported(() => hpke.importPrivateKey(hex(open.privateKey)));
    equal(publicKey, open.publicKey, "the imported key's public key");
    equal(
      await hpke.open(privateKey, hex(open.kemOutput), hex(open.info), EMPTY, hex(open.ciphertext)),
      open.plaintext,
      "what is opened",
    );
  },

  "hpke: opens what it seals, and all has the right length": async (suite) => {
    const { hpke, publicKey, privateKey, kemOutput } = await sample(suite);
    hasLength(publicKey, suite.suite.kem.Npk, "the public key");
    hasLength(kemOutput, suite.suite.kem.Nenc, "the KEM output");
    for (const message of [EMPTY, plaintext, pattern(100_000)]) {
      for (const [i, a] of [
        [EMPTY, EMPTY],
        [info, aad],
        [pattern(1000), pattern(5000)],
      ] as const) {
        const sealed = await hpke.seal(publicKey, i, a, message);
        hasLength(sealed.ciphertext, message.length + suite.suite.aead.Nt, "the ciphertext");
        const opened = await hpke.open(privateKey, sealed.kemOutput, i, a, sealed.ciphertext);
        equal(opened, message, "what is opened");
      }
    }
  },

  "hpke: uses a fresh ephemeral key for each encryption": async (suite) => {
    const { hpke, publicKey, kemOutput, ciphertext } = await sample(suite);
    const outputs = [kemOutput];
    const ciphertexts = [ciphertext];
    const take = (sealed: HpkeSealed) => {
      outputs.push(sealed.kemOutput);
      ciphertexts.push(sealed.ciphertext);
    };
    for (let i = 0; i < 4; i++) take(await hpke.seal(publicKey, info, aad, plaintext));
    const request = { publicKey, info, aad, plaintext };
    if (hpke.sealAll) for (const sealed of await hpke.sealAll([request, request, request])) take(sealed);
    for (let i = 0; i < 3; i++) outputs.push((await hpke.sendExport(publicKey, info, aad, 32)).kemOutput);
    is(new Set(outputs.map(toHex)).size, outputs.length, "the number of different KEM outputs");
    is(new Set(ciphertexts.map(toHex)).size, ciphertexts.length, "the number of different ciphertexts");
  },

  "hpke: refuses a damaged KEM output": async (suite) => {
    const { hpke, privateKey, kemOutput, ciphertext } = await sample(suite);
    for (const other of damaged(kemOutput)) {
      await refuses("open with one bit changed", () => hpke.open(privateKey, other, info, aad, ciphertext));
    }
    const { hpke: same_, publicKey } = await sample(suite);
    const foreign = (await same_.seal(publicKey, info, aad, plaintext)).kemOutput;
    await refuses("open with that of another message", () =>
      hpke.open(privateKey, foreign, info, aad, ciphertext),
    );
    for (const other of [EMPTY, kemOutput.slice(1), kemOutput.slice(0, -1), Uint8Array.of(...kemOutput, 0)]) {
      const what = `with a KEM output of ${other.length} bytes`;
      await refuses(`open ${what}`, () => hpke.open(privateKey, other, info, aad, ciphertext));
      await refuses(`receiveExport ${what}`, () => hpke.receiveExport(privateKey, other, info, aad, 16));
    }
  },

  "hpke: refuses another info": async (suite) => {
    const { hpke, privateKey, kemOutput, ciphertext } = await sample(suite);
    for (const other of [EMPTY, info.slice(1), Uint8Array.of(...info, 0), ...damaged(info)]) {
      await refuses("open with another", () => hpke.open(privateKey, kemOutput, other, aad, ciphertext));
    }
  },

  "hpke: refuses other additional data": async (suite) => {
    const { hpke, privateKey, kemOutput, ciphertext } = await sample(suite);
    for (const other of [EMPTY, aad.slice(1), Uint8Array.of(...aad, 0), ...damaged(aad)]) {
      await refuses("open with others", () => hpke.open(privateKey, kemOutput, info, other, ciphertext));
    }
  },

  "hpke: refuses a damaged ciphertext": async (suite) => {
    const { hpke, privateKey, kemOutput, ciphertext } = await sample(suite);
    const open = (other: Uint8Array) => hpke.open(privateKey, kemOutput, info, aad, other);
    for (const other of damaged(ciphertext, 12)) {
      await refuses("open with one bit changed", () => open(other));
    }
    const { Nt } = suite.suite.aead;
    for (const length of [0, 1, Nt - 1, Nt, ciphertext.length - 1]) {
      await refuses(`open with the first ${length} bytes`, () => open(ciphertext.slice(0, length)));
    }
    await refuses("open with one byte more", () => open(Uint8Array.of(...ciphertext, 0)));
  },

  "hpke: refuses another private key": async (suite) => {
    const { hpke, kemOutput, ciphertext } = await sample(suite);
    for (const other of [await hpke.generateKeyPair(), await hpke.deriveKeyPair(pattern(64))]) {
      await refuses("open with another", () => hpke.open(other.privateKey, kemOutput, info, aad, ciphertext));
    }
  },

  "hpke: sealAll agrees with seal": async ({ hpke }) => {
    if (hpke.sealAll === undefined) skip("there is no sealAll");
    const pairs: HpkeKeyPair[] = [];
    for (let i = 0; i < 4; i++) pairs.push(await hpke.generateKeyPair());
    // Among them two to one key, one with another info, and one of nothing.
    const requests = [0, 1, 1, 2, 3].map((key, i) => ({
      publicKey: (pairs[key] as HpkeKeyPair).publicKey,
      info: i === 3 ? ascii("other") : info,
      aad: i === 2 ? EMPTY : aad,
      plaintext: i === 4 ? EMPTY : pattern(10 + i),
    }));
    const sealed = await hpke.sealAll(requests);
    is(sealed.length, requests.length, "the number of answers");
    for (const [i, key] of [0, 1, 1, 2, 3].entries()) {
      const { kemOutput, ciphertext } = sealed[i] as HpkeSealed;
      const request = requests[i] as (typeof requests)[0];
      const { privateKey } = pairs[key] as HpkeKeyPair;
      const error = await errorOf(async () =>
        equal(
          await hpke.open(privateKey, kemOutput, request.info, request.aad, ciphertext),
          request.plaintext,
          "it",
        ),
      );
      if (error !== undefined)
        fail(`answer ${i} of sealAll doesn't open as request ${i}: ${describe(error)}`);
    }
    is((await hpke.sealAll([])).length, 0, "the number of answers to nothing");
    const bad = requests.map((request, i) => (i === 1 ? { ...request, publicKey: EMPTY } : request));
    await refuses("sealAll with one bad key", () => hpke.sealAll?.(bad));
  },

  "hpke: exports the same secret to both sides": async ({ hpke, suite }) => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { Nh } = suite.hash;
    for (const length of [1, 16, Nh, Nh + 1, 3 * Nh, 255 * Nh]) {
      const { kemOutput, secret } = await hpke.sendExport(publicKey, info, ascii("context"), length);
      hasLength(kemOutput, suite.kem.Nenc, "the KEM output");
      hasLength(secret, length, "the sender's secret");
      equal(
        await hpke.receiveExport(privateKey, kemOutput, info, ascii("context"), length),
        secret,
        "the receiver's secret",
      );
    }
  },

  "hpke: an exported secret depends on the key, the info, the context and the length": async (suite) => {
    const { hpke } = suite;
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const context = ascii("context");
    const { kemOutput, secret } = await hpke.sendExport(publicKey, info, context, 32);
    const receive = (i: Uint8Array, c: Uint8Array, length = 32) =>
      hpke.receiveExport(privateKey, kemOutput, i, c, length);
    for (const other of [EMPTY, ascii("inf"), ascii("infp")]) {
      differs(await receive(other, context), secret, "another info gives the same secret");
    }
    for (const other of [EMPTY, ascii("contex"), ascii("contexu"), info]) {
      differs(await receive(info, other), secret, "another exporter context gives the same secret");
    }
    const longer = await receive(info, context, 33);
    holds(!equalBytes(longer.slice(0, 32), secret), "a longer secret begins with the shorter one");
    const other = await hpke.generateKeyPair();
    const foreign = await hpke.receiveExport(other.privateKey, kemOutput, info, context, 32);
    differs(foreign, secret, "another private key gives the same secret");
    for (const bad of damaged(kemOutput)) {
      const error = await errorOf(async () => {
        const got = await hpke.receiveExport(privateKey, bad, info, context, 32);
        differs(got, secret, "a damaged KEM output gives the same secret");
      });
      if (error !== undefined && !isCryptoError(error)) throw error;
    }
    const again = await hpke.sendExport(publicKey, info, context, 32);
    differs(again.secret, secret, "a second export gives the same secret");
  },

  "hpke: refuses to export more than 255 blocks": async ({ hpke, suite }) => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { kemOutput } = await hpke.sendExport(publicKey, info, EMPTY, 8);
    for (const length of [255 * suite.hash.Nh + 1, 65_536, -1, 1.5]) {
      await refuses(`sendExport of ${length} bytes`, () => hpke.sendExport(publicKey, info, EMPTY, length));
      await refuses(`receiveExport of ${length} bytes`, () =>
        hpke.receiveExport(privateKey, kemOutput, info, EMPTY, length),
      );
    }
  },
};
