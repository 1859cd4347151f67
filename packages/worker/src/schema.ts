// RFC 9420 doesn't cover this: checks of what the other thread has posted. The two sides need not trust each other.
import type { Bytes } from "@copse/core";

/** Whether a value has the shape of `T`. */
export type Shape<T> = (value: unknown) => value is T;

/** The type that a shape checks for. */
export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

export const anything: Shape<unknown> = (_value): _value is unknown => true;
export const text: Shape<string> = (value) => typeof value === "string";
export const flag: Shape<boolean> = (value) => typeof value === "boolean";
const bigint: Shape<bigint> = (value) => typeof value === "bigint";

/** An integer from 0 to 2^53 - 1: the number of a call, an index, a length. */
export const count: Shape<number> = (value): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** A uint64, such as an epoch. */
export const uint64: Shape<bigint> = (value): value is bigint =>
  bigint(value) && value >= 0n && value < 1n << 64n;

/** A Uint8Array, also one of another realm (where `instanceof` fails) or of a subclass. */
export const bytes: Shape<Bytes> = (value): value is Bytes =>
  ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";

/** An object that isn't null. Its properties are checked elsewhere. */
export const object: Shape<object> = (value): value is object => typeof value === "object" && value !== null;

export function literal<const T extends string | true>(expected: T): Shape<T> {
  return (value): value is T => value === expected;
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value): value is T | undefined => value === undefined || shape(value);
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(shape);
}

export function tuple<A, B>(first: Shape<A>, second: Shape<B>): Shape<readonly [A, B]> {
  return (value): value is readonly [A, B] =>
    Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1]);
}

export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return (value): value is A | B => first(value) || second(value);
}

type Fields = Readonly<Record<string, Shape<unknown>>>;
type Optional<F extends Fields> = {
  [K in keyof F]: unknown extends ShapeOf<F[K]> ? never : undefined extends ShapeOf<F[K]> ? K : never;
}[keyof F];

/** The type of an object with these fields; those that may be `undefined` may be missing. */
type Fielded<F extends Fields> = { readonly [K in Exclude<keyof F, Optional<F>>]: ShapeOf<F[K]> } & {
  readonly [K in Optional<F>]?: ShapeOf<F[K]>;
};

/** An object with these properties of its own. It may have others. */
export function record<F extends Fields>(fields: F): Shape<Fielded<F>> {
  const entries = Object.entries(fields);
  return (value): value is Fielded<F> =>
    object(value) && entries.every(([name, shape]) => shape(ownValue(value, name)));
}

/** An own property of an object, never one of its prototype; `undefined` if there is none. */
export function ownValue(value: unknown, name: string | number): unknown {
  return object(value) && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}
