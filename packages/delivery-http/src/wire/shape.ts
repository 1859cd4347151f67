// One declaration for each structure on the wire: what it is in TypeScript, as CBOR, and in the description (JSON Schema).
import type { ByteArray, Bytes } from "@copse/core";
import { CborReader, CborWriter, Major, ShapeError } from "./cbor.js";

/** A JSON Schema (2020-12). A byte string of CBOR is a string of format `binary` there. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly const?: string;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly oneOf?: readonly JsonSchema[];
}

/** A structure. */
export interface Shape<T> {
  readonly schema: JsonSchema;
  write(writer: CborWriter, value: T): void;
  /** @throws ShapeError */
  read(reader: CborReader): T;
}

/** A field that may be left out. */
interface Optional<T> extends Shape<T> {
  readonly isOptional: true;
}

/** What a shape is in TypeScript. */
export type TypeOf<S> = S extends Shape<infer T> ? T : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type OptionalOf<F> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F];
type Flat<T> = { readonly [K in keyof T]: T[K] };
type ObjectOf<F> = Flat<
  { readonly [K in Exclude<keyof F, OptionalOf<F>>]: TypeOf<F[K]> } & {
    readonly [K in OptionalOf<F>]?: TypeOf<F[K]> | undefined;
  }
>;
type ChoiceOf<C> = { [K in keyof C]: Flat<{ readonly kind: K } & ObjectOf<C[K]>> }[keyof C];

/** A byte string of `min` to `max` bytes. */
export function bytes(min: number, max: number, description?: string): Shape<ByteArray> {
  return {
    schema: { type: "string", format: "binary", minLength: min, maxLength: max, ...described(description) },
    write: (writer, value) => writer.bytes(value),
    read: (reader) => reader.bytes(min, max),
  };
}

/** Text of `min` to `max` bytes of UTF-8. */
export function text(min: number, max: number, description?: string, pattern?: RegExp): Shape<string> {
  const schema = { type: "string", minLength: min, maxLength: max, ...described(description) };
  return {
    schema: pattern === undefined ? schema : { ...schema, pattern: pattern.source },
    write: (writer, value) => writer.text(value),
    read: (reader) => {
      const value = reader.text(min, max);
      if (pattern !== undefined && !pattern.test(value)) throw new ShapeError(`expected ${pattern.source}`);
      return value;
    },
  };
}

/** An integer from 0 to `max`, at most 2^53 - 1. */
export function integer(max: number, description?: string): Shape<number> {
  return {
    schema: { type: "integer", minimum: 0, maximum: max, ...described(description) },
    write: (writer, value) => writer.head(Major.integer, value),
    read: (reader) => {
      const value = reader.head(Major.integer);
      if (value > max) throw new ShapeError(`expected at most ${max}, got ${value}`);
      return Number(value);
    },
  };
}

/** An integer from 0 to 2^64 - 1. */
export function uint64(description?: string): Shape<bigint> {
  return {
    schema: { type: "integer", format: "uint64", minimum: 0, ...described(description) },
    write: (writer, value) => writer.head(Major.integer, value),
    read: (reader) => BigInt(reader.head(Major.integer)),
  };
}

export function flag(description?: string): Shape<boolean> {
  return {
    schema: { type: "boolean", ...described(description) },
    write: (writer, value) => writer.flag(value),
    read: (reader) => reader.flag(),
  };
}

/** `min` to `max` items. */
export function list<T>(item: Shape<T>, min: number, max: number): Shape<readonly T[]> {
  return {
    schema: { type: "array", items: item.schema, minItems: min, maxItems: max },
    write: (writer, value) => {
      writer.head(Major.array, value.length);
      for (const one of value) item.write(writer, one);
    },
    read: (reader) => {
      const length = reader.length(Major.array, min, max);
      const items: T[] = [];
      for (let i = 0; i < length; i++) items.push(inside(`[${i}]`, () => item.read(reader)));
      return items;
    },
  };
}

/** A field that may be left out. */
export function optional<T>(shape: Shape<T>): Optional<T> {
  return { ...shape, isOptional: true };
}

