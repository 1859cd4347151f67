// The checks of `npm run pack:check` and `npm run api` find what they are for.
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromRoot } from "@copse/test-support/files";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Package {
  readonly folder: string;
  readonly name: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly entries: ReadonlyMap<string, string>;
}

interface Report {
  readonly report: string;
  readonly hidden: readonly string[];
}

interface Api {
  apiReports(ts: unknown, packages: readonly Package[]): Report[];
}

interface Contents {
  problemsOf(one: Package, files: readonly string[]): string[];
  unmarked(): string[];
}

interface Tools {
  installTools(): void;
  toolPath(path: string): string;
}

const script = <T>(name: string): Promise<T> => import(fromRoot(`scripts/packaging/${name}.mjs`));

const LICENSE = await import("node:fs").then(({ readFileSync }) => readFileSync(fromRoot("LICENSE"), "utf8"));
const manifest = {
  name: "@copse/example",
  version: "0.1.0",
  description: "An example",
  keywords: [],
  license: "MIT",
  type: "module",
  sideEffects: false,
  engines: {},
  exports: {},
};
const FILES = [
  "package.json",
  "README.md",
  "LICENSE",
  "src/index.ts",
  "dist/index.js",
  "dist/index.d.ts.map",
];

let folder: string;

async function example(files: Readonly<Record<string, string>>): Promise<Package> {
  const all = {
    LICENSE,
    "README.md": "# Example",
    "dist/index.d.ts.map": '{"sources":["../src/index.ts"]}',
    ...files,
  };
  const place = await mkdtemp(`${folder}/example-`);
  await mkdir(`${place}/dist`);
  for (const [name, text] of Object.entries(all)) await writeFile(`${place}/${name}`, text);
  return {
    folder: place,
    name: "@copse/example",
    manifest,
    entries: new Map([["@copse/example", `${place}/dist/index.d.ts`]]),
  };
}

