// RFC 9420 §5.1.1, §5.1.2: KEM and signatures by node:crypto.
import { type ECDH, KeyObject, sign, verify } from "node:crypto";
import {
  CryptoError,
  type KemAlgorithm,
  type SignatureAlgorithm,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
  type VerifyRequest,
} from "@copse/core/provider";
import {
  type DhPrimitives,
  expectLength,
  guardSync,
  isEd448PublicKey,
  isEd25519PublicKey,
  isScalar,
  isX448PublicKey,
  isX25519PublicKey,
  MLDSA44,
  MLDSA65,
  MLDSA87,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  type ScalarRange,
  type SyncDhPrimitives,
} from "@copse/provider-kit";
import { ecdhGroup } from "./ecdh.js";
import { type Curve, nistCurve, okpCurve, type RawKeyPair, sharedSecret } from "./keys.js";
import { seedKeys } from "./pq-keys.js";

interface NistCurve extends Curve {
  readonly scalars: ScalarRange;
  /** OpenSSL's name of ECDSA's hash, which its suite need not have. */
  readonly digest: string;
  /** What runtimes call the other curves: a key of those is no key of this one. */
  readonly otherCurves: readonly string[];
}

/** What Node, Deno and Bun call a key's curve. */
const CURVE_NAMES = ["P-256", "prime256v1", "P-384", "secp384r1", "P-521", "secp521r1"];

/**
 * How many public keys are kept as OpenSSL has them: those of members, who sign again and again; and of nodes in
 * trees, of which a commit has one for each level.
 */
const KEPT_SIGNATURE_KEYS = 1024;
const KEPT_KEM_KEYS = 128;

const MONTGOMERY: Readonly<Record<number, Curve>> = {
  32: okpCurve("X25519", 32, KEPT_KEM_KEYS),
  33: okpCurve("X448", 56, KEPT_KEM_KEYS),
};

const nistSignatures = (
  crv: "P-256" | "P-384" | "P-521",
  opensslName: string,
  scalars: ScalarRange,
  digest: string,
): NistCurve => ({
  ...nistCurve(crv, opensslName, scalars.order.length, KEPT_SIGNATURE_KEYS),
  scalars,
  digest,
  otherCurves: CURVE_NAMES.filter((name) => name !== crv && name !== opensslName),
});

/** Each scheme of each provider has its own: with it end the public keys that it keeps. */
const SIGNATURE_CURVES: Readonly<Record<number, () => Curve | NistCurve>> = {
  1027: () => nistSignatures("P-256", "prime256v1", P256_SCALARS, "sha256"),
  1283: () => nistSignatures("P-384", "secp384r1", P384_SCALARS, "sha384"),
  1539: () => nistSignatures("P-521", "secp521r1", P521_SCALARS, "sha512"),
  2055: () => okpCurve("Ed25519", 32, KEPT_SIGNATURE_KEYS),
  2056: () => okpCurve("Ed448", 57, KEPT_SIGNATURE_KEYS),
  [MLDSA44.id]: () => mldsa("ML-DSA-44", MLDSA44, 0x11),
  [MLDSA65.id]: () => mldsa("ML-DSA-65", MLDSA65, 0x12),
  [MLDSA87.id]: () => mldsa("ML-DSA-87", MLDSA87, 0x13),
};

/** FIPS 204, its keys only: node signs with them as with EdDSA, hedged and with an empty context. */
function mldsa(name: string, { Npk, Nsk }: SignatureAlgorithm, arc: number): Curve {
  return seedKeys(name, [3, arc], { Npk, Nseed: Nsk });
}

/** What a private key of a group is. */
export type DhKey = KeyObject | ECDH;

/** One group for each KEM, for all providers: so a key of one is a key of the other. */
const groups = new Map<number, SyncDhPrimitives<DhKey>>();

/** A group that answers at once. */
export function syncGroup(algorithm: KemAlgorithm): SyncDhPrimitives<DhKey> {
  let group = groups.get(algorithm.id);
  if (group === undefined) {
    // The kit gives a group none but its own keys.
    group = makeGroup(algorithm) as SyncDhPrimitives<DhKey>;
    groups.set(algorithm.id, group);
  }
  return group;
}

/** The same, as the kit knows groups. */
export const dhGroup: (algorithm: KemAlgorithm) => DhPrimitives<DhKey> = syncGroup;

type MadeGroup = SyncDhPrimitives<KeyObject> | SyncDhPrimitives<ECDH>;

function makeGroup(algorithm: KemAlgorithm): MadeGroup {
  switch (algorithm.id) {
    case 16:
      return nistGroup(algorithm, "P-256", "prime256v1", P256_SCALARS);
    case 17:
      return nistGroup(algorithm, "P-384", "secp384r1", P384_SCALARS);
    case 18:
      return nistGroup(algorithm, "P-521", "secp521r1", P521_SCALARS);
    default:
      return keyObjectGroup(algorithm, MONTGOMERY[algorithm.id] as Curve);
  }
}

/** By ECDH objects where they do what they should: Deno's keep no copy of a private key, which the kit overwrites. */
function nistGroup(
  algorithm: KemAlgorithm,
  crv: "P-256" | "P-384" | "P-521",
  opensslName: string,
  scalars: ScalarRange,
): MadeGroup {
  const group = ecdhGroup(algorithm, opensslName, scalars);
  if (agrees(group)) return group;
  return keyObjectGroup(algorithm, nistCurve(crv, opensslName, algorithm.Nsk, KEPT_KEM_KEYS), scalars);
}

