// RFC 9420 §5.1.1, RFC 9180 §7.1.1: raw keys to and from node's KeyObjects.
//
// JWK is the fast way in and out: PKCS#8 and SPKI take about ten times as long for X25519 (Node 20).
// Its price is that a private key passes through a string, which can't be overwritten.
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { CryptoError } from "@copse/core/provider";
import { guardSync } from "@copse/provider-kit";

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

/** Public keys that were imported, the oldest dropped for the newest. */
function cached(size: number, what: string, load: (bytes: Uint8Array) => KeyObject): Curve["importPublic"] {
  const keys = new Map<string, KeyObject>();
  return (bytes) => {
    if (bytes.length !== size) throw new CryptoError(`${what} has ${size} bytes, not ${bytes.length}`);
    const id = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    let key = keys.get(id);
    if (key === undefined) {
      key = guardSync(`no ${what}`, () => load(bytes));
      if (keys.size >= 1024) keys.delete(keys.keys().next().value as string);
      keys.set(id, key);
    }
    return key;
  };
}

/** X25519, X448, Ed25519 and Ed448 (RFC 8037): a public key and a private key of `size` bytes each. */
export function okpCurve(crv: "X25519" | "X448" | "Ed25519" | "Ed448", size: number): Curve {
  const type = crv.toLowerCase() as "x25519";
  // Node wants an `x` beside a `d`, but computes its own from `d`.
  const x = base64url(new Uint8Array(size));
  const pair = (privateKey: KeyObject, publicKey: KeyObject): RawKeyPair => ({
    publicKey: fromBase64url(publicKey.export({ format: "jwk" }).x),
    privateKey,
  });
  return {
    name: crv,
    generate() {
      const { privateKey, publicKey } = generateKeyPairSync(type);
      return pair(privateKey, publicKey);
    },
    importPrivate: (bytes) =>
      guardSync(`no private key of ${crv}`, () => {
        const key = { kty: "OKP", crv, d: base64url(bytes), x };
        const privateKey = createPrivateKey({ key, format: "jwk" });
        return pair(privateKey, createPublicKey(privateKey));
      }),
    exportPrivate: (key) => fromBase64url(key.export({ format: "jwk" }).d),
    importPublic: cached(size, `public key of ${crv}`, (bytes) =>
      createPublicKey({ key: { kty: "OKP", crv, x: base64url(bytes) }, format: "jwk" }),
    ),
  };
}

/** P-256, P-384 and P-521: an uncompressed point as public key, a scalar of `size` bytes as private key. */
export function nistCurve(crv: "P-256" | "P-384" | "P-521", opensslName: string, size: number): Curve {
  const jwk = (point: Uint8Array) => ({
    kty: "EC",
    crv,
    x: base64url(point.subarray(1, 1 + size)),
    y: base64url(point.subarray(1 + size)),
  });
  return {
    name: crv,
    generate() {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: opensslName });
      const { x, y } = publicKey.export({ format: "jwk" });
      const point = new Uint8Array(1 + 2 * size);
      point[0] = 4;
      point.set(fromBase64url(x), 1);
      point.set(fromBase64url(y), 1 + size);
      return { publicKey: point, privateKey };
    },
    importPrivate: (bytes) =>
      guardSync(`no private key of ${crv}`, () => {
        const ecdh = createECDH(opensslName);
        ecdh.setPrivateKey(bytes);
        const publicKey = new Uint8Array(ecdh.getPublicKey());
        const key = { ...jwk(publicKey), d: base64url(bytes) };
        return { publicKey, privateKey: createPrivateKey({ key, format: "jwk" }) };
      }),
    exportPrivate: (key) => fromBase64url(key.export({ format: "jwk" }).d),
    importPublic: cached(1 + 2 * size, `public key of ${crv}`, (bytes) => {
      if (bytes[0] !== 4) throw new CryptoError(`a public key of ${crv} is an uncompressed point`);
      return createPublicKey({ key: jwk(bytes), format: "jwk" });
    }),
  };
}

/** The shared secret of two keys of a curve. @throws CryptoError, also for a point of low order. */
export function sharedSecret(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return guardSync("no shared secret with this public key", () =>
    own(diffieHellman({ privateKey, publicKey })),
  );
}

/** A Buffer's bytes as a plain array whose memory is its own. */
export function own(buffer: Buffer): Uint8Array {
  return buffer.buffer instanceof ArrayBuffer && buffer.buffer.byteLength === buffer.length
    ? new Uint8Array(buffer.buffer)
    : new Uint8Array(buffer);
}
