// RFC 9420 §5.1: the providers of Copse for Node, Bun and Deno, as candidates: each is imported when it is tried.
import type { ProviderCandidate } from "../candidate.js";
import { missing } from "./missing.js";
import { platformCandidates as everywhere } from "./web.js";

export function platformCandidates(): ProviderCandidate[] {
  return [
    {
      name: "sodium-native",
      native: true,
      async load() {
        const { sodiumNativeProvider } = await import("@copse/provider-sodium-native").catch(
          missing("sodium-native"),
        );
        return sodiumNativeProvider();
      },
    },
    {
      name: "node",
      native: true,
      bytes: 13_000,
      async load() {
        const { nodeProvider } = await import("@copse/provider-node").catch(missing("node"));
        return nodeProvider();
      },
    },
    ...everywhere(),
  ];
}
