import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Tests run against the sources, so that a fresh clone needs no build before `npm test`.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@copse\/core\/provider$/, replacement: src("packages/core/src/provider/index.ts") },
      {
        find: /^@copse\/core\/(extension|external|import|message|public-group|resumption|rewind|storage)$/,
        replacement: `${src("packages/core/src")}/$1.ts`,
      },
      { find: /^@copse\/test-support\/(.+)$/, replacement: `${src("tests/support")}/$1.ts` },
      { find: /^@copse\/interop$/, replacement: src("interop/src/index.ts") },
      { find: /^@copse\/peer-([a-z-]+)$/, replacement: `${src("peers")}/$1/src/index.ts` },
      {
        find: /^@copse\/provider-select\/candidates$/,
        replacement: src("packages/provider-select/src/candidates/node.ts"),
      },
      {
        find: /^@copse\/(provider-[a-z]+)\/storage$/,
        replacement: `${src("packages")}/$1/src/storage.ts`,
      },
      {
        find: /^@copse\/storage-conformance\/file$/,
        replacement: src("packages/storage-conformance/src/file.ts"),
      },
      {
        find: /^@copse\/(delivery[a-z-]*|storage-sqlite)\/([a-z-]+)$/,
        replacement: `${src("packages")}/$1/src/$2.ts`,
      },
      { find: /^@copse\/([a-z0-9-]+)$/, replacement: `${src("packages")}/$1/src/index.ts` },
    ],
  },
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "interop/test/**/*.test.ts",
      "peers/*/test/**/*.test.ts",
      "tests/**/*.test.ts",
      "benchmarks/test/**/*.test.ts",
      "examples/test/**/*.test.ts",
      "fuzz/test/**/*.test.ts",
      "chaos/test/**/*.test.ts",
    ],
    globalSetup: ["tests/vectors/counts.ts", "tests/interop/counts.ts"],
    // One worker for each core. Vitest's default is one less: then a core idles while the few long files run.
    maxWorkers: availableParallelism(),
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
