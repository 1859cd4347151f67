// RFC 9420 §17.1: the providers that a server can be started with.
import type { CryptoProvider } from "@copse/core";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";

export const PROVIDERS = {
  node: async () => nodeProvider(),
  // Extractable: the harness asks for private keys.
  webcrypto: () => webCryptoProvider({ extractable: true }),
  libsodium: () => {
    const aes = nodeProvider().suite(1).aead;
    return libsodiumProvider({ aes });
  },
  noble: async () => nobleProvider(),
} satisfies Record<string, () => Promise<CryptoProvider>>;

export type ProviderName = keyof typeof PROVIDERS;

export function isProviderName(name: string): name is ProviderName {
  return Object.hasOwn(PROVIDERS, name);
}
