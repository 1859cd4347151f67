// The README's code is compiled, run, and prints what its comments say.
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = await readFile(`${root}README.md`, "utf8");
const blocks = Array.from(readme.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code as string);

/** What the comments behind `console.log(...);` promise, a line each. */
const promised = (code: string) =>
  Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm), ([, line]) => line);

let folder: string;

beforeAll(async () => {
  // Below node_modules, so that what the packages depend on is found from there.
  await mkdir(`${root}node_modules/.cache`, { recursive: true });
  folder = await mkdtemp(`${root}node_modules/.cache/copse-readme-`);
  const tsconfig = {
    extends: `${root}tsconfig.tests.json`,
    compilerOptions: { noUnusedLocals: false, typeRoots: [`${root}node_modules/@types`] },
    include: ["*.ts"],
  };
  await writeFile(`${folder}/package.json`, '{ "type": "module" }');
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify(tsconfig));
  await writeFile(`${folder}/first.ts`, blocks[0] as string);
  await writeFile(`${folder}/all.ts`, blocks.join("\n"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The lines that a program of the folder prints, run by Node on the sources of the packages. */
async function printed(name: string): Promise<string[]> {
  await build({
    entryPoints: [`${folder}/${name}.ts`],
    outfile: `${folder}/${name}.js`,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    tsconfig: `${folder}/tsconfig.json`,
    external: ["@noble/*", "@hpke/*", "libsodium-wrappers"],
    logLevel: "silent",
  });
  const { stdout } = await run(process.execPath, [`${folder}/${name}.js`]);
  return stdout.trimEnd().split("\n");
}

describe("the README's code", () => {
  test("is there", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    for (const block of blocks) expect(promised(block)).not.toEqual([]);
  });

  test("compiles", async () => {
    const compiler = `${root}node_modules/typescript/bin/tsc`;
    const { stdout, stderr } = await run(process.execPath, [compiler, "-p", folder]).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    expect(stderr).toBe("");
    // What is wrong in the packages is told by `npm run typecheck`.
    expect(stdout.split("\n").filter((line) => line.includes("copse-readme-"))).toEqual([]);
  });

  test("begins with a program that decrypts a message", async () => {
    expect(promised(blocks[0] as string)).toEqual(["Hello, Bob!"]);
    expect(await printed("first")).toEqual(["Hello, Bob!"]);
  });

  test("is one program that prints what it says", async () => {
    expect(await printed("all")).toEqual(promised(blocks.join("\n")));
  });
});

describe("the README's words", () => {
  test("name every error code", async () => {
    const errors = await readFile(`${root}packages/core/src/errors.ts`, "utf8");
    const codes = Array.from(errors.matchAll(/^ {2}\| "([a-z-]+)"/gm), ([, code]) => code as string);
    expect(codes.length).toBeGreaterThan(10);
    const named = Array.from(readme.matchAll(/^\| (`.+?`) \|/gm), ([, cell]) => cell).join(" ");
    for (const code of codes) expect(named).toContain(`\`${code}\``);
  });

  test("link to files that are there, and name scripts that are there", async () => {
    for (const [, target] of readme.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
      await expect(access(`${root}${target}`), target).resolves.toBeUndefined();
    }
    const { scripts } = JSON.parse(await readFile(`${root}package.json`, "utf8")) as { scripts: object };
    for (const [, script] of readme.matchAll(/npm run ([a-z:]+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
  });
});
