// RFC 9420 §17.1: what every platform runs, bundled once.
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";

/** The repository's root, from `src` and from `dist` alike. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What is fetched, and what is made on the way; git ignores it. */
export const CACHE = `${ROOT}platforms/.cache`;

/** The one file for engines. */
export const ENGINE_SCRIPT = "engine/engine.js";
/** libsodium's WASM, for a platform that takes WASM as a module alone. */
export const LIBSODIUM = "libsodium.wasm";

/**
 * Bundles what platforms run into a folder: `server.js`, `browser.js`, `worker.js`, and pieces that they
 * share, of which each provider is its own; beside them what isn't such a module.
 *
 * @param sources the packages' sources, as aliases; without it they are taken as they were built
 * @returns the names of all modules
 */
export async function bundle(folder: string, sources?: Readonly<Record<string, string>>): Promise<string[]> {
  const inside = (name: string) =>
    sources === undefined
      ? `${ROOT}platforms/dist/inside/${name}.js`
      : `${ROOT}platforms/src/inside/${name}.ts`;
  const common: BuildOptions = {
    bundle: true,
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    // Native code: looked up in node_modules, where there are such.
    external: ["node:*", "sodium-native", `./${LIBSODIUM}`],
    alias: { ...sources },
    logLevel: "error",
  };
  const entryPoints = ["server", "browser", "worker"].map(inside);
  await build({ ...common, entryPoints, outdir: folder, splitting: true, format: "esm" });
  await build({
    ...common,
    entryPoints: [inside("engine")],
    outfile: `${folder}/${ENGINE_SCRIPT}`,
    format: "iife",
  });
  return (await readdir(folder)).filter((name) => name.endsWith(".js"));
}
