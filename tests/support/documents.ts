// The code of documents, compiled and run as it stands in them.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { SOURCES } from "./bundle.js";
import { fromRoot } from "./files.js";

export const run = promisify(execFile);
export const root = fromRoot("");

/** A block of TypeScript: what stands behind "```ts", such as a file's name, and the code. */
export interface CodeBlock {
  readonly file: string;
  readonly code: string;
}

/** A document of the repository, and its blocks of TypeScript. */
export async function readDocument(path: string): Promise<{ text: string; blocks: CodeBlock[] }> {
  const text = await readFile(`${root}${path}`, "utf8");
  const blocks = Array.from(text.matchAll(/^```ts *(\S*)\n(.*?)^```$/gms), ([, file, code]) => ({
    file: file as string,
    code: code as string,
  }));
  return { text, blocks };
}

/** What the comments behind `console.log(...);` promise, a line each. */
export const promised = (code: string) =>
  Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm), ([, line]) => line);

/** Programs in a folder of their own, with the sources of our packages. */
export interface Programs {
  /** What the compiler has to say about them, a line each. */
  errors(): Promise<string[]>;
  /** The path of a program for Node, bundled with our packages. */
  bundled(name: string): Promise<string>;
  /** The lines that a program prints, run by Node. */
  printed(name: string): Promise<string[]>;
  remove(): Promise<void>;
}

/** Programs by the names of their files. */
export async function programs(files: Readonly<Record<string, string>>): Promise<Programs> {
  // Below node_modules, so that what the packages depend on is found from there.
  await mkdir(`${root}node_modules/.cache`, { recursive: true });
  const folder = await mkdtemp(`${root}node_modules/.cache/copse-document-`);
  const tsconfig = {
    extends: `${root}tsconfig.tests.json`,
    compilerOptions: { noUnusedLocals: false, typeRoots: [`${root}node_modules/@types`] },
    include: ["*.ts"],
  };
  await writeFile(`${folder}/package.json`, '{ "type": "module" }');
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify(tsconfig));
  for (const [name, code] of Object.entries(files)) await writeFile(`${folder}/${name}`, code);

  async function bundled(name: string): Promise<string> {
    const outfile = `${folder}/${name.replace(/\.ts$/, ".js")}`;
    await build({
      entryPoints: [`${folder}/${name}`],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      tsconfig: `${folder}/tsconfig.json`,
      // Not by the tsconfig's paths, which don't hold below node_modules.
      alias: SOURCES,
      external: ["@noble/*", "@hpke/*", "@stablelib/*", "libsodium-wrappers", "pg", "ws"],
      logLevel: "silent",
    });
    return outfile;
  }

  return {
    async errors() {
      const compiler = `${root}node_modules/typescript/bin/tsc`;
      const { stdout, stderr } = await run(process.execPath, [compiler, "-p", folder]).catch(
        (error: { stdout: string; stderr: string }) => error,
      );
      // What is wrong in the packages is told by `npm run typecheck`.
      const own = stdout.split("\n").filter((line) => line.includes(basename(folder)));
      return stderr === "" ? own : [...own, stderr];
    },
    bundled,
    async printed(name) {
      // There, because programs may leave files.
      const { stdout } = await run(process.execPath, [await bundled(name)], { cwd: folder });
      return stdout.trimEnd().split("\n");
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
