// The providers for browsers, each loaded on first use.
import type { CryptoProvider } from "@copse/core";
import type { ProviderCandidate } from "@copse/provider-select";
import { copse } from "../../../src/copse.js";
import type { Implementation } from "../../../src/implementation.js";
import { PROVIDERS, type ProviderName } from "../messages.js";

const noble = async () => (await import("@copse/provider-noble")).nobleProvider();

const LOADERS: Readonly<Record<ProviderName, () => Promise<CryptoProvider>>> = {
  webcrypto: async () => (await import("@copse/provider-webcrypto")).webCryptoProvider(),
  // libsodium has no AES-128: suite 1 uses noble's, which is synchronous like the rest of this provider.
  libsodium: async () => {
    const { libsodiumProvider } = await import("@copse/provider-libsodium");
    return libsodiumProvider({ aes: (await noble()).suite(1).aead });
  },
  noble,
};

const loaded = new Map<ProviderName, Promise<CryptoProvider>>();

export function load(name: ProviderName): Promise<CryptoProvider> {
  const known = loaded.get(name) ?? LOADERS[name]();
  loaded.set(name, known);
  return known;
}

export const candidates: readonly ProviderCandidate[] = PROVIDERS.map((name) => ({
  name,
  load: () => load(name),
  native: name === "webcrypto",
}));

export const implementations: Readonly<Record<ProviderName, Implementation>> = {
  webcrypto: copse("webcrypto", () => load("webcrypto")),
  libsodium: copse("libsodium", () => load("libsodium")),
  noble: copse("noble", () => load("noble")),
};
