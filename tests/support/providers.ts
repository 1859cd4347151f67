// RFC 9420 §5.1: the providers that the vectors run on, made once in a test file.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { nodeProvider } from "@copse/provider-node";

let made: Promise<readonly CryptoProvider[]> | undefined;

/** Every provider: all seven suites by node:crypto, five by WebCrypto, suites 3 and 1 by libsodium. */
export function providers(): Promise<readonly CryptoProvider[]> {
  made ??= makeProviders();
  return made;
}

async function makeProviders(): Promise<readonly CryptoProvider[]> {
  const [{ webCryptoProvider }, { libsodiumProvider }] = await Promise.all([
    import("@copse/provider-webcrypto"),
    import("@copse/provider-libsodium"),
  ]);
  const webcrypto = await webCryptoProvider({ extractable: true });
  // libsodium has no AES-128-GCM in WASM; in a browser it comes from WebCrypto, so here too.
  const libsodium = await libsodiumProvider({ aes: webcrypto.suite(1).aead });
  return [nodeProvider(), webcrypto, libsodium];
}

/** What the vectors run on: {@link providers}, suites 3 and 1 as native code, and all seven by hpke-js and in JavaScript. */
export async function vectorProviders(): Promise<readonly CryptoProvider[]> {
  const [{ nobleProvider }, { sodiumNativeProvider }, { hpkeProvider }] = await Promise.all([
    import("@copse/provider-noble"),
    import("@copse/provider-sodium-native"),
    import("@copse/provider-hpke"),
  ]);
  return [...(await providers()), sodiumNativeProvider(), await hpkeProvider(), nobleProvider()];
}

/** A suite of the provider that serves all of them, and answers at once. */
export const nodeSuite = (id: number): CipherSuiteProvider => nodeProvider().suite(id);
