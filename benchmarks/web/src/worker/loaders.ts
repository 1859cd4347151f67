// The providers for browsers, and those of the visitor's own, each loaded when it is asked for.
import type { CryptoProvider } from "@copse/core";
import { providerOf } from "../../../src/own-module.js";
import type { OurName, OwnModule } from "../messages.js";

const noble = async () => (await import("@copse/provider-noble")).nobleProvider();

export const LOADERS: Readonly<Record<OurName, () => Promise<CryptoProvider>>> = {
  webcrypto: async () => (await import("@copse/provider-webcrypto")).webCryptoProvider(),
  // libsodium has no AES-128: suite 1 uses noble's, which is synchronous like the rest of this provider.
  libsodium: async () => {
    const { libsodiumProvider } = await import("@copse/provider-libsodium");
    return libsodiumProvider({ aes: (await noble()).suite(1).aead });
  },
  noble,
};

/** @throws Error, for people, if there is no such module, or it has no provider */
export async function loadOwn({ url }: OwnModule): Promise<CryptoProvider> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(/* @vite-ignore */ url)) as typeof module;
  } catch (error) {
    throw new Error(
      `it can't be imported: ${error instanceof Error ? error.message : String(error)}. ` +
        "A page finds no packages by their names, so bundle the module (esbuild --bundle --format=esm); " +
        "the server of an address must allow other origins (CORS)",
    );
  }
  return providerOf(module);
}
