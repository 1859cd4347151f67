// RFC 9420 §5.1: the provider by libsodium as native code conforms.
import { inspect } from "node:util";
import { nodeProvider } from "@copse/provider-node";
import { sodiumNativeProvider } from "@copse/provider-sodium-native";
import { checkSynchronous, conforms } from "@copse/test-support/conformance";
import { describe, expect, it } from "vitest";

const provider = sodiumNativeProvider();
conforms(provider, {
  full: 1,
  second: nodeProvider(),
  make: sodiumNativeProvider,
  maySkip: ["hpke keys: loads what it saves"],
});

describe("the provider by libsodium as native code", () => {
  for (const { id } of provider.suites) checkSynchronous(provider.suite(id));

  it("serves suites 3 and 1", () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([3, 1]);
  });

  it("overwrites a destroyed private key", async () => {
    const { hpke, signature } = provider.suite(3);
    const [a, b] = [await hpke.generateKeyPair(), await signature.generateKeyPair()];
    await hpke.destroyPrivateKey?.(a.privateKey);
    await signature.destroyPrivateKey?.(b.privateKey);
    expect(() => hpke.exportPrivateKey(a.privateKey)).toThrow("destroyed");
    expect(() => signature.sign(b.privateKey, new Uint8Array())).toThrow("destroyed");
  });

  it("shows no private key to a log or a serialiser", async () => {
    const { hpke, signature } = provider.suite(3);
    const seed = new Uint8Array(32).fill(0xab);
    for (const pair of [await hpke.importPrivateKey(seed), await signature.importPrivateKey(seed)]) {
      expect(JSON.stringify(pair.privateKey)).toBe("{}");
      expect(inspect(pair.privateKey, { showHidden: true, depth: 9 })).not.toMatch(/171|ab,/);
    }
  });
});
