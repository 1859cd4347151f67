// RFC 8032, RFC 9420 §5.1.2, SEC 1: checks of what only EdDSA or only ECDSA has: malleability, DER, points.
import type { CipherSuiteProvider, SignatureAlgorithm } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import {
  ascii,
  concat,
  EMPTY,
  equal,
  filled,
  hasLength,
  hex,
  holds,
  is,
  refuses,
  toHex,
} from "../../tools/assert.js";
import {
  ECDSA_CURVES,
  infinity,
  type NistCurve,
  NO_EDWARDS_KEYS,
  offCurve,
  otherEncodings,
} from "../../tools/curves.js";
import { integer, readSignature, tlv, toBigInt, toBytes } from "../../tools/der.js";
import { imported } from "../hpke/hpke.js";
import { doesNotFit, signed } from "./signature.js";

const message = ascii("message");

/** The orders of the groups of Ed25519 and Ed448, by the scheme's id. */
const ORDERS: Readonly<Record<number, bigint>> = {
  2055: (1n << 252n) + 27742317777372353535851937790883648493n,
  2056: (1n << 446n) - 13818066809895115352007386748515426880336692474882178609894547503885n,
};

const eddsaChecks: SuiteChecks = {
  "signature: signs the same each time, in R and S": async (suite) => {
    const { signature, privateKey, value } = await signed(suite);
    hasLength(value, 2 * suite.suite.signature.Npk, "the signature");
    equal(await signature.sign(privateKey, message), value, "a second signature");
  },

  "signature: refuses S that isn't below the order": async (suite) => {
    const { id, Npk } = suite.suite.signature;
    const { publicKey, value } = await signed(suite);
    const [r, s] = [value.slice(0, Npk), value.slice(Npk)];
    const order = ORDERS[id] as bigint;
    // S + k order is the same scalar: whoever takes it takes two signatures for one.
    for (let other = toBigInt(s.slice().reverse()) + order; other < 1n << BigInt(8 * Npk); ) {
      const bytes = toBytes(other, Npk).reverse();
      await doesNotFit(
        suite,
        { publicKey, message, signature: concat(r, bytes) },
        "S + a multiple of the order",
      );
      other = other < 1n << BigInt(8 * Npk - 5) ? other + order : other * 2n;
    }
    for (const bytes of [toBytes(order, Npk).reverse(), filled(Npk, 0xff), filled(Npk, 0)]) {
      await doesNotFit(suite, { publicKey, message, signature: concat(r, bytes) }, `S of ${toHex(bytes)}`);
    }
  },

  "signature: refuses R and S in the wrong order, and the neutral R": async (suite) => {
    const { Npk } = suite.suite.signature;
    const { publicKey, value } = await signed(suite);
    const [r, s] = [value.slice(0, Npk), value.slice(Npk)];
    const neutral = Uint8Array.of(1, ...filled(Npk - 1, 0));
    for (const parts of [
      [s, r],
      [neutral, s],
      [neutral, filled(Npk, 0)],
      [r, r],
    ] as const) {
      await doesNotFit(suite, { publicKey, message, signature: concat(...parts) }, "it");
    }
  },

  "signature keys: refuses points that are no key": async ({ signature, suite }) => {
    for (const [why, points] of Object.entries(NO_EDWARDS_KEYS[suite.signature.id] ?? {})) {
      for (const point of points) {
        await refuses(`validatePublicKey of ${point}, which is ${why}`, () =>
          signature.validatePublicKey(hex(point)),
        );
      }
    }
  },
};

