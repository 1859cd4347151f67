// RFC 5958, RFC 8410 §7, RFC 5915: the private key in a PKCS#8 structure. It is taken out, nothing is computed with it.
import { equalBytes } from "../bytes.js";
import { Reader } from "../codec/index.js";
import { UnsupportedError } from "../errors.js";
import type { SignatureAlgorithm } from "../provider/index.js";

const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;

/** id-ecPublicKey, RFC 5480 §2.1.1 */
const EC_PUBLIC_KEY = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/** The object identifiers by the IDs of signature schemes: of the algorithm, or of its curve. */
const IDENTIFIERS: Readonly<Record<number, readonly number[]>> = {
  1027: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
  1283: [0x2b, 0x81, 0x04, 0x00, 0x22],
  1539: [0x2b, 0x81, 0x04, 0x00, 0x23],
  2055: [0x2b, 0x65, 0x70],
  2056: [0x2b, 0x65, 0x71],
};

/** The contents of the next DER element, which must have this tag. */
function element(reader: Reader, tag: number): Reader {
  const at = reader.offset;
  const got = reader.uint8();
  if (got !== tag) throw reader.fail(`PKCS#8: expected the DER tag ${tag}, got ${got}`, at);
  let length = reader.uint8();
  if (length > 0x82) throw reader.fail("PKCS#8: expected a length of at most 2 bytes", at);
  if (length === 0x81) length = reader.uint8();
  else if (length === 0x82) length = reader.uint16();
  else if (length === 0x80) throw reader.fail("PKCS#8: expected a definite length", at);
  const start = reader.offset;
  reader.jump(length);
  return new Reader(reader.bytes, undefined, start, start + length);
}

function contents(reader: Reader): Uint8Array {
  return reader.take(reader.remaining);
}

/**
 * The private key in an unencrypted PKCS#8 structure, as a provider imports it: a view of the bytes, or a copy.
 * @throws DecodeError; UnsupportedError for a key of another algorithm
 */
export function privateKeyIn(pkcs8: Uint8Array, { id, name, Nsk }: SignatureAlgorithm): Uint8Array {
  const outer = new Reader(pkcs8);
  const info = element(outer, SEQUENCE);
  outer.finish();
  element(info, INTEGER);
  const algorithm = element(info, SEQUENCE);
  let identifier = contents(element(algorithm, OBJECT_IDENTIFIER));
  const isEc = equalBytes(identifier, Uint8Array.from(EC_PUBLIC_KEY));
  if (isEc) identifier = contents(element(algorithm, OBJECT_IDENTIFIER));
  const expected = IDENTIFIERS[id];
  if (expected === undefined || !equalBytes(identifier, Uint8Array.from(expected))) {
    throw new UnsupportedError(`expected a PKCS#8 structure of ${name}, got one of another algorithm`);
  }
  const key = element(info, OCTET_STRING);
  if (!isEc) return contents(element(key, OCTET_STRING));
  const ecKey = element(key, SEQUENCE);
  element(ecKey, INTEGER);
  const scalar = contents(element(ecKey, OCTET_STRING));
  // Some encoders leave out the zeros before it.
  const padded = new Uint8Array(Math.max(Nsk, scalar.length));
  padded.set(scalar, padded.length - scalar.length);
  return padded;
}
