// The benchmarks' page: built from the packages' sources, as an application builds them.
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** What of the benchmarks is Node's: the page has something of its own instead, or nothing. */
function withoutNode(): Plugin {
  return {
    name: "without-node",
    enforce: "pre",
    resolveId(source, importer) {
      if (source === "node:crypto") return path("src/worker/no-node-crypto.ts");
      if (source === "sodium-native") return path("src/worker/no-sodium-native.ts");
      const ours = importer?.startsWith(path("../src/"));
      return ours && source === "./memory.js" ? path("src/worker/no-memory.ts") : null;
    },
  };
}

/** With these a browser tells the time in steps of 5 µs, and not of 100. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  root: path("."),
  base: "./",
  plugins: [withoutNode()],
  resolve: {
    alias: [
      { find: /^@copse\/core\/provider$/, replacement: path("../../packages/core/src/provider/index.ts") },
      { find: /^@copse\/core\/extension$/, replacement: path("../../packages/core/src/extension.ts") },
      { find: /^@copse\/peer-([a-z-]+)$/, replacement: `${path("../../peers")}/$1/src/index.ts` },
      { find: /^@copse\/([a-z0-9-]+)$/, replacement: `${path("../../packages")}/$1/src/index.ts` },
    ],
  },
  worker: { format: "es", plugins: () => [withoutNode()] },
  build: { target: "es2022", chunkSizeWarningLimit: 1500 },
  server: { headers },
  preview: { headers },
});
