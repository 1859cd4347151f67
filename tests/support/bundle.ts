// Bundles of the packages' sources, for tests that run them in another context or process.
import { readdirSync, readFileSync } from "node:fs";
import { build } from "esbuild";
import { fromRoot } from "./files.js";

/** The sources of a package's entry points, by what they are imported as. */
function entriesOf(folder: string): (readonly [string, string])[] {
  const { name, exports } = JSON.parse(readFileSync(fromRoot(`${folder}/package.json`), "utf8")) as {
    name: string;
    exports: Record<string, { default: string }>;
  };
  return Object.entries(exports).map(([path, { default: built }]) => [
    name + path.slice(1),
    fromRoot(`${folder}/${built.replace("./dist/", "src/").replace(/\.js$/, ".ts")}`),
  ]);
}

/** Where esbuild finds our packages' sources. Longer names first: it takes an alias for all paths below it. */
export const SOURCES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ...["packages", "peers"].flatMap((parent) =>
      readdirSync(fromRoot(parent)).map((name) => `${parent}/${name}`),
    ),
    "interop",
  ]
    .flatMap(entriesOf)
    .sort(([a], [b]) => b.length - a.length),
);

/**
 * A script whose imports of our packages are bundled from their sources, as a bundler of an application does.
 * @param packages others that are imported where the script runs
 */
export async function bundle(
  contents: string,
  platform: "node" | "neutral",
  packages: readonly string[] = [],
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fromRoot("tests"), loader: "ts" },
    bundle: true,
    write: false,
    platform,
    format: platform === "node" ? "esm" : "iife",
    target: "es2022",
    alias: SOURCES,
    // Native code, which finds its binary by its own place.
    external: [...(platform === "node" ? ["sodium-native"] : []), ...packages],
    logLevel: "silent",
  });
  return outputFiles[0]?.text as string;
}
