// RFC 9420 §5.3: what passes between the application and a state is copied, whatever the names of its fields are.
import { expect, it } from "vitest";
import { copied } from "../../src/bytes.js";

it("a copy of plain data has the same own properties, and the prototype of any object", () => {
  const value = JSON.parse('{"__proto__":{"a":1},"b":[{"__proto__":2}],"constructor":3}');
  const copy = copied(value);
  expect(copy.a).toBeUndefined();
  expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect(Object.getOwnPropertyDescriptor(copy, "__proto__")?.value).toEqual({ a: 1 });
  expect(Object.getOwnPropertyDescriptor(copy, "__proto__")?.value).not.toBe(
    Object.getOwnPropertyDescriptor(value, "__proto__")?.value,
  );
  expect(({} as { a?: number }).a).toBeUndefined();
});