beforeAll(async () => {
  folder = await mkdtemp(`${tmpdir()}/copse-packaging-`);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("what is published", () => {
  test("is a package with all that belongs to it", async () => {
    const { problemsOf } = await script<Contents>("contents");
    expect(problemsOf(await example({}), FILES)).toEqual([]);
  });

  test("has no file that doesn't belong to it, and none without a source", async () => {
    const { problemsOf } = await script<Contents>("contents");
    expect(
      problemsOf(await example({}), [...FILES, "bin/example.js", "dist/.tsbuildinfo", "dist/old.js"]),
    ).toEqual([
      "@copse/example: dist/.tsbuildinfo isn't to be published",
      "@copse/example: dist/old.js has no source: delete dist, and build again",
    ]);
  });

  test("has its programs where npm finds them before anything is built", async () => {
    const { PACKAGES } = await script<{ readonly PACKAGES: readonly Package[] }>("packages");
    const programs = PACKAGES.flatMap(({ folder, manifest }) =>
      Object.entries((manifest.bin ?? {}) as Record<string, string>).map(
        ([name, path]) => [name, path, join(folder, path)] as const,
      ),
    );
    expect(programs.map(([name]) => name).sort()).toEqual(["copse-bench", "copse-delivery"]);
    for (const [name, path, file] of programs) {
      expect(path).toMatch(/^(\.\/)?bin\//);
      expect((await stat(file)).mode & 0o111, `${path} can be run`).toBe(0o111);
      const place = await mkdtemp(`${folder}/program-`);
      await mkdir(`${place}/bin`);
      await writeFile(`${place}/package.json`, '{"type":"module"}');
      await copyFile(file, `${place}/bin/${name}.js`);
      const unbuilt = spawnSync(process.execPath, [`${place}/bin/${name}.js`], { encoding: "utf8" });
      expect(unbuilt).toMatchObject({ status: 1, stdout: "" });
      expect(unbuilt.stderr).toMatch(/^\S+ isn't built yet: run `npm run build`.*\n$/);
    }
  });

  test("has no declaration that an older compiler reads as any", async () => {
    const { problemsOf } = await script<Contents>("contents");
    const one = await example({ "dist/index.d.ts": "export declare const a: Uint8Array<ArrayBuffer>;" });
    expect(problemsOf(one, [...FILES, "dist/index.d.ts"])).toEqual([
      expect.stringMatching(/^@copse\/example: dist\/index\.d\.ts has a Uint8Array with a type argument/),
    ]);
  });

  test("has no map without its source", async () => {
    const { problemsOf } = await script<Contents>("contents");
    const files = FILES.filter((file) => !file.startsWith("src/") && !file.endsWith(".js"));
    expect(problemsOf(await example({}), files)).toEqual([
      "@copse/example: dist/index.d.ts.map refers to src/index.ts, which isn't in the package",
    ]);
  });

  test("has no link to the repository, another licence or a poor manifest", async () => {
    const { problemsOf } = await script<Contents>("contents");
    const one = await example({
      "README.md": "[guide](../../docs/guide.md) [web](https://example.org)",
      LICENSE: "none",
    });
    const { keywords: _, ...poor } = manifest;
    expect(problemsOf({ ...one, manifest: poor }, FILES)).toEqual([
      "@copse/example: no keywords",
      "@copse/example: LICENSE isn't that of the project",
      "@copse/example: README.md links to ../../docs/guide.md, which isn't in the package",
    ]);
  });

  test("is below packages, and nothing else", async () => {
    const { unmarked } = await script<Contents>("contents");
    expect(unmarked()).toEqual([]);
  });
});

describe("the report of an API", () => {
  let of: (declarations: string, other?: string) => Promise<Report>;

  beforeAll(async () => {
    const { installTools, toolPath } = await script<Tools>("tools");
    installTools();
    const ts: unknown = createRequire(import.meta.url)(toolPath("typescript-5.9"));
    const { apiReports } = await script<Api>("api-report");
    of = async (declarations, other = "") => {
      // As the compiler ends a file with declarations that aren't exported: else all are.
      const files = { "dist/index.d.ts": `${declarations} export {};`, "dist/other.d.ts": other };
      return apiReports(ts, [await example(files)])[0] as Report;
    };
  });

  test("shows what is exported, and nothing private", async () => {
    const { report, hidden } = await of(
      "/** Its words. */\nexport declare class A { #private; private b; protected c: D; e(): F; }\n" +
        "interface D {}\nexport interface F { g: number }\ninterface H {}",
    );
    expect(report).toContain("class A {\n    e(): F;\n}\n");
    expect(report).toContain("interface F {\n    g: number;\n}\n");
    expect(report).not.toMatch(/Its words|private b|protected|interface D|interface H/);
    expect(hidden).toEqual([]);
  });

  test("names a type that is used and isn't exported", async () => {
    const { hidden } = await of(
      'import { B } from "./other.js"; export declare function a(b: B): C; interface C {}',
      "export interface B {}",
    );
    expect(hidden).toEqual([
      "a uses B of @copse/example/dist/other.d.ts",
      "a uses C of @copse/example/dist/index.d.ts",
    ]);
  });

  test("has the members of a base class that isn't exported", async () => {
    const { report, hidden } = await of(
      "export declare class A extends B {} declare class B { c(): D; } interface D {}",
    );
    expect(report).toContain("c(): D;");
    expect(hidden).toEqual(["A uses D of @copse/example/dist/index.d.ts"]);
  });

  test("writes out an alias that needs what isn't exported", async () => {
    const { report, hidden } = await of(
      "type Of<C> = C extends { t: infer T } ? T : never; declare const b: { t: { c: number } }; export type A = Of<typeof b>;",
    );
    expect(report).toMatch(/type A = \{\s+c: number;\s+\};/);
    expect(hidden).toEqual([]);
  });
});
