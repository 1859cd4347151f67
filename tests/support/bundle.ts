// Bundles of the packages' sources, for tests that run them in another context or process.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A script whose imports of our packages are bundled from their sources, as a bundler of an application does. */
export async function bundle(contents: string, platform: "node" | "neutral"): Promise<string> {
  const packages = ["core", "provider-kit", "provider-node", "provider-libsodium", "provider-webcrypto"];
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fromRoot("tests"), loader: "ts" },
    bundle: true,
    write: false,
    platform,
    format: platform === "node" ? "esm" : "iife",
    target: "es2022",
    // The longer name first: esbuild takes an alias for all paths below it.
    alias: {
      "@copse/core/provider": fromRoot("packages/core/src/provider/index.ts"),
      ...Object.fromEntries(
        packages.map((name) => [`@copse/${name}`, fromRoot(`packages/${name}/src/index.ts`)]),
      ),
    },
    logLevel: "silent",
  });
  return outputFiles[0]?.text as string;
}
