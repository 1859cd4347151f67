// RFC 9420 §5.1: faults in the AEAD.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { type AeadPart, type CipherSuiteProvider, CryptoError } from "@copse/core/provider";
import { broken, cachedBy, cut, type Fault, fault, none, orElse, toHex } from "./fault.js";

const LENGTHS = "aead: known answers at every length to 303, and at large ones";
const TAG = "aead: refuses a changed tag";
const WRONG_LENGTH = "aead: refuses keys and nonces of a wrong length";
const ROUND = "aead: opens what it seals, from nothing to a mebibyte";
const BEFORE = "aead: what was sealed or opened before changes nothing";
const SEAL = ["aead", "seal"] as const;
const OPEN = ["aead", "open"] as const;

/** AES-128-GCM that opens with `otherwise` what a healthy one refuses, if there is room for a tag. */
function alsoOpening(aead: AeadPart, tag: number, otherwise: AeadPart["open"]): Partial<CipherSuiteProvider> {
  return {
    aead: {
      ...aead,
      open: (key, nonce, aad, ciphertext) =>
        orElse(
          () => aead.open(key, nonce, aad, ciphertext),
          () => {
            if (key.length !== 16 || nonce.length !== 12 || ciphertext.length < tag)
              throw new CryptoError("length");
            return otherwise(key, nonce, aad, ciphertext);
          },
        ),
    },
  };
}

