// Where davey's native code can't be loaded: simulated, since it can where these tests run.
import { whyMissing } from "@copse/peer-davey";
import { afterEach, expect, it, vi } from "vitest";

vi.mock("@snazzah/davey", () => {
  throw new Error("Cannot find native binding");
});

const { arch } = process;
afterEach(() => Object.defineProperty(process, "arch", { value: arch }));

it.each([["x64"], ["arm64"]])("is an error on %s, for which davey has a binary", async (value) => {
  Object.defineProperty(process, "arch", { value });
  await expect(whyMissing()).rejects.toThrow();
});

it("is a reason to skip on a platform for which davey has none", async () => {
  Object.defineProperty(process, "arch", { value: "s390x" });
  expect(await whyMissing()).toBe(`davey has no binary for ${process.platform}-s390x`);
});
