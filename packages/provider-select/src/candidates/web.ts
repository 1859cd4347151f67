// RFC 9420 §5.1: the providers of Copse for browsers and edge workers, as candidates: each is imported when it is tried.
import type { ProviderCandidate } from "../candidate.js";
import { missing } from "./missing.js";

/**
 * The providers of Copse for this platform, the preferred ones first. Each is a package of its own, which the
 * application installs if it wants it, and which is loaded when it is tried. On Node, Bun and Deno the list begins with
 * `sodium-native` and `node`; `webcrypto`, `libsodium`, `noble` and `hpke` are everywhere.
 *
 * `bytes` are those of a minified and gzipped bundle. libsodium serves suite 3, as it has no AES.
 * @example
 * await selectProvider({ suites: [1], candidates: platformCandidates(), policy: "fastest" });
 */
export function platformCandidates(): ProviderCandidate[] {
  return [
    {
      name: "webcrypto",
      // ChaCha20-Poly1305 of suite 3 is JavaScript.
      native: [1, 2, 5, 7],
      bytes: 43_000,
      async load() {
        const { webCryptoProvider } = await import("@copse/provider-webcrypto").catch(missing("webcrypto"));
        return webCryptoProvider();
      },
    },
    {
      name: "libsodium",
      bytes: 165_000,
      async load() {
        const { libsodiumProvider } = await import("@copse/provider-libsodium").catch(missing("libsodium"));
        return libsodiumProvider();
      },
    },
    {
      name: "noble",
      bytes: 40_000,
      async load() {
        const { nobleProvider } = await import("@copse/provider-noble").catch(missing("noble"));
        return nobleProvider();
      },
    },
    {
      name: "hpke",
      bytes: 53_000,
      async load() {
        const { hpkeProvider } = await import("@copse/provider-hpke").catch(missing("hpke"));
        return hpkeProvider();
      },
    },
  ];
}
