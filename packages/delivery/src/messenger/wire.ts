// RFC 9420 §15 leaves application data to applications: what the messages of a conversation are, and how entries of the
// storage are written.
import { type Bytes, toHex } from "@copse/core";

/** The first byte of what is encrypted: a message. Others may come. */
const MESSAGE = 0;
const ID_SIZE = 16;
const HEADER_SIZE = 1 + ID_SIZE;

/** How many bytes a message takes besides its content. */
export const FRAME_SIZE = HEADER_SIZE;

export const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

/** A leading U+FEFF stays: it is a part of the text. */
export const textOf = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** @returns `undefined` for what isn't UTF-8: no two byte strings have the same name */
export function nameOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** @throws RangeError for anything but an even number of hexadecimal digits */
export function fromHex(text: string): Bytes {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw new RangeError("expected hexadecimal digits");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

/** A message with its ID inside: who decrypts it knows it again, whatever the service calls it. @param id 32 digits */
export function framed(id: string, content: Uint8Array): Bytes {
  const bytes = new Uint8Array(HEADER_SIZE + content.length);
  bytes[0] = MESSAGE;
  bytes.set(fromHex(id), 1);
  bytes.set(content, HEADER_SIZE);
  return bytes;
}

/** @returns `undefined` for anything else */
export function unframed(bytes: Uint8Array): { readonly id: string; readonly content: Bytes } | undefined {
  if (bytes.length < HEADER_SIZE || bytes[0] !== MESSAGE) return undefined;
  return { id: toHex(bytes.subarray(1, HEADER_SIZE)), content: bytes.slice(HEADER_SIZE) };
}

/** An entry of the storage: what JSON can say, and bytes. */
export function pack(header: object, ...parts: readonly Uint8Array[]): Bytes {
  const head = utf8(JSON.stringify({ ...header, sizes: parts.map(({ length }) => length) }));
  const bytes = new Uint8Array(4 + head.length + parts.reduce((sum, { length }) => sum + length, 0));
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, 4);
  let at = 4 + head.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** What {@link pack} made. The storage is the client's own: nobody else has written it. */
export function unpack<T>(bytes: Uint8Array): { readonly header: T; readonly parts: readonly Bytes[] } {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const { sizes, ...header } = JSON.parse(textOf(bytes.subarray(4, 4 + size))) as { sizes: number[] };
  let at = 4 + size;
  const parts = sizes.map((length) => {
    at += length;
    return bytes.slice(at - length, at);
  });
  return { header: header as T, parts };
}
