// RFC 9420 §2.1: one declaration for each structure, from which its type, encoder and decoder come.
import { MlsError } from "../errors.js";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

/** How a structure is written and read. */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** The type that a codec's structure has. */
export type TypeOf<C> = C extends Codec<infer T> ? T : never;

/** @throws MlsError `encode` if the value doesn't fit its structure. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/**
 * The value that `bytes`, all of them, encode. Its byte strings are views of `bytes`, which therefore must
 * not be changed any more; what comes from an application is copied before it comes here.
 * @param context what reading takes that isn't in the bytes: {@link Reader.context}
 * @throws DecodeError
 */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, context?: unknown): T {
  const reader = new Reader(bytes, context);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

function integer(bits: 8 | 16 | 32): Codec<number> {
  const max = 2 ** bits - 1;
  const method = `uint${bits}` as const;
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw new MlsError("encode", `${value} is no ${method}`);
      }
      writer[method](value);
    },
    read: (reader) => reader[method](),
  };
}

export const uint8: Codec<number> = /* @__PURE__ */ integer(8);
export const uint16: Codec<number> = /* @__PURE__ */ integer(16);
export const uint32: Codec<number> = /* @__PURE__ */ integer(32);

export const uint64: Codec<bigint> = {
  write(writer, value) {
    if (typeof value !== "bigint" || value < 0n || value >= 1n << 64n) {
      throw new MlsError("encode", `${value} is no uint64`);
    }
    writer.uint64(value);
  },
  read: (reader) => reader.uint64(),
};

/** `opaque name<V>` */
export const opaque: Codec<Uint8Array> = {
  write(writer, value) {
    writer.varint(value.length);
    writer.raw(value);
  },
  read: (reader) => reader.take(reader.varint()),
};

/** `opaque name[length]` */
export function fixed(length: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length !== length)
        throw new MlsError("encode", `${value.length} bytes where ${length} belong`);
      writer.raw(value);
    },
    read: (reader) => reader.take(length),
  };
}

/** `T name<V>` */
export function vector<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    write(writer, values) {
      writer.vector((inner) => {
        for (const value of values) item.write(inner, value);
      });
    },
    read(reader) {
      const inner = reader.vector();
      const values: T[] = [];
      while (inner.remaining > 0) {
        const before = inner.offset;
        values.push(item.read(inner));
        // A structure of no bytes would never end.
        if (inner.offset === before) throw inner.fail("a vector's element has no bytes");
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
      if (present > 1) throw reader.fail(`presence octet ${present}`, reader.offset - 1);
      return present === 1 ? item.read(reader) : undefined;
    },
  };
}

/** An integer that must be one of `values`; another one is malformed. */
export function oneOf<const V extends number>(
  name: string,
  base: Codec<number>,
  values: readonly V[],
): Codec<V> {
  const known: ReadonlySet<number> = new Set<number>(values);
  return {
    write(writer, value) {
      if (!known.has(value)) throw new MlsError("encode", `${value} is no ${name}`);
      base.write(writer, value);
    },
    read(reader) {
      const at = reader.offset;
      const value = base.read(reader);
      if (!known.has(value)) throw reader.fail(`${value} is no ${name}`, at);
      return value as V;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a codec is both a reader and a writer of its type, so no narrower bound holds all of them
type AnyCodec = Codec<any>;

/** A flat view of an intersection, so that editors show fields and not the machinery. */
type Flat<T> = { readonly [K in keyof T]: T[K] };

type StructOf<F extends Record<string, AnyCodec>> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** A structure with these fields, in this order. */
export function struct<const F extends Record<string, AnyCodec>>(
  fields: F,
): Codec<StructOf<F>> & { readonly fields: F } {
  const names = Object.keys(fields);
  const codecs: AnyCodec[] = Object.values(fields);
  return {
    fields,
    write(writer, value) {
      for (let i = 0; i < names.length; i++) {
        (codecs[i] as AnyCodec).write(writer, value[names[i] as string]);
      }
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (let i = 0; i < names.length; i++) value[names[i] as string] = (codecs[i] as AnyCodec).read(reader);
      return value as StructOf<F>;
    },
  };
}

type VariantOf<Tag extends string, C extends Record<number, AnyCodec>> = {
  [K in keyof C]: Flat<{ readonly [T in Tag]: K } & TypeOf<C[K]>>;
}[keyof C];

/**
 * A tag and the `select` over it: the fields of the case stand beside the tag. A tag without a case is
 * malformed.
 */
export function variant<const Tag extends string, const C extends Record<number, AnyCodec>>(
  tag: Tag,
  base: Codec<number>,
  cases: C,
): Codec<VariantOf<Tag, C>> {
  const byTag = new Map<number, AnyCodec>(Object.entries(cases).map(([key, codec]) => [Number(key), codec]));
  return {
    write(writer, value) {
      const key = (value as Record<string, number>)[tag] as number;
      const codec = byTag.get(key);
      if (codec === undefined) throw new MlsError("encode", `${key} is no ${tag}`);
      base.write(writer, key);
      codec.write(writer, value);
    },
    read(reader) {
      const at = reader.offset;
      const key = base.read(reader);
      const codec = byTag.get(key);
      if (codec === undefined) throw reader.fail(`${key} is no known ${tag}`, at);
      return { [tag]: key, ...codec.read(reader) };
    },
  };
}

/** A structure whose encoding is remembered. */
export interface Remembered<T> extends Codec<T> {
  /** The encoding itself, without a copy: not to be changed, and perhaps a part of something larger. */
  encoding(value: T): Uint8Array;
}

/**
 * The same structure, with its encoding remembered: what was received is signed, hashed and sent on as the
 * bytes that came, and a value is encoded once only. Values are immutable; a changed copy is another value.
 * Not for structures that hold secrets, whose bytes would outlive them.
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
    read(reader) {
      const start = reader.offset;
      const value = codec.read(reader);
      encodings.set(value, reader.bytes.subarray(start, reader.offset));
      return value;
    },
  };
}

/** Deep, so that what many values share is changed by none. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const part of Object.values(value)) frozen(part);
    Object.freeze(value);
  }
  return value;
}

const MOST_SHARED = 8;
/** In bytes, encoded. */
const LONGEST_SHARED = 256;

/**
 * The same structure, of which the values read last are kept: where these bytes come again, the same value is given,
 * frozen. For what thousands of members have in common, and one of them would hold for each of them. Only for
 * structures of numbers, whose end can be told from their beginning.
 */
export function shared<T extends object>(codec: Codec<T>): Codec<T> {
  const known: { readonly bytes: Uint8Array; readonly value: T }[] = [];
  return {
    write: codec.write,
    read(reader) {
      const start = reader.offset;
      const found = known.find(({ bytes }) => reader.skip(bytes));
      if (found !== undefined) return found.value;
      const value = frozen(codec.read(reader));
      // What somebody made long on purpose isn't worth keeping.
      if (reader.offset - start > LONGEST_SHARED) return value;
      if (known.length >= MOST_SHARED) known.shift();
      known.push({ bytes: reader.bytes.slice(start, reader.offset), value });
      return value;
    },
  };
}
