// RFC 9180 §6: HPKE in base mode, wholly by the hpke-js family.
import {
  type CipherSuite,
  CryptoError,
  type HashAlgorithm,
  type HpkeKeyPair,
  type HpkePart,
  type HpkePrivateKey,
} from "@copse/core/provider";
import { checkExportLength, expectLength, guard, isScalar } from "@copse/provider-kit";
import { HkdfSha256, HkdfSha384, HkdfSha512, CipherSuite as HpkeSuite, type KdfInterface } from "@hpke/core";
import { libraryAead } from "./aead.js";
import { bytesOf, copy } from "./bytes.js";
import { kemOf } from "./kem.js";
import { destroyKey, keyHandle, type OwnKey, useKey } from "./own-key.js";

const KDFS: readonly (readonly [string, () => KdfInterface])[] = [
  ["SHA-256", () => new HkdfSha256()],
  ["SHA-384", () => new HkdfSha384()],
  ["SHA-512", () => new HkdfSha512()],
];

function libraryKdf({ name }: HashAlgorithm): KdfInterface {
  const kdf = (KDFS.find(([hash]) => hash === name) as (typeof KDFS)[number])[1]();
  // The library writes lengths above 255 modulo 256 (RFC 9180 §4: two bytes), as of long exports.
  const build = kdf.buildLabeledInfo.bind(kdf);
  kdf.buildLabeledInfo = (label, info, length) => {
    const built = build(label, info, length);
    built[0] = length >> 8;
    return built;
  };
  return kdf;
}

/** The HPKE of a suite. Its private keys are those of every suite with the same KEM. */
export function hpkePart({ kem: algorithm, hash, aead }: CipherSuite): HpkePart {
  const { name, Npk, Nsk, Nenc } = algorithm;
  const kem = kemOf(algorithm);
  const { library, scalars } = kem;
  const suite = new HpkeSuite({ kem: library, kdf: libraryKdf(hash), aead: libraryAead(aead) });

  const withKey = <T>(handle: HpkePrivateKey, what: string, call: (own: OwnKey) => Promise<T>): Promise<T> =>
    useKey(handle, kem, name, (own) => guard(`${name}: ${what} failed`, () => call(own)));

  async function pairOf(keys: Omit<OwnKey, "users" | "destroyed">): Promise<HpkeKeyPair> {
    // A copy: the library gives its key's own memory.
    const publicKey = copy(bytesOf(await library.serializePublicKey(keys.publicKey)));
    return { publicKey, privateKey: keyHandle(keys, kem) };
  }

  function check(publicKey: Uint8Array, length: number, what: string): void {
    expectLength(publicKey, length, `${name} ${what}`);
    if (!kem.isPublicKey(publicKey)) throw new CryptoError(`${name}: the ${what} isn't a public key`);
  }

  /** What both directions need of a sender. Copies first: the library reads its inputs after it has waited. */
  async function recipient(publicKey: Uint8Array, info: Uint8Array) {
    check(publicKey, Npk, "public key");
    const params = { info: copy(info) };
    return { ...params, recipientPublicKey: await library.deserializePublicKey(copy(publicKey)) };
  }

  function received(recipientKey: OwnKey, kemOutput: Uint8Array, info: Uint8Array) {
    check(kemOutput, Nenc, "encapsulated key");
    return { recipientKey, enc: copy(kemOutput), info: copy(info) };
  }

  return {
    algorithm,
    generateKeyPair: () =>
      guard(`${name}: key generation failed`, async () => pairOf(await library.generateKeyPair())),
    deriveKeyPair: (ikm) =>
      guard(`${name}: key derivation failed`, async () => pairOf(await library.deriveKeyPair(copy(ikm)))),
    validatePublicKey: (publicKey) => check(publicKey, Npk, "public key"),
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      if (scalars !== undefined && !isScalar(bytes, scalars)) {
        throw new CryptoError(`${name}: the private key is out of range`);
      }
      return guard(`${name}: invalid private key`, async () => {
        const publicKey = copy(kem.publicKeyOf(bytes));
        const privateKey = await library.deserializePrivateKey(copy(bytes));
        return pairOf({ publicKey: await library.deserializePublicKey(publicKey), privateKey });
      });
    },
    exportPrivateKey: (handle) =>
      withKey(handle, "export", async ({ privateKey }) =>
        copy(bytesOf(await library.serializePrivateKey(privateKey))),
      ),
    destroyPrivateKey: (handle) => destroyKey(handle, kem, name),
    seal(publicKey, info, aad, plaintext) {
      const [text, data] = [copy(plaintext), copy(aad)];
      return guard(`${name}: sealing failed`, async () => {
        const { ct, enc } = await suite.seal(await recipient(publicKey, info), text, data);
        return { kemOutput: bytesOf(enc), ciphertext: bytesOf(ct) };
      });
    },
    open: (handle, kemOutput, info, aad, ciphertext) =>
      withKey(handle, "opening", async (own) =>
        bytesOf(await suite.open(received(own, kemOutput, info), copy(ciphertext), copy(aad))),
      ),
    sendExport(publicKey, info, exporterContext, length) {
      checkExportLength(length, hash.Nh);
      const context = copy(exporterContext);
      return guard(`${name}: export failed`, async () => {
        const sender = await suite.createSenderContext(await recipient(publicKey, info));
        return { kemOutput: bytesOf(sender.enc), secret: bytesOf(await sender.export(context, length)) };
      });
    },
    receiveExport(handle, kemOutput, info, exporterContext, length) {
      checkExportLength(length, hash.Nh);
      const context = copy(exporterContext);
      return withKey(handle, "export", async (own) => {
        const receiver = await suite.createRecipientContext(received(own, kemOutput, info));
        return bytesOf(await receiver.export(context, length));
      });
    },
  };
}
