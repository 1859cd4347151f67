// RFC 9420 §5.1.2, RFC 8446 §4.2.3: ECDSA and Ed25519 of the platform.
import {
  type Awaitable,
  CryptoError,
  ECDSA_P256,
  ECDSA_P384,
  ECDSA_P521,
  ED25519,
  isPromise,
  type SignatureAlgorithm,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength, fromDer, guard, ownInputs, toDer } from "@copse/provider-kit";
import { source } from "./bytes.js";
import { importPoint, importScalar, type NistCurve } from "./nist.js";
import { importOkp } from "./pkcs8.js";
import { expectPrivateKey, exportScalar, handleOf } from "./private-keys.js";
import { publicKeyCache, validateEd25519 } from "./public-keys.js";

/** What the schemes do in their own ways; the rest is common to them. */
interface Scheme {
  readonly algorithm: SignatureAlgorithm;
  /** For generateKey and importKey. */
  readonly keys: KeyAlgorithm | EcKeyAlgorithm;
  /** For sign and verify. */
  readonly use: AlgorithmIdentifier | EcdsaParams;
  importPrivate(bytes: Uint8Array): Promise<{ publicKey: Uint8Array; privateKey: CryptoKey }>;
  importPublic(publicKey: Uint8Array): Promise<CryptoKey>;
  validate?(publicKey: Uint8Array): Awaitable<void>;
  /** From the platform's signature to that of MLS, and back; undefined if it is malformed. */
  encode(signature: Uint8Array): Uint8Array;
  decode(signature: Uint8Array): Uint8Array | undefined;
}

type Curve = readonly [SignatureAlgorithm, NistCurve, hash: string];

const CURVES: readonly Curve[] = [
  [ECDSA_P256, "P-256", "SHA-256"],
  [ECDSA_P384, "P-384", "SHA-384"],
  [ECDSA_P521, "P-521", "SHA-512"],
];

/** The platform's signatures of a scheme, or undefined if WebCrypto has no name for it. */
export function nativeSignature(
  subtle: SubtleCrypto,
  algorithm: SignatureAlgorithm,
  extractable: boolean,
): SignaturePart | undefined {
  const curve = CURVES.find(([scheme]) => scheme.id === algorithm.id);
  if (curve !== undefined) return signatures(subtle, ecdsa(subtle, extractable, curve), extractable);
  return algorithm.id === ED25519.id
    ? signatures(subtle, ed25519(subtle, extractable), extractable)
    : undefined;
}

function ecdsa(subtle: SubtleCrypto, extractable: boolean, [algorithm, namedCurve, hash]: Curve): Scheme {
  const keys = { name: "ECDSA", namedCurve } as const;
  return {
    algorithm,
    keys,
    use: { name: "ECDSA", hash },
    importPrivate: (scalar) => importScalar(subtle, keys, scalar, extractable, "sign"),
    importPublic: (point) => importPoint(subtle, keys, point),
    encode: toDer,
    decode: (signature) => fromDer(signature, algorithm.Nsk),
  };
}

function ed25519(subtle: SubtleCrypto, extractable: boolean): Scheme {
  const keys = { name: "Ed25519" };
  return {
    algorithm: ED25519,
    keys,
    use: keys,
    importPrivate: (seed) => importOkp(subtle, "Ed25519", seed, extractable, "sign"),
    importPublic: (bytes) => subtle.importKey("raw", source(bytes), keys, true, ["verify"]),
    validate: validateEd25519,
    encode: (signature) => signature,
    decode: (signature) => (signature.length === 64 ? signature : undefined),
  };
}

/**
 * Inputs are read at once: the platform copies what it is given when it is asked to sign or verify (W3C WebCrypto), and what
 * must wait for a key works on copies of ours.
 */
function signatures(subtle: SubtleCrypto, scheme: Scheme, extractable: boolean): SignaturePart {
  const { algorithm, keys, use } = scheme;
  const { name, Npk, Nsk } = algorithm;
  const publicKeys = publicKeyCache((publicKey) => scheme.importPublic(publicKey));
  /** The platform overwrites a key, or not, when its CryptoKey is collected. */
  const destroyed = new WeakSet<CryptoKey>();
  /** Those that were looked at: it takes as long as a short signature. */
  const known = new WeakSet<object>();
  const open = (privateKey: object): CryptoKey => {
    const key = known.has(privateKey) ? (privateKey as CryptoKey) : expectPrivateKey(privateKey, keys, name);
    known.add(key);
    if (destroyed.has(key)) throw new CryptoError(`${name}: the private key was destroyed`);
    return key;
  };
  const handle = (publicKey: Uint8Array, privateKey: CryptoKey): SignatureKeyPair => ({
    publicKey,
    privateKey: privateKey as object as SignaturePrivateKey,
  });
  const fits = async (key: CryptoKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> => {
    try {
      return await subtle.verify(use, key, source(signature), source(message));
    } catch {
      return false;
    }
  };
  const later = ownInputs({
    importPrivateKey: (bytes: Uint8Array) =>
      guard(`${name}: invalid private key`, async () => {
        expectLength(bytes, Nsk, `${name} private key`);
        const { publicKey, privateKey } = await scheme.importPrivate(bytes);
        return handle(publicKey, privateKey);
      }),
    validatePublicKey: (publicKey: Uint8Array) =>
      guard(`${name}: invalid public key`, async () => {
        expectLength(publicKey, Npk, `${name} public key`);
        await scheme.validate?.(publicKey);
        await publicKeys(publicKey);
      }),
    verify: (key: Promise<CryptoKey>, message: Uint8Array, signature: Uint8Array): Promise<boolean> =>
      key.then(
        (imported) => fits(imported, message, signature),
        () => false,
      ),
  });
  return {
    algorithm,
    importPrivateKey: later.importPrivateKey,
    validatePublicKey: later.validatePublicKey,
    generateKeyPair: () =>
      guard(`${name}: key generation failed`, async () => {
        const pair = (await subtle.generateKey(keys, extractable, ["sign", "verify"])) as CryptoKeyPair;
        const publicKey = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
        if (publicKey.length !== Npk)
          throw new CryptoError(
            `${name}: expected a public key of ${Npk} bytes from the platform, got ${publicKey.length}`,
          );
        return handle(publicKey, pair.privateKey);
      }),
    exportPrivateKey: (privateKey) =>
      guard(`${name}: export failed`, () => exportScalar(subtle, open(privateKey), Nsk, name)),
    exportHandle: (privateKey) => handleOf(open(privateKey)),
    importHandle: (handle) => expectPrivateKey(handle, keys, name) as object as SignaturePrivateKey,
    destroyPrivateKey(privateKey) {
      destroyed.add(expectPrivateKey(privateKey, keys, name));
    },
    sign: (privateKey, message) =>
      guard(`${name}: signing failed`, async () => {
        const key = open(privateKey);
        return scheme.encode(new Uint8Array(await subtle.sign(use, key, source(message))));
      }),
    async verify(publicKey, message, signature) {
      const decoded = scheme.decode(signature);
      if (decoded === undefined || publicKey.length !== Npk) return false;
      const key = publicKeys(publicKey);
      return isPromise(key) ? later.verify(key, message, decoded) : fits(key, message, decoded);
    },
  };
}
