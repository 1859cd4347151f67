// RFC 9420 §5.1.1, RFC 9180 §7.1.1: raw keys to and from node's KeyObjects.
//
// A private key goes in as PKCS#8, which needs no public key and leaves no copy: the bytes are overwritten. In a JWK a
// private key passes through a string, which can't be overwritten. OpenSSL 3.0 (Node 20) gets X25519, X448, Ed25519 and
// Ed448 as JWK all the same, because it decodes PKCS#8 slowly. Measured for X25519 and Ed25519: on Node 20 PKCS#8 takes
// 360 µs and JWK 36, and a commit in a group of 100 members 35 ms and 8; on Node 22, 24 and 26 (OpenSSL 3.5) PKCS#8
// takes 36 to 41 µs and JWK 33 to 38.
//
// A public key goes in as JWK: SPKI takes longer on Node 20.
//
// No key that generateKeyPair made may go out as JWK: Node 20 holds the key's lock while it makes the JWK's
// strings, and if that collects the garbage of the generation, whose destructor wants the same lock, the
// process stands still forever. Within some thousand keys it happens. DER takes no lock.
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { CryptoError, copySecret, mapKey } from "@copse/core/provider";
import { guardSync, ownBytes } from "@copse/provider-kit";

/** How raw keys of one curve are turned into KeyObjects. All throw CryptoError for what is no key. */
export interface Curve {
  readonly name: string;
  generate(): RawKeyPair;
  /** The public key is computed. The bytes have the right length. */
  importPrivate(bytes: Uint8Array): RawKeyPair;
  exportPrivate(key: KeyObject): Uint8Array;
  /** Checks a point of a NIST curve, takes any bytes for the others. May come from a cache. */
  importPublic(bytes: Uint8Array): KeyObject;
}

export interface RawKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");

/** Bytes of a JWK's field, in memory of their own (small Buffers share a pool). */
const fromBase64url = (text: string | undefined): Uint8Array =>
  new Uint8Array(Buffer.from(text ?? "", "base64url"));

/** A part of an encoded key, in memory of its own. What held the whole key is wiped. */
export function takeFrom(der: Buffer, start: number, end?: number): Uint8Array {
  const part = copySecret(der.subarray(start, end));
  der.fill(0);
  return part;
}

/** Public keys that were imported, the oldest dropped for the newest. */
export function cached(
  size: number,
  what: string,
  load: (bytes: Uint8Array) => KeyObject,
  kept: number,
): Curve["importPublic"] {
  const keys = new Map<string, KeyObject>();
  return (bytes) => {
    if (bytes.length !== size) throw new CryptoError(`${what} has ${size} bytes, not ${bytes.length}`);
    const id = mapKey(bytes);
    let key = keys.get(id);
    if (key === undefined) {
      key = guardSync(`no ${what}`, () => load(bytes));
      if (keys.size >= kept) keys.delete(keys.keys().next().value as string);
      keys.set(id, key);
    }
    return key;
  };
}

/** A private key from a PKCS#8 structure that ends with the key's bytes; `head` is what stands before them. */
export function fromPkcs8(head: readonly number[], bytes: Uint8Array): KeyObject {
  const der = Buffer.alloc(head.length + bytes.length);
  der.set(head);
  der.set(bytes, head.length);
  try {
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } finally {
    der.fill(0);
  }
}

/** OpenSSL 3.0 takes some 320 µs to decode a PKCS#8 structure, and 36 for the rest of an import of X25519. */
const DECODES_SLOWLY = process.versions.openssl?.startsWith("3.0.") ?? false;

/** RFC 8410 §3: the last number of the curve's object identifier, 1.3.101.x. */
const OKP_ARC = { X25519: 110, X448: 111, Ed25519: 112, Ed448: 113 } as const;

