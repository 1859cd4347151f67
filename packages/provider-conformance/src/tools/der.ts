// RFC 8446 §4.2.3, X.690: the DER of ECDSA signatures, to read good ones strictly and to make bad ones.
import { concat } from "./assert.js";

/** Tag, length in its shortest form, and content. */
export function tlv(tag: number, content: Uint8Array): Uint8Array {
  const length = content.length < 128 ? [content.length] : [0x81, content.length];
  return concat(Uint8Array.of(tag, ...length), content);
}

/** A number that isn't negative as an INTEGER. */
export function integer(value: bigint): Uint8Array {
  let size = 1;
  while (value >> BigInt(8 * size - 1) > 0n) size++;
  return tlv(2, toBytes(value, size));
}

/** A number as `size` bytes, the highest first; a negative one in two's complement. */
export function toBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = value;
  for (let i = size - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The number that bytes are, the highest first. */
export function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** The numbers of an ECDSA-Sig-Value; `undefined` if it isn't one in DER. */
export function readSignature(value: Uint8Array): { r: bigint; s: bigint } | undefined {
  const long = value[1] === 0x81;
  const start = long ? 3 : 2;
  const length = value[start - 1] ?? -1;
  if (value[0] !== 0x30 || length + start !== value.length || long !== length > 127) return undefined;
  const r = readInteger(value, start);
  const s = r && readInteger(value, r.end);
  return s && s.end === value.length ? { r: r.value, s: s.value } : undefined;
}

function readInteger(bytes: Uint8Array, start: number): { value: bigint; end: number } | undefined {
  const length = bytes[start + 1] ?? 0;
  const end = start + 2 + length;
  const [first = 0, second = 0] = bytes.subarray(start + 2, end);
  const isShortest = length === 1 || first !== 0 || second > 127;
  if (bytes[start] !== 2 || length < 1 || length > 127 || end > bytes.length) return undefined;
  if (first > 127 || !isShortest) return undefined;
  return { value: toBigInt(bytes.subarray(start + 2, end)), end };
}