function agrees(group: SyncDhPrimitives<ECDH>): boolean {
  try {
    const scalar = new Uint8Array(group.algorithm.Nsk).fill(1);
    const own = group.importPrivateKey(scalar);
    scalar.fill(0);
    const other = group.generateKeyPair();
    group.validatePublicKey(other.publicKey);
    const [one, two] = [group.dh(own.privateKey, other.publicKey), group.dh(other.privateKey, own.publicKey)];
    return one.length === group.algorithm.Nsk && Buffer.compare(one, two) === 0;
  } catch {
    return false;
  }
}

function keyObjectGroup(
  algorithm: KemAlgorithm,
  curve: Curve,
  scalars?: ScalarRange,
): SyncDhPrimitives<KeyObject> {
  return {
    algorithm,
    ...(scalars && { scalars }),
    generateKeyPair: () => curve.generate(),
    importPrivateKey: (bytes) => curve.importPrivate(bytes),
    exportPrivateKey: (key) => curve.exportPrivate(key),
    validatePublicKey(publicKey) {
      if (scalars) curve.importPublic(publicKey);
      else if (!(algorithm.id === 0x0020 ? isX25519PublicKey : isX448PublicKey)(publicKey)) {
        throw new CryptoError(`${algorithm.name}: the public key is a point of low order`);
      }
    },
    dh: (privateKey, publicKey) => sharedSecret(privateKey, curve.importPublic(publicKey)),
  };
}

/** A batch of this many signatures is worth the threads: with two cores it takes 0.6 of the time, measured. */
const THREADED = 16;
/** How many wait for a thread at once: enough to keep all threads busy, and little to hold for each. */
const QUEUED = 1024;

/** A scheme that answers at once, but for large batches. */
interface SyncSignaturePart extends SignaturePart {
  importPrivateKey(bytes: Uint8Array): SignatureKeyPair;
  sign(privateKey: SignaturePrivateKey, message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

export function signaturePart(algorithm: SignatureAlgorithm): SyncSignaturePart {
  const { Npk, Nsk, name } = algorithm;
  const curve = (SIGNATURE_CURVES[algorithm.id] as () => Curve | NistCurve)();
  // EdDSA and ML-DSA have their own hash.
  const digest = "scalars" in curve ? curve.digest : null;
  const keyType = "scalars" in curve ? "ec" : curve.name.toLowerCase();

  const pair = ({ publicKey, privateKey }: RawKeyPair): SignatureKeyPair => ({
    publicKey,
    privateKey: privateKey as object as SignaturePrivateKey,
  });

  /** OpenSSL overwrites a key when the last reference to its KeyObject is collected. */
  const destroyed = new WeakSet<object>();

  function fitsScheme(key: KeyObject): boolean {
    if (key.type !== "private" || key.asymmetricKeyType !== keyType) return false;
    return !("scalars" in curve && curve.otherCurves.includes(key.asymmetricKeyDetails?.namedCurve ?? ""));
  }

  function own(handle: object): KeyObject {
    if (!(handle instanceof KeyObject) || !fitsScheme(handle)) {
      throw new CryptoError(`${name}: the private key is not a handle of this provider`);
    }
    return handle;
  }

  function open(handle: object): KeyObject {
    const key = own(handle);
    if (destroyed.has(key)) throw new CryptoError(`${name}: the private key was destroyed`);
    return key;
  }

  function fits(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    try {
      return verify(digest, message, curve.importPublic(publicKey), signature);
    } catch {
      return false;
    }
  }

  /** The same in one of libuv's threads. */
  const fitsInThread = ({ publicKey, message, signature }: VerifyRequest): Promise<boolean> =>
    new Promise((resolve) => {
      try {
        verify(digest, message, curve.importPublic(publicKey), signature, (error, valid) =>
          resolve(error === null && valid),
        );
      } catch {
        resolve(false);
      }
    });

  async function inThreads(requests: readonly VerifyRequest[]): Promise<boolean[]> {
    const answers: boolean[] = [];
    for (let start = 0; start < requests.length; start += QUEUED) {
      answers.push(...(await Promise.all(requests.slice(start, start + QUEUED).map(fitsInThread))));
    }
    return answers;
  }

  return {
    algorithm,
    generateKeyPair: () => pair(curve.generate()),
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      if ("scalars" in curve && !isScalar(bytes, curve.scalars)) {
        throw new CryptoError(`the private key of ${name} is out of range`);
      }
      return pair(curve.importPrivate(bytes));
    },
    exportPrivateKey: (handle) => curve.exportPrivate(open(handle)),
    destroyPrivateKey(handle) {
      destroyed.add(own(handle));
    },
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      if (algorithm.id === 0x0807 || algorithm.id === 0x0808) {
        const isKey = algorithm.id === 0x0807 ? isEd25519PublicKey : isEd448PublicKey;
        if (!isKey(publicKey)) throw new CryptoError(`${name}: invalid public key`);
      } else {
        curve.importPublic(publicKey);
      }
    },
    sign: (handle, message) => {
      const key = open(handle);
      // A Buffer of sign() has memory of its own size but for ECDSA, whose signatures vary in length.
      return guardSync(`${name}: signing failed`, () => new Uint8Array(sign(digest, message, key)));
    },
    verify: fits,
    verifyAll: (requests) =>
      requests.length < THREADED
        ? requests.map((r) => fits(r.publicKey, r.message, r.signature))
        : inThreads(requests),
  };
}
