// RFC 9420 §17.1: suites that a runtime's node:crypto can't serve whole aren't listed, as in Deno and Bun.
import * as nodeCrypto from "node:crypto";
import { afterEach, expect, it, vi } from "vitest";

vi.mock("node:crypto", async (original) => ({ ...(await original<typeof nodeCrypto>()) }));
const real = await vi.importActual<typeof nodeCrypto>("node:crypto");

async function suites(): Promise<number[]> {
  vi.resetModules();
  const { nodeProvider } = await import("@copse/provider-node");
  return nodeProvider().suites.map(({ id }) => id);
}

afterEach(() => {
  vi.restoreAllMocks();
});

it("lists all where nothing is lacking", async () => {
  expect(await suites()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it("leaves out a curve whose keys are generated but not imported", async () => {
  vi.spyOn(nodeCrypto, "createECDH").mockImplementation((name) => {
    if (name === "secp521r1") throw new TypeError("invalid curve");
    return real.createECDH(name);
  });
  expect(await suites()).toEqual([1, 2, 3, 4, 6, 7]);
});

it("leaves out an AEAD that isn't there", async () => {
  const without = real.getCiphers().filter((name) => name !== "chacha20-poly1305");
  vi.spyOn(nodeCrypto, "getCiphers").mockReturnValue(without);
  expect(await suites()).toEqual([1, 2, 4, 5, 7]);
});

it("asks for no more random bytes at once than runtimes give", async () => {
  const asked: number[] = [];
  vi.spyOn(nodeCrypto, "randomFillSync").mockImplementation((bytes) => {
    asked.push(bytes.byteLength);
    return real.randomFillSync(bytes);
  });
  vi.resetModules();
  const { nodeProvider } = await import("@copse/provider-node");
  const { random } = nodeProvider().suite(1);
  asked.length = 0;
  expect(random(0).length).toBe(0);
  expect(asked).toEqual([]);
  const bytes = random(200_000);
  expect(asked).toEqual([65_536, 65_536, 65_536, 3_392]);
  for (let at = 0; at < bytes.length; at += 1_000) {
    expect(bytes.subarray(at, at + 1_000).some((byte) => byte !== 0)).toBe(true);
  }
});
