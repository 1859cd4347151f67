// RFC 9180 §7.3, RFC 5116: checks of the AEAD.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import { AEADS } from "../../known/symmetric.js";
import {
  ascii,
  damaged,
  differs,
  EMPTY,
  equal,
  flipped,
  hasLength,
  hex,
  is,
  pattern,
  refuses,
  toHex,
} from "../../tools/assert.js";

/** Around the blocks of AES and ChaCha20, and large. */
const TO_64K = [0, 1, 15, 16, 17, 63, 64, 65, 128, 1000, 65_535, 65_537];
const SIZES = { full: [...TO_64K, 2 ** 20 + 3], short: TO_64K };

/** A key, a nonce, additional data, and a message that was sealed with them. */
async function sample({ aead, suite }: CipherSuiteProvider, plaintext: Uint8Array = ascii("plaintext")) {
  const [key, nonce, aad] = [pattern(suite.aead.Nk, 1), pattern(suite.aead.Nn, 2), ascii("aad")];
  return { aead, key, nonce, aad, plaintext, sealed: await aead.seal(key, nonce, aad, plaintext) };
}

export const aeadChecks: SuiteChecks = {
  "aead: known answers": async ({ aead, suite }) => {
    const known = AEADS[suite.aead.name] ?? skip(`there are none for ${suite.aead.name}`);
    for (const [i, { key, nonce, aad, plaintext, ciphertext }] of known.entries()) {
      const inputs = [hex(key), hex(nonce), hex(aad)] as const;
      equal(await aead.seal(...inputs, hex(plaintext)), ciphertext, `ciphertext ${i}`);
      equal(await aead.open(...inputs, hex(ciphertext)), plaintext, `plaintext ${i}`);
    }
  },

  "aead: opens what it seals, from nothing to a mebibyte": async ({ aead, suite }, { effort }) => {
    const { Nk, Nn, Nt } = suite.aead;
    const [key, nonce] = [pattern(Nk, 3), pattern(Nn, 4)];
    for (const size of SIZES[effort]) {
      const plaintext = pattern(size, size + 1);
      const sealed = await aead.seal(key, nonce, EMPTY, plaintext);
      hasLength(sealed, size + Nt, `the ciphertext of ${size} bytes`);
      equal(await aead.open(key, nonce, EMPTY, sealed), plaintext, `what comes out of ${size} bytes`);
    }
    for (const size of [1, 13, 100_000]) {
      const aad = pattern(size, 5);
      const sealed = await aead.seal(key, nonce, aad, ascii("a"));
      equal(await aead.open(key, nonce, aad, sealed), ascii("a"), `a message with ${size} bytes beside it`);
    }
  },

  "aead: refuses a changed tag": async (suite) => {
    for (const message of [EMPTY, ascii("plaintext")]) {
      const { aead, key, nonce, aad, sealed } = await sample(suite, message);
      for (let bit = 8 * message.length; bit < 8 * sealed.length; bit++) {
        const at = bit - 8 * message.length;
        await refuses(`bit ${at} of the tag`, () => aead.open(key, nonce, aad, flipped(sealed, bit)));
      }
      const zeros = Uint8Array.from(sealed);
      zeros.fill(0, message.length);
      await refuses("a tag of zeros", () => aead.open(key, nonce, aad, zeros));
    }
  },

  "aead: refuses every truncated tag": async (suite) => {
    for (const message of [EMPTY, ascii("plaintext"), pattern(64)]) {
      const { aead, key, nonce, aad, sealed } = await sample(suite, message);
      for (let length = 0; length < sealed.length; length++) {
        await refuses(`the first ${length} bytes of ${sealed.length}`, () =>
          aead.open(key, nonce, aad, sealed.slice(0, length)),
        );
      }
      const longer = new Uint8Array(sealed.length + 1);
      longer.set(sealed);
      await refuses("one byte more", () => aead.open(key, nonce, aad, longer));
      await refuses("without the first byte", () => aead.open(key, nonce, aad, sealed.slice(1)));
    }
  },

  "aead: refuses a changed ciphertext": async (suite) => {
    for (const message of [ascii("plaintext"), pattern(5000)]) {
      const { aead, key, nonce, aad, sealed } = await sample(suite, message);
      for (const other of damaged(sealed.slice(0, message.length), 20)) {
        const changed = Uint8Array.from(sealed);
        changed.set(other);
        await refuses("one bit changed", () => aead.open(key, nonce, aad, changed));
      }
    }
  },

  "aead: refuses other additional data": async (suite) => {
    for (const message of [EMPTY, ascii("plaintext")]) {
      const { aead, key, nonce, aad, sealed } = await sample(suite, message);
      const others = [EMPTY, aad.slice(1), Uint8Array.of(...aad, 0), ...damaged(aad)];
      for (const other of others) {
        await refuses("opened with others", () => aead.open(key, nonce, other, sealed));
        differs(
          await aead.seal(key, nonce, other, message),
          sealed,
          "a message is sealed alike with other additional data",
        );
      }
    }
  },

  "aead: refuses another key or nonce": async (suite) => {
    const { aead, key, nonce, aad, sealed } = await sample(suite);
    for (const other of damaged(key, key.length)) {
      await refuses("another key", () => aead.open(other, nonce, aad, sealed));
    }
    for (const other of damaged(nonce, nonce.length)) {
      await refuses("another nonce", () => aead.open(key, other, aad, sealed));
    }
  },

  "aead: what was sealed or opened before changes nothing": async (suite) => {
    const { aead, key, nonce, aad, plaintext, sealed } = await sample(suite);
    const [otherKey, otherNonce] = [flipped(key, 9), flipped(nonce, 9)];
    const otherPlaintext = flipped(plaintext, 9);
    const others = [
      [otherKey, nonce, aad, plaintext],
      [key, otherNonce, aad, plaintext],
      [key, nonce, ascii("dda"), plaintext],
      [key, nonce, aad, otherPlaintext],
    ] as const;
    // One after the other, and each again after all.
    for (let round = 0; round < 2; round++) {
      equal(await aead.open(key, nonce, aad, sealed), plaintext, `what is opened in round ${round}`);
      await refuses("a changed tag after the good one", () =>
        aead.open(key, nonce, aad, flipped(sealed, 8 * sealed.length - 5)),
      );
      await refuses("a changed ciphertext after the good one", () =>
        aead.open(key, nonce, aad, flipped(sealed, 3)),
      );
      await refuses("other additional data after the right ones", () =>
        aead.open(key, nonce, ascii("dda"), sealed),
      );
      await refuses("another key after the right one", () => aead.open(otherKey, nonce, aad, sealed));
      await refuses("another nonce after the right one", () => aead.open(key, otherNonce, aad, sealed));
      const seen = new Set([toHex(sealed)]);
      for (const inputs of others) {
        const other = await aead.seal(...inputs);
        equal(await aead.open(inputs[0], inputs[1], inputs[2], other), inputs[3], "what another seals");
        seen.add(toHex(other));
      }
      is(seen.size, 1 + others.length, "the number of different ciphertexts");
      equal(await aead.seal(key, nonce, aad, plaintext), sealed, `what is sealed in round ${round}`);
    }
  },

  "aead: refuses keys and nonces of a wrong length": async (suite) => {
    const { aead, key, nonce, aad, plaintext, sealed } = await sample(suite);
    for (const size of [0, 8, 15, 16, 17, 24, 31, 32, 33, 64]) {
      if (size === key.length) continue;
      const wrong = pattern(size, 1);
      await refuses(`seal with a key of ${size} bytes`, () => aead.seal(wrong, nonce, aad, plaintext));
      await refuses(`open with a key of ${size} bytes`, () => aead.open(wrong, nonce, aad, sealed));
    }
    for (const size of [0, 1, 8, 11, 12, 13, 16, 24]) {
      if (size === nonce.length) continue;
      const wrong = pattern(size, 2);
      await refuses(`seal with a nonce of ${size} bytes`, () => aead.seal(key, wrong, aad, plaintext));
      await refuses(`open with a nonce of ${size} bytes`, () => aead.open(key, wrong, aad, sealed));
    }
  },
};