/** X25519, X448, Ed25519 and Ed448 (RFC 8037): a public key and a private key of `size` bytes each. */
export function okpCurve(crv: "X25519" | "X448" | "Ed25519" | "Ed448", size: number, kept: number): Curve {
  // RFC 8410 §7: a PKCS#8 structure without a public key, of which these bytes are all but the private key.
  const head = [0x30, size + 14, 0x02, 0x01, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, OKP_ARC[crv]];
  const privateHead = [...head, 0x04, size + 2, 0x04, size];
  const byPkcs8 = (bytes: Uint8Array) => fromPkcs8(privateHead, bytes);
  // Node 20 ignores a private key's `x`, but requires a string. Newer Nodes refuse an `x` that doesn't fit `d`.
  const byJwk = (bytes: Uint8Array) =>
    createPrivateKey({ key: { kty: "OKP", crv, d: base64url(bytes), x: "" }, format: "jwk" });
  /** Whether a JWK without its public key is taken, and gives the same key. */
  const jwkWorks = (): boolean => {
    const trial = new Uint8Array(size).fill(1);
    try {
      return Buffer.compare(pair(byJwk(trial)).publicKey, pair(byPkcs8(trial)).publicKey) === 0;
    } catch {
      return false;
    }
  };
  let toPrivateKey: typeof byPkcs8 | undefined;
  const pair = (privateKey: KeyObject): RawKeyPair => ({
    publicKey: fromBase64url(createPublicKey(privateKey).export({ format: "jwk" }).x),
    privateKey,
  });
  const importPrivate = (bytes: Uint8Array): RawKeyPair => {
    toPrivateKey ??= DECODES_SLOWLY && jwkWorks() ? byJwk : byPkcs8;
    return pair(toPrivateKey(bytes));
  };
  return {
    name: crv,
    // Any bytes are a private key (RFC 7748 §5, RFC 8032 §5.1.5). No slower than generateKeyPair.
    generate() {
      const bytes = randomBytes(size);
      try {
        return importPrivate(bytes);
      } finally {
        bytes.fill(0);
      }
    },
    importPrivate: (bytes) => guardSync(`no private key of ${crv}`, () => importPrivate(bytes)),
    // The application's own key may be one that was generated. The key is what a PKCS#8 structure ends with.
    exportPrivate: (key) => takeFrom(key.export({ format: "der", type: "pkcs8" }), -size),
    importPublic: cached(
      size,
      `public key of ${crv}`,
      (bytes) => createPublicKey({ key: { kty: "OKP", crv, x: base64url(bytes) }, format: "jwk" }),
      kept,
    ),
  };
}

/** P-256, P-384 and P-521: an uncompressed point as public key, a scalar of `size` bytes as private key. */
export function nistCurve(
  crv: "P-256" | "P-384" | "P-521",
  opensslName: string,
  size: number,
  kept: number,
): Curve {
  const jwk = (point: Uint8Array) => ({
    kty: "EC",
    crv,
    x: base64url(point.subarray(1, 1 + size)),
    y: base64url(point.subarray(1 + size)),
  });
  return {
    name: crv,
    generate() {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: opensslName });
      const der = privateKey.export({ format: "der", type: "sec1" });
      return { publicKey: takeFrom(der, -1 - 2 * size), privateKey };
    },
    importPrivate: (bytes) =>
      guardSync(`no private key of ${crv}`, () => {
        const ecdh = createECDH(opensslName);
        ecdh.setPrivateKey(bytes);
        const publicKey = new Uint8Array(ecdh.getPublicKey());
        const key = { ...jwk(publicKey), d: base64url(bytes) };
        return { publicKey, privateKey: createPrivateKey({ key, format: "jwk" }) };
      }),
    exportPrivate(key) {
      // RFC 5915: a sequence of the version (3 bytes), the scalar as an octet string, and the rest.
      const der = key.export({ format: "der", type: "sec1" });
      const start = ((der[1] as number) > 127 ? 3 : 2) + 3 + 2;
      return takeFrom(der, start, start + size);
    },
    importPublic: cached(
      1 + 2 * size,
      `public key of ${crv}`,
      (bytes) => {
        if (bytes[0] !== 4) throw new CryptoError(`a public key of ${crv} is an uncompressed point`);
        return createPublicKey({ key: jwk(bytes), format: "jwk" });
      },
      kept,
    ),
  };
}

/** The shared secret of two keys of a curve. @throws CryptoError, also for a point of low order. */
export function sharedSecret(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return guardSync("no shared secret with this public key", () =>
    ownBytes(diffieHellman({ privateKey, publicKey })),
  );
}
