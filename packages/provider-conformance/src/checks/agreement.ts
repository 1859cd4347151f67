// RFC 9420 §5.1: checks that two providers give the same bytes, and understand each other.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../check.js";
import { ascii, EMPTY, equal, is, pattern, unless } from "../tools/assert.js";
import type { Watch } from "../watch.js";

/** The checks that hold a suite against another provider's. */
export function agreementChecks(second: (id: number) => CipherSuiteProvider | undefined): SuiteChecks {
  const other = ({ suite }: CipherSuiteProvider, watch: Watch) =>
    watch.suite(second(suite.id) ?? skip("the second provider doesn't serve this suite"));

  return {
    "agreement: the same digests, MACs and derived secrets": async (ours, watch) => {
      const theirs = other(ours, watch);
      for (const size of [0, 1, 55, 56, 64, 111, 112, 128, 129, 1000]) {
        const [a, b] = [pattern(size, 1), pattern(size + 3, 2)];
        equal(await ours.hash.hash(a), await theirs.hash.hash(a), `the digest of ${size} bytes`);
        equal(await ours.hash.mac(a, b), await theirs.hash.mac(a, b), `a MAC with a key of ${size} bytes`);
        equal(await ours.kdf.extract(a, b), await theirs.kdf.extract(a, b), `extract with ${size} bytes`);
        const prk = pattern(ours.suite.hash.Nh, 3);
        const [left, right] = [await ours.kdf.expand(prk, a, size), await theirs.kdf.expand(prk, a, size)];
        equal(left, right, `expand to ${size} bytes`);
      }
    },

    "agreement: the same ciphertexts": async (ours, watch) => {
      const theirs = other(ours, watch);
      const [key, nonce] = [pattern(ours.suite.aead.Nk, 4), pattern(ours.suite.aead.Nn, 5)];
      for (const size of [0, 1, 15, 16, 17, 64, 1000, 70_000]) {
        const [aad, plaintext] = [pattern(size % 100, 6), pattern(size, 7)];
        const sealed = await ours.aead.seal(key, nonce, aad, plaintext);
        equal(sealed, await theirs.aead.seal(key, nonce, aad, plaintext), `a ciphertext of ${size} bytes`);
      }
    },

    "agreement: the same derived key pairs": async (ours, watch) => {
      const theirs = other(ours, watch);
      for (const seed of [1, 2, 3, 4, 5]) {
        const ikm = pattern(ours.suite.hash.Nh, seed);
        const [a, b] = [await ours.hpke.deriveKeyPair(ikm), await theirs.hpke.deriveKeyPair(ikm)];
        equal(a.publicKey, b.publicKey, "the derived public key");
        const [left, right] = [
          await unless("key-not-extractable", () => ours.hpke.exportPrivateKey(a.privateKey)),
          await unless("key-not-extractable", () => theirs.hpke.exportPrivateKey(b.privateKey)),
        ];
        if (left && right) equal(left, right, "the derived private key");
      }
    },

    "agreement: each opens what the other seals, and exports what the other exports": async (ours, watch) => {
      const theirs = other(ours, watch);
      const [info, aad, message] = [ascii("info"), ascii("aad"), pattern(300)];
      for (const [from, to] of bothWays(ours, theirs)) {
        const { publicKey, privateKey } = await to.hpke.generateKeyPair();
        await from.hpke.validatePublicKey(publicKey);
        const { kemOutput, ciphertext } = await from.hpke.seal(publicKey, info, aad, message);
        equal(await to.hpke.open(privateKey, kemOutput, info, aad, ciphertext), message, "what is opened");
        const sent = await from.hpke.sendExport(publicKey, info, aad, 32);
        const received = await to.hpke.receiveExport(privateKey, sent.kemOutput, info, aad, 32);
        equal(received, sent.secret, "the exported secret");
      }
    },

    "agreement: each verifies what the other signs": async (ours, watch) => {
      const theirs = other(ours, watch);
      for (const [from, to] of bothWays(ours, theirs)) {
        const { publicKey, privateKey } = await from.signature.generateKeyPair();
        await to.signature.validatePublicKey(publicKey);
        for (const message of [EMPTY, ascii("message"), pattern(5000)]) {
          const value = await from.signature.sign(privateKey, message);
          is(await to.signature.verify(publicKey, message, value), true, "the other's answer to a signature");
        }
      }
    },

    "agreement: each imports what the other exports": async (ours, watch) => {
      const theirs = other(ours, watch);
      for (const [from, to] of bothWays(ours, theirs)) {
        for (const part of ["hpke", "signature"] as const) {
          const bytes = await exported(from, part);
          if (bytes === undefined) continue;
          const pair = await unless("unsupported", () => to[part].importPrivateKey(bytes.privateKey));
          if (pair) equal(pair.publicKey, bytes.publicKey, "the public key of an imported key");
        }
      }
    },
  };
}

/** A fresh key pair in bytes; `undefined` if the private key isn't given away. */
async function exported({ hpke, signature }: CipherSuiteProvider, part: "hpke" | "signature") {
  const own = part === "hpke" ? await hpke.generateKeyPair() : await signature.generateKeyPair();
  const bytes = await unless("key-not-extractable", () =>
    part === "hpke"
      ? hpke.exportPrivateKey(own.privateKey as Parameters<typeof hpke.exportPrivateKey>[0])
      : signature.exportPrivateKey(own.privateKey as Parameters<typeof signature.exportPrivateKey>[0]),
  );
  return bytes && { publicKey: own.publicKey, privateKey: bytes };
}

/** Each as the one that makes and as the one that takes. */
const bothWays = (ours: CipherSuiteProvider, theirs: CipherSuiteProvider) =>
  [
    [ours, theirs],
    [theirs, ours],
  ] as const;
