// Bundles the simulation from the sources: it needs no build.
import { fileURLToPath } from "node:url";
import { bundleSources } from "../scripts/bundle-sources.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Writes the bundle to the folder `dist`, and returns its path.
 * @param name of the bundle
 * @param fault replaces a text of a source, to see that an invariant breaks
 * @param {{ file: string, from: string, to: string }} [fault]
 */
export function bundle(name, fault) {
  return bundleSources(path("src/main.ts"), path(`dist/${name}.mjs`), fault);
}
