// RFC 9420 §2.1: codecs. One declaration of a structure gives its type, its encoder and its decoder.
import type { ByteArray, Bytes } from "../bytes.js";
import { MlsError } from "../errors.js";
import { Reader } from "./reader.js";
import { type Writer, written } from "./writer.js";

/** Encodes and decodes a structure. */
export interface Codec<T> {
  /** Appends the encoding of `value`. @throws MlsError `encode` if the value does not fit the structure */
  write(writer: Writer, value: T): void;
  /** Reads a value and moves the reader behind it. @throws DecodeError if the bytes are malformed */
  read(reader: Reader): T;
  /**
   * Moves the reader behind a value without making it, so that what isn't authenticated yet costs next to nothing.
   * The contents of a vector aren't looked at. Default: reads the value.
   * @throws DecodeError if its end can't be found
   */
  skip?(reader: Reader): void;
  /** Reads the fields of a structure into an object that has others already. */
  readInto?(reader: Reader, value: Record<string, unknown>): void;
}

/** {@link Codec.skip}, or its default. */
export function skip(codec: Codec<unknown>, reader: Reader): void {
  if (codec.skip === undefined) codec.read(reader);
  else codec.skip(reader);
}

/** The type of the values of a codec. */
export type TypeOf<C> = C extends Codec<infer T> ? T : never;

/**
 * The encoding of a value.
 * @param capacity an estimate of its size, for what is large
 * @throws MlsError `encode` if the value does not fit the structure
 */
export function encode<T>(codec: Codec<T>, value: T, capacity?: number): Bytes {
  return written((writer) => codec.write(writer, value), capacity);
}

/**
 * The value that all of `bytes` encode. Its byte strings are views of `bytes`, which must not change any more:
 * copy bytes of an application before you decode them.
 * @param context what a codec needs to know besides the bytes: {@link Reader.context}
 * @throws DecodeError if the bytes are malformed, or some are left over
 */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, context?: unknown): T {
  const reader = new Reader(bytes, context);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

/**
 * Moves the reader behind a value, and decodes the value when it is first asked for.
 * @returns a function that decodes it. @throws DecodeError, as this does if the value's end can't be found
 */
export function onDemand<T>(codec: Codec<T>, reader: Reader): () => T {
  const { bytes, context, offset: start } = reader;
  skip(codec, reader);
  const encoded = new Reader(bytes, context, start, reader.offset);
  let known: { readonly value: T } | undefined;
  return () => {
    if (known === undefined) {
      known = { value: codec.read(encoded) };
      encoded.finish();
    }
    return known.value;
  };
}

function integer(bits: 8 | 16 | 32): Codec<number> {
  const max = 2 ** bits - 1;
  const method = `uint${bits}` as const;
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw new MlsError("encode", `expected ${method}, got ${value}`);
      }
      writer[method](value);
    },
    read: (reader) => reader[method](),
    skip: (reader) => reader.jump(bits / 8),
  };
}

export const uint8: Codec<number> = /* @__PURE__ */ integer(8);
export const uint16: Codec<number> = /* @__PURE__ */ integer(16);
export const uint32: Codec<number> = /* @__PURE__ */ integer(32);

export const uint64: Codec<bigint> = {
  write(writer, value) {
    if (typeof value !== "bigint" || value < 0n || value >= 1n << 64n) {
      throw new MlsError("encode", `expected uint64, got ${value}`);
    }
    writer.uint64(value);
  },
  read: (reader) => reader.uint64(),
  skip: (reader) => reader.jump(8),
};

/** `opaque name<V>` */
export const opaque: Codec<ByteArray> = {
  write(writer, value) {
    writer.varint(value.length);
    writer.raw(value);
  },
  read: (reader) => reader.take(reader.varint()),
  skip: skipVector,
};

function skipVector(reader: Reader): void {
  reader.jump(reader.varint());
}

/**
 * `opaque name<V>` of `min` to `max` bytes. A shorter or longer one is malformed, for whoever writes it too.
 * A largest size is for what is looked up and compared before its message is authenticated; a smallest one for what
 * stands in long lists, where empty elements would take a hundred times as much memory as their encodings.
 */
