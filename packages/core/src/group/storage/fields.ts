// RFC 9420 §12: the fields of saved records. A record is overwritten when it is loaded, so what is public is copied when
// it is read. Secrets are read as views, and copied by who keeps them.
import { ascii, type ByteArray, type Bytes, mapKey } from "../../bytes.js";
import { type Codec, decode, opaque } from "../../codec/index.js";

/** A boolean, as 1 or 0. */
export const flag: Codec<boolean> = {
  write: (writer, value) => writer.uint8(value ? 1 : 0),
  read: (reader) => reader.uint8() === 1,
};

/** One of a few names, as its place among them. */
export function choice<T extends string>(names: readonly T[]): Codec<T> {
  return {
    write: (writer, name) => writer.uint8(names.indexOf(name)),
    read(reader) {
      const number = reader.uint8();
      const name = names[number];
      if (name === undefined) throw reader.fail(`expected ${names.join(" or ")}, got ${number}`);
      return name;
    },
  };
}

/** Public bytes, in memory of their own. */
export const ownBytes: Codec<Bytes> = {
  write: opaque.write,
  read: (reader) => new Uint8Array(opaque.read(reader)),
};

/** The same, of bytes that may be anywhere before they are saved. */
export const publicBytes: Codec<ByteArray> = ownBytes;

/** A short name of ASCII characters. */
export const codeText: Codec<string> = {
  write: (writer, name) => opaque.write(writer, ascii(name)),
  read: (reader) => mapKey(opaque.read(reader)),
};

/** A structure that is decoded when it is asked for. A function, not a getter: docs/decisions/short-lives.md */
export type Later<T> = () => T;

/** The same as {@link nested}, for what has types of extensions: a client that lacks one is told so before. */
export function later<T>(codec: Codec<T>): Codec<Later<T>> {
  return {
    write: (writer, value) => nested(codec).write(writer, value()),
    read(reader) {
      const { context } = reader;
      const bytes = ownBytes.read(reader);
      return () => decode(codec, bytes, context);
    },
  };
}

/** A public structure, as bytes of its own. */
export function nested<T>(codec: Codec<T>): Codec<T> {
  return {
    write: (writer, value) => writer.vector((inner) => codec.write(inner, value)),
    read: (reader) => decode(codec, ownBytes.read(reader), reader.context),
  };
}
