// RFC 9420 §5.1: faults in signatures.
import { CryptoError, type SignaturePart } from "@copse/core/provider";
import { ed25519 } from "@noble/curves/ed25519.js";
import { ecdsaWithNonce, ed25519WithOneNonce, randomBits } from "./ecdsa.js";
import { broken, cachedBy, cut, type Fault, fault, toHex } from "./fault.js";

const ANSWERS = "signature: a good signature makes no other good, and a bad one no other bad";
const LENGTHS = "signature: every byte of a message counts, at every length";
const TWICE = "signature: no nonce comes twice, among many signatures";
const BIASED = "signature: nonces have no bits that are always the same";
const ACCEPTS = "signature: accepts signatures and keys that begin or end with zeros";
const SIGNS = "signature: signs with keys, and signatures, that begin or end with zeros";
const MANY = "signature: many signatures are all well-formed and verify";

const SIGN = ["signature", "sign"] as const;
const VERIFY = ["signature", "verify"] as const;

const bigEndian = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes) || "0"}`);

/** Both ways take another message than they are given. */
const hearing = (what: string, suite: number, other: (message: Uint8Array) => Uint8Array): Fault =>
  fault(what, suite, LENGTHS, ({ signature }) => ({
    signature: {
      ...signature,
      sign: (key, message) => signature.sign(key, other(message)),
      verify: (key, message, value) => signature.verify(key, other(message), value),
    },
  }));

/** Remembers answers by a part of what was asked. */
const remembers = (
  what: string,
  suite: number,
  by: (key: Uint8Array, message: Uint8Array, value: Uint8Array) => string,
): Fault =>
  broken(`remembers verifications by ${what}`, suite, ANSWERS, VERIFY, (verify) => cachedBy(verify, by));

/** Refuses some good signatures, or keys. */
const refusing = (
  what: string,
  suite: number,
  isBad: (value: Uint8Array, key: Uint8Array) => boolean,
): Fault =>
  broken(
    `refuses ${what}`,
    suite,
    ACCEPTS,
    VERIFY,
    (verify) => (key, message, value) => !isBad(value, key) && verify(key, message, value),
  );

/** The INTEGERs of a signature, as they are encoded. */
function integers(value: Uint8Array): [Uint8Array, Uint8Array] {
  const start = value[1] === 0x81 ? 3 : 2;
  const length = value[start + 1] as number;
  return [value.slice(start + 2, start + 2 + length), value.slice(start + 4 + length)];
}

function encoded(r: Uint8Array, s: Uint8Array): Uint8Array {
  const content = Uint8Array.of(2, r.length, ...r, 2, s.length, ...s);
  const length = content.length < 128 ? [content.length] : [0x81, content.length];
  return Uint8Array.of(0x30, ...length, ...content);
}

const NONCES: readonly Fault[] = [
  fault("signs with a constant nonce", 2, TWICE, (s) => ecdsaWithNonce(s, 2, () => 0x1234567890abcdefn)),
  fault("uses the nonces of 100 signatures again", 2, TWICE, (s) => {
    const nonces = Array.from({ length: 100 }, () => randomBits(255));
    return ecdsaWithNonce(s, 2, (call) => nonces[call % 100] as bigint);
  }),
  fault("signs with each nonce twice", 7, TWICE, (s) => {
    const nonces: bigint[] = [];
    return ecdsaWithNonce(s, 7, (call) => (nonces[call >> 1] ??= randomBits(383)));
  }),
  fault("takes the message's nonce for all keys", 2, TWICE, (s) =>
    ecdsaWithNonce(
      s,
      2,
      (_, message) => (bigEndian(message) + 7n) * 0x1234567890abcdef1234567890abcdefn ** 2n,
    ),
  ),
  fault("signs with EdDSA's R of the first signature", 1, TWICE, (s) => ed25519WithOneNonce(s)),
  fault("signs with nonces of 128 bits", 2, BIASED, (s) => ecdsaWithNonce(s, 2, () => randomBits(128))),
  fault("signs with nonces of 248 bits", 2, BIASED, (s) => ecdsaWithNonce(s, 2, () => randomBits(248))),
  fault("signs with nonces of 255 bits", 2, BIASED, (s) => ecdsaWithNonce(s, 2, () => randomBits(255))),
  fault("signs with nonces of 256 bits over P-384", 7, BIASED, (s) =>
    ecdsaWithNonce(s, 7, () => randomBits(256)),
  ),
  fault("signs with nonces of 512 bits over P-521", 5, BIASED, (s) =>
    ecdsaWithNonce(s, 5, () => randomBits(512)),
  ),
  fault("signs with even nonces", 2, BIASED, (s) => ecdsaWithNonce(s, 2, () => randomBits(254) * 2n)),
  fault("signs with nonces whose middle is zero", 2, BIASED, (s) =>
    ecdsaWithNonce(s, 2, () => (randomBits(96) << 160n) | randomBits(144)),
  ),
  fault("signs with a short nonce or its negative", 2, BIASED, (s) =>
    ecdsaWithNonce(s, 2, (_call, _message, order) => {
      const nonce = randomBits(240) + 1n;
      return randomBits(1) ? nonce : order - nonce;
    }),
  ),
  fault("counts its nonces", 2, BIASED, (s) => {
    const first = randomBits(255);
    return ecdsaWithNonce(s, 2, (call) => first + BigInt(call));
  }),
];

const MALLEABLE: readonly Fault[] = [
  fault(
    "takes a malleable EdDSA signature",
    1,
    "signature: refuses S that isn't below the order",
    ({ signature }) => {
      const order = 2n ** 252n + 27742317777372353535851937790883648493n;
      const reduced = (value: Uint8Array) => {
        if (value.length !== 64) return value;
        const s = bigEndian(value.slice(32).reverse()) % order;
        const bytes = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
        return new Uint8Array([...value.slice(0, 32), ...bytes]);
      };
      return {
        signature: {
          ...signature,
          verify: (key, message, value) => signature.verify(key, message, reduced(value)),
        },
      };
    },
  ),
  broken(
    "takes ECDSA signatures that aren't DER",
    2,
    "signature: refuses what isn't DER",
    VERIFY,
    (verify) => (key, message, value) => verify(key, message, value.slice(0, 2 + (value[1] ?? 0))),
  ),
  broken(
    "takes a signature of zeros",
    7,
    "signature: refuses r and s that are zero or not below the order",
    VERIFY,
    (verify) => (key, message, value) => toHex(value) === "3006020100020100" || verify(key, message, value),
  ),
  fault("insists on low s", 2, "signature: takes s and its negative alike", ({ signature }) => {
    const half = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n >> 1n;
    const isLow = (value: Uint8Array) => bigEndian(value.subarray(6 + (value[3] ?? 0))) <= half;
    return {
      signature: {
        ...signature,
        sign: async (key, message) => {
          for (;;) {
            const value = await signature.sign(key, message);
            if (isLow(value)) return value;
          }
        },
        verify: (key, message, value) => isLow(value) && signature.verify(key, message, value),
      },
    };
  }),
  broken("multiplies by the cofactor", 1, "verdicts: signatures", VERIFY, () => (key, message, value) => {
    try {
      return ed25519.verify(value, message, key, { zip215: false });
    } catch {
      return false;
    }
  }),
  fault(
    "forgets in a batch what it knows of single signatures",
    1,
    "verdicts: signatures in a batch",
    (s) => ({
      signature: {
        ...s.signature,
        verifyAll: (all) =>
          all.map(({ publicKey, message, signature }) => {
            try {
              return ed25519.verify(signature, message, publicKey, { zip215: true });
            } catch {
              return false;
            }
          }),
      },
    }),
  ),
];

const ENCODINGS: readonly Fault[] = [
  refusing("an r that is short", 2, (value) => integers(value)[0].length < 32),
  refusing("an s that is short", 7, (value) => integers(value)[1].length < 48),
  refusing("an r of 65 bytes", 5, (value) => integers(value)[0].length < 65),
  refusing("an r with a zero before it", 2, (value) => integers(value)[0].length > 32),
  refusing("keys whose x begins with zeros", 2, (_, key) => key[1] === 0),
  refusing("keys whose y begins with zeros", 7, (_, key) => key[49] === 0),
  refusing("an S that begins with zeros", 1, (value) => value[32] === 0),
  refusing("an R that ends with zeros", 1, (value) => value[31] === 0),
  refusing("keys that end with zeros", 4, (_, key) => key[55] === 0 && key[56] === 0),
  broken(
    "signs wrongly with keys that begin with zeros",
    2,
    SIGNS,
    ["signature", "importPrivateKey"],
    (import_) => (bytes) => import_(bytes[0] === 0 ? Uint8Array.of(...bytes.slice(1), 1) : bytes),
  ),
  broken(
    "exports keys without the zeros that they begin with",
    7,
    SIGNS,
    ["signature", "exportPrivateKey"],
    (export_) => (key) => {
      const bytes = export_(key);
      return bytes[0] === 0 ? bytes.slice(1) : bytes;
    },
  ),
  broken("signs with an S whose last zero is lost", 1, SIGNS, SIGN, (sign) => (key, message) => {
    const value = sign(key, message);
    return value[63] === 0 ? value.slice(0, 63) : value;
  }),
  broken(
    "writes an r that begins with six zero bits in one byte more",
    2,
    MANY,
    SIGN,
    (sign) => (key, message) => {
      const [r, s] = integers(sign(key, message));
      return encoded((r[0] as number) > 0 && (r[0] as number) < 4 ? Uint8Array.of(0, ...r) : r, s);
    },
  ),
  broken("loses the zero before one s in 256", 2, MANY, SIGN, (sign) => (key, message) => {
    const [r, s] = integers(sign(key, message));
    return encoded(r, s[0] === 0 && s[1]! >= 0xfe ? s.slice(1) : s);
  }),
  broken("signs every 200th message wrongly", 1, MANY, SIGN, (sign) => {
    let call = 0;
    return (key, message) => sign(key, ++call % 200 === 0 ? Uint8Array.of(1) : message);
  }),
];

export const SIGNATURES: readonly Fault[] = [
  ...NONCES,
  ...MALLEABLE,
  ...ENCODINGS,
  remembers("the key", 1, (key) => toHex(key)),
  remembers("key and signature", 2, (key, _, value) => toHex(key) + toHex(value)),
  remembers("key and message", 3, (key, message) => toHex(key) + toHex(message)),
  remembers("message and signature", 1, (_, message, value) => toHex(message) + toHex(value)),
  remembers("the signature", 7, (_key, _message, value) => toHex(value)),
  remembers(
    "the first half of the signature",
    1,
    (key, message, value) => toHex(key) + toHex(message) + toHex(cut(value, 32)),
  ),
  broken("remembers who signed badly", 4, ANSWERS, VERIFY, (verify) => {
    const bad = new Set<string>();
    return (key, message, value) => {
      if (bad.has(toHex(key))) return false;
      const fits = verify(key, message, value);
      if (!fits) bad.add(toHex(key));
      return fits;
    };
  }),
  fault(
    "believes in a batch whoever was believed before",
    1,
    "signature: a good signature in a batch makes no other good",
    ({ signature }) => {
      const good = new Set<string>();
      const verify: SignaturePart["verify"] = async (key, message, value) => {
        const fits = await signature.verify(key, message, value);
        if (fits) good.add(toHex(key));
        return fits;
      };
      const verifyAll: SignaturePart["verifyAll"] = (all) =>
        Promise.all(
          all.map(
            async (one) =>
              good.has(toHex(one.publicKey)) || verify(one.publicKey, one.message, one.signature),
          ),
        );
      return { signature: { ...signature, verify, verifyAll } };
    },
  ),
  hearing("signs the first 64 bytes", 1, (message) => cut(message, 64)),
  hearing("signs the first 4,096 bytes", 2, (message) => cut(message, 4096)),
  hearing("signs the first 64 KiB", 3, (message) => cut(message, 65_536)),
  hearing("signs all but the last byte of 128", 7, (message) =>
    message.length === 128 ? message.slice(0, -1) : message,
  ),
  broken(
    "ignores the message",
    1,
    "signature: refuses another message",
    VERIFY,
    (verify) => (key, message, value) =>
      value.length === 64 && value.some((byte) => byte !== 0) ? true : verify(key, message, value),
  ),
  broken(
    "throws where verify should say false",
    3,
    "signature: verify answers false to what is no key, and never throws",
    VERIFY,
    (verify) => (key, message, value) => {
      if (key.length !== 32) throw new CryptoError("no key");
      return verify(key, message, value);
    },
  ),
];