export function opaqueOf({ min = 0, max = Number.POSITIVE_INFINITY }): Codec<ByteArray> {
  const wrong = (length: number) =>
    length < min
      ? `expected at least ${min} bytes, got ${length}`
      : length > max
        ? `expected at most ${max} bytes, got ${length}`
        : undefined;
  return {
    write(writer, value) {
      const problem = wrong(value.length);
      if (problem !== undefined) throw new MlsError("encode", problem);
      opaque.write(writer, value);
    },
    read(reader) {
      const length = reader.varint();
      const problem = wrong(length);
      if (problem !== undefined) throw reader.fail(problem);
      return reader.take(length);
    },
    skip: skipVector,
  };
}

/** `opaque name[length]` */
export function fixed(length: number): Codec<ByteArray> {
  return {
    write(writer, value) {
      if (value.length !== length) {
        throw new MlsError("encode", `expected ${length} bytes, got ${value.length}`);
      }
      writer.raw(value);
    },
    read: (reader) => reader.take(length),
    skip: (reader) => reader.jump(length),
  };
}

/**
 * `T name<V>`
 * @param max the most elements, of a list that has few in any honest message: an element of three bytes takes a
 *   hundred times as much memory. A longer list is malformed, for whoever writes it too.
 */
export function vector<T>(item: Codec<T>, max = Number.POSITIVE_INFINITY): Codec<readonly T[]> {
  return {
    skip: skipVector,
    write(writer, values) {
      if (values.length > max) {
        throw new MlsError("encode", `expected a list of at most ${max} elements, got ${values.length}`);
      }
      writer.vector((inner) => {
        for (const value of values) item.write(inner, value);
      });
    },
    read(reader) {
      const inner = reader.vector();
      const values: T[] = [];
      while (inner.remaining > 0) {
        const before = inner.offset;
        if (values.length === max) throw inner.fail(`expected a list of at most ${max} elements, got more`);
        values.push(item.read(inner));
        // An element without bytes would repeat for ever.
        if (inner.offset === before) throw inner.fail("expected an element of a vector, got no bytes");
      }
      return values;
    },
  };
}

/** §2.1.1 `optional<T>` */
export function optional<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    write(writer, value) {
      writer.uint8(value === undefined ? 0 : 1);
      if (value !== undefined) item.write(writer, value);
    },
    read(reader) {
      const present = reader.uint8();
      if (present > 1)
        throw reader.fail(`presence octet: expected 0 or 1, got ${present}`, reader.offset - 1);
      return present === 1 ? item.read(reader) : undefined;
    },
    skip(reader) {
      // Any other octet than 0 and 1 is refused when the value is read.
      if (reader.uint8() === 1) skip(item, reader);
    },
  };
}

