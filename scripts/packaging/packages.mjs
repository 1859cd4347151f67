// The packages that are published, as their manifests describe them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A published package.
 * @typedef {{ folder: string, name: string, manifest: Record<string, any>, entries: Map<string, string> }} Package
 */

/**
 * All of them, the core first, because the others depend on it. `entries` has the declarations of each entry point; a
 * package that is a program has none.
 */
export const PACKAGES = [...readdirSync(`${root}packages`).map((name) => `packages/${name}`), "benchmarks"]
  .filter((path) => existsSync(`${root}${path}/package.json`))
  .map((path) => {
    const folder = `${root}${path}`;
    const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const entries = Object.entries(manifest.exports)
      .filter(([, { types }]) => types !== undefined)
      .map(([subpath, { types }]) => [`${manifest.name}${subpath.slice(1)}`, `${folder}/${types.slice(2)}`]);
    return { folder, name: manifest.name, manifest, entries: new Map(entries) };
  })
  .sort((a, b) => Number(b.name === "@copse/core") - Number(a.name === "@copse/core"));
