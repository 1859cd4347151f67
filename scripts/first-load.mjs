// What a page loads before its first message: a client with WebCrypto that makes the five calls, bundled as an application
// bundles it. `npm run size` prints its size, and tests/platforms/first-load.test.ts runs it in browsers.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** For all that is loaded at once, gzipped, in bytes: as esbuild and as Vite bundle it. */
export const FIRST_LOAD_BUDGET = 82_100;
export const FIRST_LOAD_BUDGET_VITE = 80_300;

/**
 * Creates a group, adds a member, joins, encrypts and receives; with `update`, commits with a path, too. What comes of it
 * is posted to the server, which says in the page's address what to do.
 */
export const FIVE_CALLS = `
  import { Client, insecureAcceptAll } from "@copse/core";
  import { webCryptoProvider } from "@copse/provider-webcrypto";
  const say = (line) => fetch("/", { method: "POST", body: JSON.stringify(line) });
  try {
    const { suite, update } = JSON.parse(new URLSearchParams(location.search).get("options"));
    const options = { crypto: await webCryptoProvider(), suite, authentication: insecureAcceptAll() };
    const alice = await Client.create({ ...options, credential: "alice" });
    const bob = await Client.create({ ...options, credential: "bob" });
    const group = await alice.createGroup();
    const { welcome } = await group.add(await bob.createKeyPackage());
    await group.mergePendingCommit();
    const joined = await bob.join(welcome);
    const { data } = await joined.receive(await group.encrypt("hello"));
    if (update) await joined.receive((await group.update()).commit);
    await say({ kind: "read", text: new TextDecoder().decode(data) });
    await say({ kind: "end" });
  } catch (error) {
    await say({ kind: "error", error: String(error) });
  }
`;

export const gzipped = (code) => gzipSync(code, { level: 9 }).length;

/**
 * Bundles a page as `browser.js` and pieces that it loads later, or at once as well.
 * @param sources the packages' sources, as aliases, the longest first
 * @param options more, and others, of esbuild's
 * @returns the files by name; the names of those that are loaded at once, and the modules in these; and for those that are
 *   loaded later, the module for whose sake
 */
export async function bundleInPieces(contents, sources, resolveDir, options = {}) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir, loader: "js", sourcefile: "browser.js" },
    entryNames: "browser",
    outdir: resolveDir,
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    legalComments: "none",
    logLevel: "error",
    alias: sources,
    ...options,
  });
  const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1);
  const files = Object.fromEntries(outputFiles.map(({ path, contents: code }) => [nameOf(path), code]));
  const outputs = Object.fromEntries(
    Object.entries(metafile.outputs).map(([path, output]) => [nameOf(path), output]),
  );
  const first = new Set(["browser.js"]);
  for (const name of first) {
    for (const { kind, path, external } of outputs[name].imports)
      if (kind === "import-statement" && !external) first.add(nameOf(path));
  }
  const later = Object.fromEntries(
    Object.entries(outputs)
      .filter(([name, { entryPoint }]) => entryPoint !== undefined && name !== "browser.js")
      .map(([name, { entryPoint }]) => [name, nameOf(entryPoint).replace(/\.\w+$/, "")]),
  );
  const modules = [...first].flatMap((name) => Object.keys(outputs[name].inputs));
  return { files, first: [...first], modules, later };
}
