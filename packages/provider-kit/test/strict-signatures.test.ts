// RFC 9420 §5.1.2: the rules for signatures that come before every library.
import { CryptoError, ED25519, type SignaturePart, type VerifyRequest } from "@copse/core/provider";
import { signatureVerdicts } from "@copse/provider-conformance";
import {
  composeSuite,
  ED448_TRIAL,
  ED25519_TRIAL,
  strictSignature,
  verifiesByRule,
} from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { ed25519 } from "@noble/curves/ed25519.js";
import { expect, it } from "vitest";

const node = nodeProvider().suite(1);

/** A library that accepts whatever it is asked about, and says what that was. */
function lax(): { part: SignaturePart; asked: string[] } {
  const asked: string[] = [];
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const part: SignaturePart = {
    ...node.signature,
    validatePublicKey: (key) => {
      asked.push(`key ${hex(key)}`);
    },
    verify: () => true,
    verifyAll: (requests) => {
      asked.push(`batch of ${requests.length}`);
      return requests.map(() => true);
    },
  };
  return { part, asked };
}

const signed = (seed: number): VerifyRequest => {
  const secret = new Uint8Array(32).fill(seed);
  const message = Uint8Array.of(seed);
  return { publicKey: ed25519.getPublicKey(secret), message, signature: ed25519.sign(message, secret) };
};
const bad = signatureVerdicts(ED25519).find(({ name }) => name === "R is torsion point 1");
const forged: VerifyRequest = { publicKey: bad!.publicKey, ...bad!.signed! };

it("a suite applies the rules to every library's signatures, once", () => {
  const { part } = lax();
  const suite = composeSuite({ ...node, signature: part });
  expect(suite.signature.verify(forged.publicKey, forged.message, forged.signature)).toBe(false);
  expect(part.verify(forged.publicKey, forged.message, forged.signature)).toBe(true);
  expect(composeSuite(suite).signature).toBe(suite.signature);
  expect(strictSignature(part)).toBe(suite.signature);
});

it("a batch keeps its order, and the library sees only what may fit", async () => {
  const { part, asked } = lax();
  const strict = strictSignature(part);
  const requests = [signed(1), forged, signed(2), forged, signed(3)];
  expect(await strict.verifyAll?.(requests)).toEqual([true, false, true, false, true]);
  expect(await strict.verifyAll?.([forged])).toEqual([false]);
  expect(await strict.verifyAll?.([])).toEqual([]);
  expect(asked).toEqual(["batch of 3"]);
});

it("a library without batches has them", async () => {
  const { verifyAll: _, ...part } = lax().part;
  const strict = strictSignature({ ...part, verify: async () => true });
  expect(await strict.verifyAll?.([signed(1), forged])).toEqual([true, false]);
});

it("a key isn't decoded again after a signature of a batch was valid under it", async () => {
  const { part, asked } = lax();
  const strict = strictSignature(part);
  const [one, other] = [signed(1), signed(2)];
  await strict.verifyAll?.([one]);
  asked.length = 0;
  await strict.validatePublicKey(one.publicKey);
  await strict.validatePublicKey(other.publicKey);
  await strict.validatePublicKey(other.publicKey);
  expect(asked).toEqual([`key ${Buffer.from(other.publicKey).toString("hex")}`]);
});

it("a key isn't valid because a signature under it was refused, or asked for alone", async () => {
  const { part, asked } = lax();
  const strict = strictSignature({ ...part, verifyAll: (requests) => requests.map(() => false) });
  const { publicKey, message, signature } = signed(1);
  await strict.verifyAll?.([{ publicKey, message, signature }]);
  await strict.verify(publicKey, message, signature);
  await strict.validatePublicKey(publicKey);
  expect(asked.length).toBe(1);
});

it("a point of small order is no key, whatever the library says", () => {
  const { part, asked } = lax();
  const strict = strictSignature(part);
  expect(() => strict.validatePublicKey(new Uint8Array(32))).toThrow(CryptoError);
  expect(() => strict.validatePublicKey(new Uint8Array(31))).toThrow("expected 32 bytes, got 31");
  expect(asked).toEqual([]);
});

it("only so many keys are remembered", async () => {
  const { part, asked } = lax();
  const strict = strictSignature(part);
  const keys = Array.from({ length: 1025 }, (_, i) =>
    Uint8Array.of(7, i & 255, i >> 8, ...new Uint8Array(29)),
  );
  for (const key of keys) await strict.validatePublicKey(key);
  asked.length = 0;
  await strict.validatePublicKey(keys[1024]!);
  await strict.validatePublicKey(keys[1]!);
  expect(asked.length).toBe(0);
  await strict.validatePublicKey(keys[0]!);
  expect(asked.length).toBe(1);
});

it("a library that verifies by another equation than others is noticed", async () => {
  const all = [1, 2, 4].map((id) => nodeProvider().suite(id).signature);
  for (const part of all) expect(await verifiesByRule(part, ED25519_TRIAL, ED448_TRIAL)).toBe(true);
  const [own, , ed448Part] = all as [SignaturePart, SignaturePart, SignaturePart];
  // With the cofactor, as noble has it for Ed25519; and without keys that have a small part, as Deno for Ed448.
  const verify: SignaturePart["verify"] = (key, message, value) => ed25519.verify(value, message, key);
  expect(await verifiesByRule({ ...own, verify }, ED25519_TRIAL)).toBe(false);
  expect(await verifiesByRule({ ...ed448Part, verify: () => false }, ED448_TRIAL)).toBe(false);
});

it("other schemes are as they were", () => {
  const part = { ...node.signature, algorithm: { id: 0x0904, name: "mldsa44", Npk: 1312, Nsk: 32 } };
  expect(strictSignature(part)).toBe(part);
});