const isOptional = (shape: Shape<unknown>): boolean => "isOptional" in shape;

/** A map with these fields, each at most once. It is written in their order, which is so the one of what is signed. */
export function object<F extends Fields>(fields: F, description?: string): Shape<ObjectOf<F>> {
  return {
    schema: { ...objectSchema(fields), ...described(description) },
    write: (writer, value) => writeFields(writer, fields, value as Record<string, unknown>),
    read: (reader) => {
      const length = reader.length(Major.map, 0, Object.keys(fields).length);
      return readFields(reader, fields, length) as ObjectOf<F>;
    },
  };
}

/** One of several maps. The name of the choice is their first entry, `kind`. */
export function choice<C extends Readonly<Record<string, Fields>>>(choices: C): Shape<ChoiceOf<C>> {
  return {
    schema: {
      description: "The entry `kind` is the first one.",
      oneOf: Object.entries(choices).map(([kind, fields]) => objectSchema(fields, kind)),
    },
    write: (writer, value) => {
      const { kind } = value as { kind: string };
      writeFields(writer, choices[kind] as Fields, value as Record<string, unknown>, kind);
    },
    read: (reader) => {
      const length = reader.length(Major.map, 1, MAX_FIELDS);
      const name = reader.text(1, MAX_NAME);
      if (name !== "kind") throw new ShapeError("expected kind as the first entry");
      const kind = inside("kind", () => reader.text(1, MAX_NAME));
      if (!Object.hasOwn(choices, kind))
        throw new ShapeError(`expected ${Object.keys(choices).join(" or ")}`).within("kind");
      return { kind, ...readFields(reader, choices[kind] as Fields, length - 1) } as ChoiceOf<C>;
    },
  };
}

const MAX_FIELDS = 32;
const MAX_NAME = 32;

const described = (description: string | undefined) => (description === undefined ? {} : { description });

function objectSchema(fields: Fields, kind?: string): JsonSchema {
  const own = Object.entries(fields);
  const properties = Object.fromEntries(own.map(([name, shape]) => [name, shape.schema]));
  const required = own.filter(([, shape]) => !isOptional(shape)).map(([name]) => name);
  return {
    type: "object",
    properties: kind === undefined ? properties : { kind: { const: kind }, ...properties },
    required: kind === undefined ? required : ["kind", ...required],
    additionalProperties: false,
  };
}

function inside<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ShapeError ? error.within(name) : error;
  }
}

function writeFields(
  writer: CborWriter,
  fields: Fields,
  value: Record<string, unknown>,
  kind?: string,
): void {
  const own = Object.entries(fields).filter(([name]) => value[name] !== undefined);
  writer.head(Major.map, own.length + (kind === undefined ? 0 : 1));
  if (kind !== undefined) {
    writer.text("kind");
    writer.text(kind);
  }
  for (const [name, shape] of own) {
    writer.text(name);
    shape.write(writer, value[name]);
  }
}

function readFields(reader: CborReader, fields: Fields, length: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (let i = 0; i < length; i++) {
    const name = reader.text(1, MAX_NAME);
    const shape = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (shape === undefined)
      throw new ShapeError(`expected only ${["kind", ...Object.keys(fields)].join(", ")}`);
    if (Object.hasOwn(value, name)) throw new ShapeError("expected once, got twice").within(name);
    value[name] = inside(name, () => shape.read(reader));
  }
  for (const [name, shape] of Object.entries(fields)) {
    if (!Object.hasOwn(value, name) && !isOptional(shape))
      throw new ShapeError("expected, and isn't there").within(name);
  }
  return value;
}

/** Encodes a structure. */
export function encode<T>(shape: Shape<T>, value: T): Bytes {
  const writer = new CborWriter();
  shape.write(writer, value);
  return writer.finish();
}

/** Decodes a structure. @throws ShapeError */
export function decode<T>(shape: Shape<T>, bytes: Uint8Array): T {
  const reader = new CborReader(bytes);
  const value = shape.read(reader);
  reader.end();
  return value;
}