const ecdsaChecks: SuiteChecks = {
  "signature: signs in DER": async (suite) => {
    const { signature, privateKey } = await signed(suite);
    const order = toBigInt(hex(curveOf(suite).order));
    // Some of the numbers are shorter than others, and some need a zero before them.
    for (let i = 0; i < 16; i++) {
      const value = await signature.sign(privateKey, Uint8Array.of(i));
      const read = readSignature(value);
      holds(read !== undefined, `${toHex(value)} is no ECDSA-Sig-Value in DER`);
      const { r, s } = read;
      holds(r > 0n && r < order && s > 0n && s < order, "r or s is out of range");
    }
  },

  "signature: takes s and its negative alike": async (suite) => {
    const { signature, publicKey, value } = await signed(suite);
    const order = toBigInt(hex(curveOf(suite).order));
    const { r, s } = readOwn(value);
    const other = encode(r, order - s);
    is(await signature.verify(publicKey, message, other), true, "the answer to the negative of s");
  },

  "signature: refuses r and s that are zero or not below the order": async (suite) => {
    const { publicKey, value } = await signed(suite);
    const order = toBigInt(hex(curveOf(suite).order));
    const { r, s } = readOwn(value);
    for (const [otherR, otherS] of [
      [0n, 0n],
      [0n, s],
      [r, 0n],
      [0n, 1n],
      [1n, 0n],
      [order, order],
      [order, s],
      [r, order],
      [r + order, s],
      [r, s + order],
      [order, 1n],
    ] as const) {
      const bad = encode(otherR, otherS);
      await doesNotFit(suite, { publicKey, message, signature: bad }, `r ${otherR} and s ${otherS}`);
    }
  },

  "signature: refuses what isn't DER": async (suite) => {
    const { publicKey, value } = await signed(suite);
    const { size } = curveOf(suite);
    const { r, s } = readOwn(value);
    const [intR, intS] = [integer(r), integer(s)];
    const content = concat(intR, intS);
    const padded = (number: bigint) => tlv(2, concat(Uint8Array.of(0), contentOf(integer(number))));
    for (const [what, bad] of Object.entries({
      "r and s without DER": concat(toBytes(r, size), toBytes(s, size)),
      "the content alone": content,
      "a byte after the sequence": concat(value, Uint8Array.of(0)),
      "a byte after s": tlv(0x30, concat(content, Uint8Array.of(0))),
      "a third number": tlv(0x30, concat(content, integer(1n))),
      "r alone": tlv(0x30, intR),
      "an empty sequence": tlv(0x30, EMPTY),
      "a set": tlv(0x31, content),
      "r as an octet string": tlv(0x30, concat(Uint8Array.of(4), intR.slice(1), intS)),
      "a length in too long a form": longForm(0x30, content),
      "a length of r in too long a form": tlv(0x30, concat(longForm(2, contentOf(intR)), intS)),
      "an indefinite length": concat(Uint8Array.of(0x30, 0x80), content, Uint8Array.of(0, 0)),
      "r with a zero before it": tlv(0x30, concat(padded(r), intS)),
      "s with a zero before it": tlv(0x30, concat(intR, padded(s))),
      "r without a number": tlv(0x30, concat(Uint8Array.of(2, 0), intS)),
      "a length that is too large": concat(
        value.slice(0, 1),
        Uint8Array.of((value[1] as number) + 1),
        value.slice(2),
      ),
      "a length that is too small": concat(
        value.slice(0, 1),
        Uint8Array.of((value[1] as number) - 1),
        value.slice(2),
      ),
      "negative numbers": tlv(0x30, concat(tlv(2, toBytes(-r, size + 1)), tlv(2, toBytes(-s, size + 1)))),
    })) {
      await doesNotFit(suite, { publicKey, message, signature: bad }, what);
    }
  },

  "signature: refuses a number without the zero that keeps it positive": async (suite) => {
    const { signature, publicKey, privateKey } = await signed(suite);
    for (let i = 0; i < 64; i++) {
      const content = Uint8Array.of(i);
      const { r, s } = readOwn(await signature.sign(privateKey, content));
      const number = contentOf(integer(r));
      if (number[0] !== 0) continue;
      const bad = tlv(0x30, concat(tlv(2, number.slice(1)), integer(s)));
      await doesNotFit(suite, { publicKey, message: content, signature: bad }, "it");
      return;
    }
    skip("no signature had such a number");
  },

  "signature keys: refuses points off the curve": async (suite) => {
    const { signature } = suite;
    const { publicKey } = await signature.generateKeyPair();
    for (const [i, point] of offCurve(curveOf(suite), publicKey).entries()) {
      await refuses(`validatePublicKey of point ${i}`, () => signature.validatePublicKey(point));
    }
  },

  "signature keys: refuses the point at infinity": async (suite) => {
    const { signature } = suite;
    for (const [i, point] of infinity(curveOf(suite)).entries()) {
      await refuses(`validatePublicKey of encoding ${i}`, () => signature.validatePublicKey(point));
    }
  },

  "signature keys: refuses other encodings of points": async (suite) => {
    const { signature, publicKey, value } = await signed(suite);
    await signature.validatePublicKey(hex(curveOf(suite).smallX));
    for (const [i, point] of otherEncodings(curveOf(suite), publicKey).entries()) {
      await refuses(`validatePublicKey of encoding ${i}`, () => signature.validatePublicKey(point));
      await doesNotFit(suite, { publicKey: point, message, signature: value }, `a key in encoding ${i}`);
    }
  },

  "signature keys: takes 1 to order - 1 as private keys, and no other number": async (suite) => {
    const { signature } = suite;
    const { order, size, generator, negatedY } = curveOf(suite);
    const number = (value: bigint) => toBytes(value, size);
    const n = toBigInt(hex(order));
    equal(
      (await imported(() => signature.importPrivateKey(number(1n)))).publicKey,
      generator,
      "the public key of 1",
    );
    const negative = generator.slice(0, 2 + 2 * size) + negatedY;
    equal(
      (await signature.importPrivateKey(number(n - 1n))).publicKey,
      negative,
      "the public key of order - 1",
    );
    for (const scalar of [number(0n), number(n), number(n + 1n), filled(size, 0xff)]) {
      await refuses(`importPrivateKey of ${toHex(scalar)}`, () => signature.importPrivateKey(scalar));
    }
  },
};

const curveOf = ({ suite }: Pick<CipherSuiteProvider, "suite">): NistCurve =>
  ECDSA_CURVES[suite.signature.id] as NistCurve;

const encode = (r: bigint, s: bigint): Uint8Array => tlv(0x30, concat(integer(r), integer(s)));

/** What an INTEGER shorter than 128 bytes holds. */
const contentOf = (int: Uint8Array): Uint8Array => int.slice(2);

/** Tag, length and content with one byte more for the length than DER allows. */
function longForm(tag: number, content: Uint8Array): Uint8Array {
  const length = content.length < 128 ? [0x81, content.length] : [0x82, 0, content.length];
  return concat(Uint8Array.of(tag, ...length), content);
}

function readOwn(value: Uint8Array): { r: bigint; s: bigint } {
  const read = readSignature(value);
  holds(read !== undefined, "the signature is no ECDSA-Sig-Value in DER");
  return read;
}

/** The checks that only signature schemes of this kind have. */
export function checksOfScheme({ id }: SignatureAlgorithm): SuiteChecks {
  if (id in ECDSA_CURVES) return ecdsaChecks;
  return id in ORDERS ? eddsaChecks : {};
}
