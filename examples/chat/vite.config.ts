// The chat's page: built from the packages' sources, as an application builds them.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const sources = path("../../packages");

export default defineConfig({
  root: path("."),
  base: "./",
  resolve: {
    alias: [
      { find: /^@copse\/core\/provider$/, replacement: `${sources}/core/src/provider/index.ts` },
      { find: /^@copse\/([a-z0-9-]+)\/([a-z-]+)$/, replacement: `${sources}/$1/src/$2.ts` },
      { find: /^@copse\/([a-z0-9-]+)$/, replacement: `${sources}/$1/src/index.ts` },
    ],
  },
  worker: { format: "es" },
  build: { target: "es2022" },
});
