// RFC 9420 §5.1: parts that read their inputs late work on copies, which are overwritten afterwards.
import { ownInputs } from "@copse/provider-kit";
import { expect, it, vi } from "vitest";

const bytes = (...values: number[]) => Uint8Array.from(values);

it("gives what the caller's array held when it was called", async () => {
  const part = ownInputs({
    async hash(data: Uint8Array) {
      await Promise.resolve();
      return data.slice();
    },
  });
  const input = bytes(1, 2, 3);
  const answer = part.hash(input);
  input.fill(9);
  expect(await answer).toEqual(bytes(1, 2, 3));
  expect(input).toEqual(bytes(9, 9, 9));
});

it("copies the bytes in lists and requests, and nothing else", async () => {
  const key = { handle: bytes(7) };
  const part = ownInputs({
    algorithm: { name: "any" },
    async all(handle: object, requests: readonly { readonly data: Uint8Array; readonly length: number }[]) {
      await Promise.resolve();
      return {
        handle,
        data: requests.map(({ data }) => data.slice()),
        lengths: requests.map((r) => r.length),
      };
    },
    list: async (list: readonly Uint8Array[]) => list.map((one) => one.slice()),
  });
  const data = bytes(1);
  const requests = [{ data, length: 4 }];
  const answer = part.all(key, requests);
  data.fill(9);
  requests.length = 0;
  const got = await answer;
  expect(got.handle).toBe(key);
  expect(got).toMatchObject({ data: [bytes(1)], lengths: [4] });
  expect(part.algorithm).toEqual({ name: "any" });
  expect(await part.list([bytes(5), bytes(6)])).toEqual([bytes(5), bytes(6)]);
});

it("overwrites the copies, whether the call succeeds, fails at once or fails later", async () => {
  const seen: Uint8Array[] = [];
  const part = ownInputs({
    now(data: Uint8Array): number {
      seen.push(data);
      return data[0] as number;
    },
    throws(data: Uint8Array): never {
      seen.push(data);
      throw new Error("now");
    },
    async rejects(data: Uint8Array) {
      seen.push(data);
      await Promise.resolve();
      throw new Error("later");
    },
  });
  expect(part.now(bytes(5))).toBe(5);
  expect(() => part.throws(bytes(5))).toThrow("now");
  await expect(part.rejects(bytes(5))).rejects.toThrow("later");
  expect(seen).toEqual([bytes(0), bytes(0), bytes(0)]);
});

it("overwrites the copies that it made before an input couldn't be read", () => {
  const part = ownInputs({ all: (first: Uint8Array, requests: readonly object[]) => [first, requests] });
  const broken = {
    get data(): Uint8Array {
      throw new Error("no such data");
    },
  };
  const set = vi.spyOn(Object.getPrototypeOf(Uint8Array.prototype), "set");
  expect(() => part.all(bytes(5), [{ data: new Uint8Array(5000).fill(6) }, broken])).toThrow("no such data");
  const copies = set.mock.contexts as Uint8Array[];
  set.mockRestore();
  expect(copies.map((copy) => copy.length)).toEqual([1, 5000]);
  for (const copy of copies) expect(copy.every((byte) => byte === 0)).toBe(true);
});

it("calls a function with its part as this", () => {
  const part = ownInputs({
    factor: 3,
    times(data: Uint8Array) {
      return (data[0] as number) * this.factor;
    },
  });
  expect(part.times(bytes(2))).toBe(6);
});

it("lends long copies memory that no other call has at the same time, and that is empty afterwards", async () => {
  const seen: Uint8Array[] = [];
  const part = ownInputs({
    async both(a: Uint8Array, b: Uint8Array) {
      seen.push(a, b);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return [a.slice(), b.slice()];
    },
  });
  const sizes = [4095, 4096, 65_536, 131_072, 131_073];
  for (let round = 1; round < 4; round++) {
    const inputs = sizes.map((size, i) => new Uint8Array(size).fill(10 * round + i));
    const answers = inputs.map((input) => part.both(input, input.subarray(1)));
    const wanted = inputs.map((input) => [input.slice(), input.slice(1)]);
    for (const input of inputs) input.fill(0);
    expect(await Promise.all(answers)).toEqual(wanted);
    for (const copy of seen.splice(0)) expect(copy.every((byte) => byte === 0)).toBe(true);
  }
});
