// RFC 5958, RFC 8410 §7, RFC 5915: the private key in a PKCS#8 structure. It is taken out, nothing is computed with it.
import { type Bytes, copySecret, secretBytes, toHex } from "../bytes.js";
import { Reader } from "../codec/index.js";
import { UnsupportedError } from "../errors.js";
import {
  ECDSA_P256,
  ECDSA_P384,
  ECDSA_P521,
  ED448,
  ED25519,
  type SignatureAlgorithm,
} from "../provider/index.js";

const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;

/** id-ecPublicKey, RFC 5480 §2.1.1, in DER */
const EC_PUBLIC_KEY = "2a8648ce3d0201";

/** The object identifiers of the algorithms, or of their curves, in DER. */
const IDENTIFIERS: Readonly<Record<number, string>> = {
  [ECDSA_P256.id]: "2a8648ce3d030107",
  [ECDSA_P384.id]: "2b81040022",
  [ECDSA_P521.id]: "2b81040023",
  [ED25519.id]: "2b6570",
  [ED448.id]: "2b6571",
};

/** The contents of the next DER element, which must have this tag and a length of at most two bytes. */
function element(reader: Reader, tag: number): Reader {
  const at = reader.offset;
  const got = reader.uint8();
  let length = reader.uint8();
  if (got !== tag || length === 0x80 || length > 0x82)
    throw reader.fail(`malformed PKCS#8: expected a DER element with tag ${tag}, got ${got}`, at);
  if (length > 0x80) length = length === 0x81 ? reader.uint8() : reader.uint16();
  const start = reader.offset;
  reader.jump(length);
  return new Reader(reader.bytes, undefined, start, start + length);
}

function contents(reader: Reader, tag: number): Uint8Array {
  const inner = element(reader, tag);
  return inner.take(inner.remaining);
}

/**
 * The private key in an unencrypted PKCS#8 structure, as a provider imports it: a copy, to be overwritten.
 * @throws DecodeError; UnsupportedError for a key of another algorithm
 */
export function privateKeyIn(pkcs8: Uint8Array, { id, name, Nsk }: SignatureAlgorithm): Bytes {
  const outer = new Reader(pkcs8);
  const info = element(outer, SEQUENCE);
  outer.finish();
  element(info, INTEGER);
  const algorithm = element(info, SEQUENCE);
  let identifier = toHex(contents(algorithm, OBJECT_IDENTIFIER));
  const isEc = identifier === EC_PUBLIC_KEY;
  if (isEc) identifier = toHex(contents(algorithm, OBJECT_IDENTIFIER));
  if (identifier !== IDENTIFIERS[id])
    throw new UnsupportedError(`expected a PKCS#8 structure of ${name}, got one of another algorithm`);
  const key = element(info, OCTET_STRING);
  if (!isEc) return copySecret(contents(key, OCTET_STRING));
  const ecKey = element(key, SEQUENCE);
  element(ecKey, INTEGER);
  const scalar = contents(ecKey, OCTET_STRING);
  // Some encoders leave out the zeros before it.
  const padded = secretBytes(Math.max(Nsk, scalar.length));
  padded.set(scalar, padded.length - scalar.length);
  return padded;
}