/** Decrypts without looking at the tag. */
const unchecked = (key: Uint8Array, nonce: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  new Uint8Array(createDecipheriv("aes-128-gcm", key, nonce).update(ciphertext.subarray(0, -16)));

/** Looks at so many bytes of the tag. */
const shortTag = (bytes: number): Fault =>
  fault(`compares the first ${bytes} bytes of the tag`, 1, TAG, ({ aead }) =>
    alsoOpening(aead, 16, async (key, nonce, aad, ciphertext) => {
      const plaintext = unchecked(key, nonce, ciphertext);
      const tag = (await aead.seal(key, nonce, aad, plaintext)).slice(-16);
      const same = toHex(cut(tag, bytes)) === toHex(cut(ciphertext.slice(-16), bytes));
      if (!same) throw new CryptoError("tag");
      return plaintext;
    }),
  );

/** Both ways use other keys, nonces and additional data. */
const using = (
  what: string,
  suite: number,
  caughtBy: string,
  other: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => [Uint8Array, Uint8Array, Uint8Array],
): Fault =>
  fault(what, suite, caughtBy, ({ aead }) => ({
    aead: {
      ...aead,
      seal: (key, nonce, aad, plaintext) => aead.seal(...other(key, nonce, aad), plaintext),
      open: (key, nonce, aad, ciphertext) => aead.open(...other(key, nonce, aad), ciphertext),
    },
  }));

const stretch = (bytes: Uint8Array, size: number) => {
  const full = new Uint8Array(size);
  full.set(bytes.subarray(0, size));
  return full;
};

export const AEAD: readonly Fault[] = [
  fault("skips the tag check", 1, TAG, ({ aead }) =>
    alsoOpening(aead, 16, (key, nonce, _aad, ciphertext) => unchecked(key, nonce, ciphertext)),
  ),
  shortTag(15),
  shortTag(4),
  fault("takes any tag of an empty message", 1, TAG, ({ aead }) =>
    alsoOpening(aead, 16, (_key, _nonce, _aad, ciphertext) => {
      if (ciphertext.length > 16) throw new CryptoError("tag");
      return new Uint8Array(0);
    }),
  ),
  fault("gives nothing instead of an error for a wrong tag", 1, TAG, ({ aead }) =>
    alsoOpening(aead, 16, () => null as unknown as Uint8Array),
  ),
  fault("takes truncated tags", 1, "aead: refuses every truncated tag", ({ aead }) =>
    alsoOpening(aead, 12, (key, nonce, aad, ciphertext) => {
      try {
        const cipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: 12 });
        cipher.setAAD(aad).setAuthTag(ciphertext.subarray(-12));
        const opened = new Uint8Array(cipher.update(ciphertext.subarray(0, -12)));
        cipher.final();
        return opened;
      } catch (cause) {
        throw new CryptoError("tag", { cause });
      }
    }),
  ),
  fault("ignores a byte after the tag", 1, "aead: refuses every truncated tag", ({ aead }) =>
    alsoOpening(aead, 17, (key, nonce, aad, ciphertext) =>
      aead.open(key, nonce, aad, ciphertext.slice(0, -1)),
    ),
  ),
  fault(
    "opens a changed ciphertext of more than a page",
    1,
    "aead: refuses a changed ciphertext",
    ({ aead }) =>
      alsoOpening(aead, 4096, (key, nonce, _aad, ciphertext) => unchecked(key, nonce, ciphertext)),
  ),
  using("ignores additional data", 3, "aead: refuses other additional data", (key, nonce) => [
    key,
    nonce,
    none,
  ]),
  using("cuts additional data at 64 bytes", 1, LENGTHS, (key, nonce, aad) => [key, nonce, cut(aad, 64)]),
  using("cuts additional data at 255 bytes", 3, LENGTHS, (key, nonce, aad) => [key, nonce, cut(aad, 255)]),
  using("cuts additional data at 64 KiB", 4, LENGTHS, (key, nonce, aad) => [key, nonce, cut(aad, 65_536)]),
  using("has one byte for the length of additional data", 1, LENGTHS, (key, nonce, aad) => [
    key,
    nonce,
    cut(aad, aad.length & 0xff),
  ]),
  using(
    "uses the first eight bytes of a nonce",
    1,
    "aead: refuses another key or nonce",
    (key, nonce, aad) => [key, nonce.length === 12 ? stretch(cut(nonce, 8), 12) : nonce, aad],
  ),
  using("uses half of a key", 4, "aead: refuses another key or nonce", (key, nonce, aad) => [
    key.length === 32 ? stretch(cut(key, 16), 32) : key,
    nonce,
    aad,
  ]),
  using("stretches short keys", 6, WRONG_LENGTH, (key, nonce, aad) => [stretch(key, 32), nonce, aad]),
  using("cuts long nonces", 3, WRONG_LENGTH, (key, nonce, aad) => [
    key,
    nonce.length > 12 ? cut(nonce, 12) : nonce,
    aad,
  ]),
  broken(
    "encrypts with AES-192 if the key is one",
    1,
    WRONG_LENGTH,
    SEAL,
    (seal) => (key, nonce, aad, plaintext) => {
      if (key.length !== 24 || nonce.length !== 12) return seal(key, nonce, aad, plaintext);
      const cipher = createCipheriv("aes-192-gcm", key, nonce).setAAD(aad);
      return Uint8Array.of(...cipher.update(plaintext), ...cipher.final(), ...cipher.getAuthTag());
    },
  ),
  broken("refuses empty messages", 1, ROUND, SEAL, (seal) => (key, nonce, aad, plaintext) => {
    if (plaintext.length === 0) throw new CryptoError("nothing to seal");
    return seal(key, nonce, aad, plaintext);
  }),
  broken("refuses more than 512 KiB", 3, ROUND, SEAL, (seal) => (key, nonce, aad, plaintext) => {
    if (plaintext.length > 524_288) throw new CryptoError("too much");
    return seal(key, nonce, aad, plaintext);
  }),
  broken(
    "seals the first 64 KiB of a long message again",
    1,
    ROUND,
    SEAL,
    (seal) => (key, nonce, aad, plaintext) => {
      const bytes = Uint8Array.from(plaintext as Uint8Array);
      if (bytes.length > 65_536) bytes.copyWithin(65_536, 0, bytes.length - 65_536);
      return seal(key, nonce, aad, bytes);
    },
  ),
  broken(
    "opens a message of 65,536 bytes to one less",
    1,
    "aead: opens at every length, and no other additional data",
    OPEN,
    (open) =>
      (...inputs) => {
        const opened = open(...inputs);
        return opened.length === 65_536 ? opened.slice(0, -1) : opened;
      },
  ),
  broken("keeps what it opened by key and nonce", 1, BEFORE, OPEN, (open) =>
    cachedBy(open, (key, nonce) => toHex(key as Uint8Array) + toHex(nonce as Uint8Array)),
  ),
  broken("keeps what it sealed by key, nonce and length", 3, BEFORE, SEAL, (seal) =>
    cachedBy(seal, (key, nonce, _aad, plaintext) => `${toHex(key!)} ${toHex(nonce!)} ${plaintext!.length}`),
  ),
  broken("keeps what it opened by the tag", 1, BEFORE, OPEN, (open) =>
    cachedBy(open, (_key, _nonce, _aad, ciphertext) => toHex(ciphertext!.slice(-16))),
  ),
];
