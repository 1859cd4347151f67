// RFC 9420 §5.1.2: the rules for signatures and their public keys that come before every library, so that members with
// different providers come to one verdict. docs/decisions/strict-signatures.md has the reasons.
import {
  type Awaitable,
  all,
  CryptoError,
  chain,
  ECDSA_P256,
  ECDSA_P384,
  ECDSA_P521,
  ED448,
  ED25519,
  mapKey,
  type SignaturePart,
  type VerifyRequest,
} from "@copse/core/provider";
import { expectLength } from "../bytes.js";
import { P256_RULES, P384_RULES, P521_RULES } from "./ecdsa.js";
import { ED448_RULES, ED25519_RULES, type SignatureRules } from "./edwards.js";

/** By the scheme's id. Other schemes, such as ML-DSA, have no encodings on which libraries differ. */
const RULES: Readonly<Record<number, SignatureRules>> = {
  [ECDSA_P256.id]: P256_RULES,
  [ECDSA_P384.id]: P384_RULES,
  [ECDSA_P521.id]: P521_RULES,
  [ED25519.id]: ED25519_RULES,
  [ED448.id]: ED448_RULES,
};

/** How many public keys are remembered as valid. */
export const KNOWN_KEYS = 1024;

/** Names every property of a part, so that none is forgotten when the interface grows. */
type Every<T> = { readonly [Key in keyof T]-?: T[Key] | undefined };

/** What {@link strictSignature} made, by what it was made of and by itself. */
const made = new WeakMap<SignaturePart, SignaturePart>();

/**
 * A signature scheme with the strict rules before it. `composeSuite` applies it to every suite's.
 *
 * - EdDSA: A and R are canonical encodings of points that are not of small order, and S is below the order. For Ed25519
 *   `part` must verify without the cofactor, for Ed448 with it.
 * - ECDSA: public keys are uncompressed points with coordinates below the prime, and signatures are DER with r and s
 *   from 1 to order - 1.
 * - `validatePublicKey` accepts what these rules and `part` accept. A key under which a signature was valid is valid:
 *   so after `verifyAll` it is not decoded again.
 *
 * No signature that an honest signer makes is refused.
 * @returns `part` itself for other schemes. The same object for the same part
 */
export function strictSignature(part: SignaturePart): SignaturePart {
  const known = made.get(part);
  if (known !== undefined) return known;
  const rules = RULES[part.algorithm.id];
  const strict = rules === undefined ? part : withRules(part, rules);
  made.set(part, strict);
  made.set(strict, strict);
  return strict;
}

function withRules(part: SignaturePart, rules: SignatureRules): SignaturePart {
  const { name, Npk } = part.algorithm;
  const valid = keyMemory(KNOWN_KEYS);
  const mayFit = ({ publicKey, signature }: Omit<VerifyRequest, "message">) =>
    rules.isKey(publicKey) && rules.isSignature(signature);

  const verifyOpen = (requests: readonly VerifyRequest[]): Awaitable<boolean[]> => {
    const answers = part.verifyAll
      ? part.verifyAll(requests)
      : all(requests.map((one) => part.verify(one.publicKey, one.message, one.signature)));
    return chain(answers, (fits) => {
      for (const [i, { publicKey }] of requests.entries()) if (fits[i] === true) valid.add(publicKey);
      return fits;
    });
  };

  const { exportHandle, importHandle } = part;
  const strict: Every<SignaturePart> = {
    algorithm: part.algorithm,
    exportHandle: exportHandle && ((privateKey) => exportHandle.call(part, privateKey)),
    importHandle: importHandle && ((handle) => importHandle.call(part, handle)),
    generateKeyPair: () => part.generateKeyPair(),
    importPrivateKey: (bytes) => part.importPrivateKey(bytes),
    exportPrivateKey: (privateKey) => part.exportPrivateKey(privateKey),
    destroyPrivateKey: (privateKey) => part.destroyPrivateKey(privateKey),
    sign: (privateKey, message) => part.sign(privateKey, message),
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      if (valid.has(publicKey)) return;
      if (!rules.isKey(publicKey)) {
        throw new CryptoError(
          `${name}: the public key is not in its canonical form, or a point of small order`,
        );
      }
      return chain(part.validatePublicKey(publicKey), () => valid.add(publicKey));
    },
    verify: (publicKey, message, signature) =>
      mayFit({ publicKey, signature }) && part.verify(publicKey, message, signature),
    verifyAll(requests) {
      const open = requests.filter(mayFit);
      if (open.length === 0) return requests.map(() => false);
      if (open.length === requests.length) return verifyOpen(requests);
      return chain(verifyOpen(open), (fits) => {
        const answers = fits.values();
        return requests.map((request) => mayFit(request) && answers.next().value === true);
      });
    },
  };
  return strict as SignaturePart;
}

/** Remembers public keys by their bytes, up to a number of them. The oldest make room for new ones. */
function keyMemory(limit: number) {
  const keys = new Set<string>();
  return {
    has: (publicKey: Uint8Array) => keys.has(mapKey(publicKey)),
    add(publicKey: Uint8Array): void {
      const one = mapKey(publicKey);
      if (keys.has(one)) return;
      if (keys.size >= limit) keys.delete(keys.values().next().value as string);
      keys.add(one);
    },
  };
}
