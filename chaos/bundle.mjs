// Bundles the program from the sources: it needs no build.
import { fileURLToPath } from "node:url";
import { bundleSources } from "../scripts/bundle-sources.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Writes the bundle to the folder `dist`, and returns its path.
 * @param name of the bundle
 */
export function bundle(name) {
  return bundleSources(path("src/main.ts"), path(`dist/${name}.mjs`));
}
