// The backends that a browser has, each loaded when it is its turn.
import type { CryptoProvider } from "@copse/core";
import type { ProviderCandidate } from "@copse/provider-select";
import type { Backend } from "../../../src/backend.js";
import { copse } from "../../../src/copse.js";
import { BACKENDS, type BackendName } from "../messages.js";

const noble = async () => (await import("@copse/provider-noble")).nobleProvider();

const LOADERS: Readonly<Record<BackendName, () => Promise<CryptoProvider>>> = {
  webcrypto: async () => (await import("@copse/provider-webcrypto")).webCryptoProvider(),
  // libsodium has no AES-128: in suite 1 that part is noble's, which answers at once as the others do.
  libsodium: async () => {
    const { libsodiumProvider } = await import("@copse/provider-libsodium");
    return libsodiumProvider({ aes: (await noble()).suite(1).aead });
  },
  noble,
};

const loaded = new Map<BackendName, Promise<CryptoProvider>>();

export function load(name: BackendName): Promise<CryptoProvider> {
  const known = loaded.get(name) ?? LOADERS[name]();
  loaded.set(name, known);
  return known;
}

export const candidates: readonly ProviderCandidate[] = BACKENDS.map((name) => ({
  name,
  load: () => load(name),
  native: name === "webcrypto",
}));

export const backends: Readonly<Record<BackendName, Backend>> = {
  webcrypto: copse("webcrypto", () => load("webcrypto")),
  libsodium: copse("libsodium", () => load("libsodium")),
  noble: copse("noble", () => load("noble")),
};
