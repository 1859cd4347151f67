// RFC 9180 §6: what is sealed here opens in the hpke-js family, and the other way round; so are keys and exports.

import { toHex } from "@copse/test-support/bytes";
import { Aes128Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";
import fc from "fast-check";
import { AeadId, CipherSuite as AnyCipherSuite, KdfId, KemId } from "hpke-js";
import { describe, expect, test } from "vitest";
import { SUITE_IDS, suites, VARIANTS } from "./support.js";

const ORACLES = {
  1: { kem: KemId.DhkemX25519HkdfSha256, kdf: KdfId.HkdfSha256, aead: AeadId.Aes128Gcm },
  3: { kem: KemId.DhkemX25519HkdfSha256, kdf: KdfId.HkdfSha256, aead: AeadId.Chacha20Poly1305 },
  5: { kem: KemId.DhkemP521HkdfSha512, kdf: KdfId.HkdfSha512, aead: AeadId.Aes256Gcm },
  7: { kem: KemId.DhkemP384HkdfSha384, kdf: KdfId.HkdfSha384, aead: AeadId.Aes256Gcm },
};

function oracleOf(id: number): AnyCipherSuite | CipherSuite {
  if (id === 2) {
    return new CipherSuite({
      kem: new DhkemP256HkdfSha256(),
      kdf: new HkdfSha256(),
      aead: new Aes128Gcm(),
    });
  }
  return new AnyCipherSuite(ORACLES[id as keyof typeof ORACLES]);
}

const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const view = (buffer: ArrayBufferLike) => new Uint8Array(buffer);

describe.each(VARIANTS)("HPKE against hpke-js with %s", (_, options) => {
  test.each(SUITE_IDS)("suite %i", async (id) => {
    const { hpke } = (await suites(options)).find(({ suite }) => suite.id === id)!;
    const oracle = oracleOf(id);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 32, maxLength: 66 }),
        bytes(200),
        bytes(50),
        bytes(500),
        async (ikm, info, aad, plaintext) => {
          const ours = await hpke.deriveKeyPair(ikm);
          const theirs = await oracle.kem.deriveKeyPair(ikm);
          expect(toHex(view(await oracle.kem.serializePublicKey(theirs.publicKey)))).toBe(
            toHex(ours.publicKey),
          );
          expect(toHex(view(await oracle.kem.serializePrivateKey(theirs.privateKey)))).toBe(
            toHex(await hpke.exportPrivateKey(ours.privateKey)),
          );

          const sealed = await hpke.seal(ours.publicKey, info, aad, plaintext);
          const opened = await oracle.open(
            { recipientKey: theirs, enc: sealed.kemOutput, info },
            sealed.ciphertext,
            aad,
          );
          expect(view(opened)).toEqual(plaintext);

          const sent = await oracle.seal({ recipientPublicKey: theirs.publicKey, info }, plaintext, aad);
          expect(await hpke.open(ours.privateKey, view(sent.enc), info, aad, view(sent.ct))).toEqual(
            plaintext,
          );

          const exported = await hpke.sendExport(ours.publicKey, info, aad, 48);
          const recipient = await oracle.createRecipientContext({
            recipientKey: theirs,
            enc: exported.kemOutput,
            info,
          });
          expect(view(await recipient.export(aad, 48))).toEqual(exported.secret);
          expect(await hpke.receiveExport(ours.privateKey, exported.kemOutput, info, aad, 48)).toEqual(
            exported.secret,
          );
        },
      ),
      { numRuns: 8 },
    );
  });
});
