// RFC 9420 §5.1: a page with the five calls and WebCrypto loads what it needs, in real browsers, and nothing else.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { SOURCES } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import { build } from "vite";
import { afterAll, describe, expect, it, test } from "vitest";
import { type Got, Unavailable } from "../../platforms/src/get.js";
import { PLATFORMS, type Platform } from "../../platforms/src/platforms.js";
import type { Line, RunOptions } from "../../platforms/src/report.js";

interface Pieces {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly first: readonly string[];
  readonly modules: readonly string[];
  readonly later: Readonly<Record<string, string>>;
}
const { FIRST_LOAD_BUDGET, FIRST_LOAD_BUDGET_VITE, FIVE_CALLS, bundleInPieces, gzipped } = (await import(
  fromRoot("scripts/first-load.mjs")
)) as {
  FIRST_LOAD_BUDGET: number;
  FIRST_LOAD_BUDGET_VITE: number;
  FIVE_CALLS: string;
  bundleInPieces(contents: string, sources: typeof SOURCES, resolveDir: string): Promise<Pieces>;
  gzipped(code: Uint8Array): number;
};

const BROWSERS = ["chromium", "firefox", "webkit"];
const here: (readonly [string, Platform, Got])[] = [];
for (const platform of PLATFORMS.filter(({ name }) => BROWSERS.includes(name))) {
  const got = await platform.get(false).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
    console.warn(`\n*** ${platform.title}: what a page loads in it is NOT TESTED: ${error.message} ***\n`);
  });
  if (got !== undefined) here.push([platform.name, platform, got]);
}

const folders: string[] = [];
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(`${tmpdir()}/copse-first-load-`);
  folders.push(folder);
  return folder;
}
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** Shows the page, and tells what it read and which files it fetched. */
async function show({ launch }: Platform, { command }: Got, folder: string, page: object) {
  const fetched: string[] = [];
  const lines: unknown[] = [];
  const job = {
    folder,
    files: await readdir(folder),
    // The page's own options, which go where those of the platforms' bundle do.
    options: page as RunOptions,
    fetched: (name: string) => fetched.push(name),
  };
  await launch(command, job, (line: Line) => lines.push(line));
  expect(lines).toEqual([{ kind: "read", text: "hello" }, { kind: "end" }]);
  return fetched;
}

const { files, first, modules, later } = await bundleInPieces(FIVE_CALLS, SOURCES, fromRoot("tests"));
const esbuildFolder = await newFolder();
for (const [name, code] of Object.entries(files)) await writeFile(`${esbuildFolder}/${name}`, code);
const sizeOf = (names: readonly string[]) =>
  names.reduce((sum, name) => sum + gzipped(files[name] as Uint8Array), 0);

/** The libraries that WebKitGTK 2.50 needs: it has X25519 and Ed25519, but both with faults. */
const WEBKIT = ["ed25519", "x25519"];

describe("a page with the five calls and WebCrypto", () => {
  it(`loads at most ${FIRST_LOAD_BUDGET} bytes, gzipped, and no curve or cipher`, () => {
    expect(sizeOf(first)).toBeLessThanOrEqual(FIRST_LOAD_BUDGET);
    expect(Object.values(later).sort()).toEqual([
      "chacha20-poly1305",
      "ed25519",
      "key-store",
      "nist",
      "x25519",
    ]);
    const libraries = new Set(
      modules.flatMap((path) => /node_modules\/(@\w+\/[\w-]+)/.exec(path)?.[1] ?? []),
    );
    expect([...libraries]).toEqual(["@noble/hashes"]);
  });

  describe.each(here)("in %s", (name, platform, got) => {
    const webkit = name === "webkit";
    test.each([
      [1, "five calls", webkit ? WEBKIT : []],
      [2, "five calls", []],
      [3, "five calls", ["chacha20-poly1305", ...(webkit ? WEBKIT : [])]],
      // Firefox computes no public key for a private one of a NIST curve.
      [2, "an update too", name === "firefox" ? ["nist"] : []],
    ] as const)(
      "in suite %i, %s: fetches the first load, and of libraries only %j",
      async (suite, what, libraries) => {
        const page = { suite, update: what !== "five calls" };
        const fetched = await show(platform, got, esbuildFolder, page);
        expect(new Set(fetched).size).toBe(fetched.length);
        expect(fetched).toEqual(expect.arrayContaining([...first]));
        const more = fetched.filter((one) => !first.includes(one));
        expect(more.flatMap((one) => later[one] ?? []).sort()).toEqual([...libraries]);
        // Beside them only pieces that libraries share.
        if (libraries.length === 0) expect(more).toEqual([]);
      },
    );
  });

  describe.each(here.filter(([name]) => name === "chromium"))(
    "bundled by Vite, in %s",
    (_, platform, got) => {
      test(`fetches at most ${FIRST_LOAD_BUDGET_VITE} bytes, gzipped`, async () => {
        const folder = await newFolder();
        await writeFile(`${folder}/main.js`, FIVE_CALLS);
        const out = `${folder}/out`;
        await build({
          root: folder,
          configFile: false,
          logLevel: "error",
          resolve: {
            alias: Object.entries(SOURCES).map(([find, replacement]) => ({
              find: new RegExp(`^${find}$`),
              replacement,
            })),
          },
          build: {
            target: "es2022",
            outDir: out,
            rolldownOptions: {
              input: `${folder}/main.js`,
              output: { entryFileNames: "browser.js", chunkFileNames: "[name]-[hash].js" },
            },
          },
        });
        const fetched = await show(platform, got, out, { suite: 1 });
        const sizes = await Promise.all(fetched.map(async (one) => gzipped(await readFile(`${out}/${one}`))));
        expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(FIRST_LOAD_BUDGET_VITE);
        const libraries = /25519|nist|chacha/;
        expect(fetched.filter((one) => libraries.test(one))).toEqual([]);
        expect((await readdir(out)).filter((one) => libraries.test(one)).length).toBeGreaterThanOrEqual(4);
      });
    },
  );
});
