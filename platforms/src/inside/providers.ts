// RFC 9420 §5.1: the providers, each loaded when it is its turn, so that one that can't be loaded is a finding.
import type { CryptoProvider } from "@copse/core";
import type { PqCodePoints } from "@copse/provider-kit";
import { NO_TOKEN, type RunOptions } from "../report.js";

export interface ProviderEntry {
  readonly name: string;
  load(options: RunOptions): Promise<CryptoProvider>;
  /** The provider that it must agree with on bytes, where that is there. */
  readonly second: string;
}

/** Code points for private use (RFC 9420 §17.1), in the order of the draft's table. */
async function codePoints(): Promise<PqCodePoints> {
  const { PQ_SUITE_NAMES } = await import("@copse/provider-kit");
  return Object.fromEntries(PQ_SUITE_NAMES.map((name, i) => [name, 0xf001 + i]));
}

async function noble(): Promise<CryptoProvider> {
  const { noblePqProvider } = await import("@copse/provider-noble/pq");
  return noblePqProvider({ codePoints: await codePoints() });
}

export const PROVIDERS: readonly ProviderEntry[] = [
  {
    name: "webcrypto",
    second: "noble",
    async load() {
      const { webCryptoProvider } = await import("@copse/provider-webcrypto");
      return webCryptoProvider();
    },
  },
  {
    name: "node",
    second: "noble",
    async load() {
      // By itself first, so that where there is none the error says so.
      await import("node:crypto");
      const { nodeProvider } = await import("@copse/provider-node");
      return nodeProvider();
    },
  },
  {
    name: "libsodium",
    second: "noble",
    async load({ libsodium }) {
      const { libsodiumProvider } = await import("@copse/provider-libsodium");
      // libsodium's WASM has no AES; noble's is there on every platform.
      const lender = await noble();
      return libsodiumProvider({
        aes: lender.suite(1).aead,
        aes256: lender.suite(7).aead,
        codePoints: await codePoints(),
        ...(libsodium && { module: libsodium }),
      });
    },
  },
  {
    name: "sodium-native",
    second: "noble",
    async load() {
      await import("node:crypto");
      const { sodiumNativeProvider } = await import("@copse/provider-sodium-native");
      return sodiumNativeProvider();
    },
  },
  {
    name: "hpke",
    second: "noble",
    async load() {
      const { hpkeProvider } = await import("@copse/provider-hpke");
      return hpkeProvider();
    },
  },
  { name: "noble", second: "webcrypto", load: noble },
  {
    name: "pkcs11",
    second: "noble",
    async load({ token }) {
      if (token === undefined) throw new Error(NO_TOKEN);
      const { nobleProvider } = await import("@copse/provider-noble");
      const { pkcs11Provider } = await import("@copse/provider-pkcs11");
      return pkcs11Provider({ ...token, inner: nobleProvider(), keys: { hpke: true } });
    },
  },
];