/** An integer that must be one of `values`. Any other is malformed. */
export function oneOf<const V extends number>(
  name: string,
  base: Codec<number>,
  values: readonly V[],
): Codec<V> {
  const known: ReadonlySet<number> = new Set<number>(values);
  const expected = `${name} ${values.join(" or ")}`;
  return {
    write(writer, value) {
      if (!known.has(value)) throw new MlsError("encode", `expected ${expected}, got ${value}`);
      base.write(writer, value);
    },
    read(reader) {
      const at = reader.offset;
      const value = base.read(reader);
      if (!known.has(value)) throw reader.fail(`expected ${expected}, got ${value}`, at);
      return value as V;
    },
    ...(base.skip && { skip: base.skip }),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a codec is both a reader and a writer of its type, so no narrower bound holds all of them
export type AnyCodec = Codec<any>;

/** Flattens an intersection, so that editors show its fields. */
export type Flat<T> = { readonly [K in keyof T]: T[K] };

/** What a structure with these fields is. */
export type StructOf<F extends Record<string, AnyCodec>> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** A structure with these fields, in this order. */
export function struct<const F extends Record<string, AnyCodec>>(
  fields: F,
): Codec<StructOf<F>> & { readonly fields: F } {
  const names = Object.keys(fields);
  const codecs: AnyCodec[] = Object.values(fields);
  const readInto = (reader: Reader, value: Record<string, unknown>) => {
    for (let i = 0; i < names.length; i++) value[names[i] as string] = (codecs[i] as AnyCodec).read(reader);
  };
  return {
    fields,
    readInto,
    write(writer, value) {
      for (let i = 0; i < names.length; i++) {
        (codecs[i] as AnyCodec).write(writer, value[names[i] as string]);
      }
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      readInto(reader, value);
      return value as StructOf<F>;
    },
    skip(reader) {
      for (const codec of codecs) skip(codec, reader);
    },
  };
}

/** One of the cases, with its tag. */
export type VariantOf<Tag extends string, C extends Record<number, AnyCodec>> = {
  [K in keyof C]: Flat<{ readonly [T in Tag]: K } & TypeOf<C[K]>>;
}[keyof C];

/**
 * A tag and the `select` over it. A value has the tag and the fields of its case side by side. A tag without a
 * case is malformed.
 */
export function variant<const Tag extends string, const C extends Record<number, AnyCodec>>(
  tag: Tag,
  base: Codec<number>,
  cases: C,
): Codec<VariantOf<Tag, C>> {
  const byTag = new Map<number, AnyCodec>(Object.entries(cases).map(([key, codec]) => [Number(key), codec]));
  const readTag = (reader: Reader) => {
    const at = reader.offset;
    const key = base.read(reader);
    const codec = byTag.get(key);
    if (codec === undefined) throw reader.fail(`expected a known ${tag}, got ${key}`, at);
    return { key, codec };
  };
  return {
    write(writer, value) {
      const key = (value as Record<string, number>)[tag] as number;
      const codec = byTag.get(key);
      if (codec === undefined) throw new MlsError("encode", `expected a known ${tag}, got ${key}`);
      base.write(writer, key);
      codec.write(writer, value);
    },
    read(reader) {
      const { key, codec } = readTag(reader);
      const value: Record<string, unknown> = { [tag]: key };
      if (codec.readInto === undefined) Object.assign(value, codec.read(reader));
      else codec.readInto(reader, value);
      return value as VariantOf<Tag, C>;
    },
    skip: (reader) => skip(readTag(reader).codec, reader),
  };
}

/** A codec that remembers the encoding of each value. */
export interface Remembered<T> extends Codec<T> {
  /** The encoding itself, not a copy: it must not be changed, and may be a view of a larger array. */
  encoding(value: T): Uint8Array;
}

/**
 * The same codec, which remembers the encoding of each value. A received value is verified, hashed and forwarded as
 * the bytes that were received, and a new value is encoded only once. Values are immutable: a changed copy is another
 * value. Do not use it for structures that hold secrets, because their encodings would stay in memory.
 */
export function remembered<T extends object, C extends Codec<T>>(codec: C & Codec<T>): Remembered<T> {
  const encodings = new WeakMap<T, Uint8Array>();
  const encoding = (value: T): Uint8Array => {
    let known = encodings.get(value);
    if (known === undefined) {
      known = encode(codec, value);
      encodings.set(value, known);
    }
    return known;
  };
  return {
    encoding,
    write: (writer, value) => writer.raw(encoding(value)),
    skip: (reader) => skip(codec, reader),
    read(reader) {
      const start = reader.offset;
      const value = codec.read(reader);
      encodings.set(value, reader.bytes.subarray(start, reader.offset));
      return value;
    },
  };
}

/** Freezes a value and all that it contains, byte strings excepted. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const part of Object.values(value)) frozen(part);
    Object.freeze(value);
  }
  return value;
}

/** How many values {@link shared} keeps. */
const MAX_SHARED = 8;
/** The longest encoding of a value that {@link shared} keeps, in bytes. */
const MAX_SHARED_LENGTH = 256;

/**
 * The same codec, which keeps the short values that it read last. If the same bytes follow again, it returns the same
 * frozen value: thousands of members with equal capabilities share one object. Use it only for structures of
 * numbers, none of whose encodings is the beginning of another one.
 */
export function shared<T extends object>(codec: Codec<T>): Codec<T> {
  const known: { readonly bytes: Uint8Array; readonly value: T }[] = [];
  return {
    write: codec.write,
    skip: (reader) => skip(codec, reader),
    read(reader) {
      const start = reader.offset;
      const found = known.find(({ bytes }) => reader.skipIf(bytes));
      if (found !== undefined) return found.value;
      const value = codec.read(reader);
      // Without this limit, a peer could make the codec keep any amount of memory.
      if (reader.offset - start > MAX_SHARED_LENGTH) return value;
      frozen(value);
      if (known.length >= MAX_SHARED) known.shift();
      known.push({ bytes: reader.bytes.slice(start, reader.offset), value });
      return value;
    },
  };
}
