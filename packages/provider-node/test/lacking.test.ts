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

/** As Node since 24.22 and 26.12: a JWK with a private key must have the public key that belongs to it. */
function checkingPrivateJwk(): void {
  vi.spyOn(nodeCrypto, "createPrivateKey").mockImplementation((input) => {
    if (typeof input !== "object" || !("format" in input) || input.format !== "jwk")
      return real.createPrivateKey(input);
    const key = real.createPrivateKey(input);
    const { x } = input.key as { x?: string };
    if (key.export({ format: "jwk" }).x !== x) throw new TypeError("Invalid JWK OKP key");
    return key;
  });
}

it("lists all where a JWK must have the public key of its private key", async () => {
  checkingPrivateJwk();
  expect(await suites()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

it("imports the same private key as JWK and as PKCS#8", async () => {
  const imported = async () => {
    vi.resetModules();
    const { nodeProvider } = await import("@copse/provider-node");
    return Promise.all(
      [1, 4].map(async (id) => {
        const { suite, hpke, signature } = nodeProvider().suite(id);
        const kemPair = await hpke.importPrivateKey(new Uint8Array(suite.kem.Nsk).fill(5));
        const signer = await signature.importPrivateKey(new Uint8Array(suite.signature.Nsk).fill(5));
        return [kemPair.publicKey, signer.publicKey];
      }),
    );
  };
  const one = await imported();
  checkingPrivateJwk();
  expect(await imported()).toEqual(one);
  expect(one.flat().map(({ length }) => length)).toEqual([32, 32, 56, 57]);
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
