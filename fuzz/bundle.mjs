// Bundles the fuzzer from the sources: it needs no build, and the sources are one script, whose coverage V8 reports at
// once.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Where esbuild finds our packages: longer names first, because it takes an alias for all paths below it. */
const alias = {
  "@copse/core/provider": path("../packages/core/src/provider/index.ts"),
  "@copse/core/public-group": path("../packages/core/src/public-group.ts"),
  "@copse/core/resumption": path("../packages/core/src/resumption.ts"),
  "@copse/core/import": path("../packages/core/src/import.ts"),
  "@copse/core/message": path("../packages/core/src/message.ts"),
  "@copse/core/extension": path("../packages/core/src/extension.ts"),
  "@copse/core/storage": path("../packages/core/src/storage.ts"),
  "@copse/core": path("../packages/core/src/index.ts"),
  "@copse/test-support": path("../tests/support"),
};
for (const name of readdirSync(path("../packages"))) {
  if (name !== "core") alias[`@copse/${name}`] = path(`../packages/${name}/src/index.ts`);
}

/**
 * Writes the bundle to the folder `dist`, and returns its path.
 * @param name of the bundle
 * @param fault replaces a text of a source, to see that the fuzzer finds it
 * @param {{ file: string, from: string, to: string }} [fault]
 */
export async function bundle(name, fault) {
  const outfile = path(`dist/${name}.mjs`);
  let isPlanted = fault === undefined;
  const plant = {
    name: "plant",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        if (fault === undefined || !file.endsWith(fault.file)) return undefined;
        const text = readFileSync(file, "utf8");
        isPlanted = text.includes(fault.from);
        return { contents: text.replace(fault.from, () => fault.to), loader: "ts" };
      });
    },
  };
  await build({
    entryPoints: [path("src/main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    alias,
    plugins: [plant],
    external: ["vitest", "libsodium-wrappers", "sodium-native", "@noble/*", "@hpke/*"],
    logLevel: "warning",
  });
  if (!isPlanted) throw new Error(`${fault.file} doesn't contain: ${fault.from}`);
  return outfile;
}
