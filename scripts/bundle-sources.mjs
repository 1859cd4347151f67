// Bundles a program from the sources of all packages: it needs no build, and a fault can be planted in a source, to see that
// the program finds it.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Where esbuild finds our packages: longer names first, because it takes an alias for all paths below it. */
function aliases() {
  const alias = { "@copse/test-support": path("../tests/support") };
  const packages = readdirSync(path("../packages"));
  for (const name of packages.sort((a, b) => Number(a === "core") - Number(b === "core"))) {
    const { exports } = JSON.parse(readFileSync(path(`../packages/${name}/package.json`), "utf8"));
    for (const [entry, { node, default: any }] of Object.entries(exports).reverse()) {
      const source = (node ?? any).replace("./dist/", "src/").replace(/\.js$/, ".ts");
      alias[`@copse/${name}${entry.slice(1)}`] = path(`../packages/${name}/${source}`);
    }
  }
  return alias;
}

/**
 * @param entry the path of the program's source
 * @param outfile the path of the bundle
 * @param fault replaces a text of a source
 * @param {{ file: string, from: string, to: string }} [fault]
 */
export async function bundleSources(entry, outfile, fault) {
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
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    alias: aliases(),
    plugins: [plant],
    external: [
      "vitest",
      "libsodium-wrappers",
      "sodium-native",
      "libsql",
      "ws",
      "hono",
      "@hono/*",
      "@nats-io/*",
      "@noble/*",
      "@hpke/*",
    ],
    logLevel: "warning",
  });
  if (!isPlanted) throw new Error(`${fault.file} doesn't contain: ${fault.from}`);
  return outfile;
}
