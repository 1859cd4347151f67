// The projects of users, as far as they differ: each gets the README's programs, and must print what they say.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./packages.mjs";
import { node, run } from "./run.mjs";
import { toolPath } from "./tools.mjs";

const COMPILERS = {
  5.2: toolPath("typescript-5.2/bin/tsc"),
  5.9: toolPath("typescript-5.9/bin/tsc"),
  newest: `${root}node_modules/typescript/bin/tsc`,
};

/** The blocks of TypeScript of a README, as one program, and what its comments say that it prints. */
async function programOf(path, blocks = Number.POSITIVE_INFINITY) {
  const text = await readFile(`${root}${path}`, "utf8");
  const found = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code).slice(0, blocks);
  const code = found.join("\n");
  const printed = Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm), ([, line]) => line);
  if (printed.length === 0) throw new Error(`${path} has no program that prints something`);
  return { code, printed };
}

const PROGRAMS = {
  project: await programOf("README.md", 1),
  core: await programOf("packages/core/README.md"),
  extensions: await programOf("packages/extensions/README.md"),
};

/** As the README says: without `!` it is JavaScript. */
const javaScript = (code) => code.replaceAll("!)", ")");

/** The program as a script of CommonJS, which has no `await` at its top. */
function commonJs(code) {
  const required = code.replaceAll(/^import (\{[^}]*\}) from (".*");$/gm, "const $1 = require($2);");
  return `(async () => {\n${javaScript(required)}})();\n`;
}

async function project(folder, type, files) {
  await mkdir(folder, { recursive: true });
  const manifest = { name: "project", private: true, type };
  for (const [name, content] of Object.entries({ "package.json": manifest, ...files })) {
    await writeFile(`${folder}/${name}`, typeof content === "string" ? content : JSON.stringify(content));
  }
}

async function prints(folder, file, { printed }) {
  const lines = (await node([`${folder}/${file}`])).trimEnd().split("\n");
  if (lines.join("\n") !== printed.join("\n")) {
    throw new Error(`${file} printed ${JSON.stringify(lines)}, expected ${JSON.stringify(printed)}`);
  }
}

function typeScript(compiler, module, moduleResolution, lib) {
  const target = "ES2022";
  const compilerOptions = {
    target,
    module,
    moduleResolution,
    lib,
    types: [],
    strict: true,
    outDir: "out",
  };
  return async (folder) => {
    const files = Object.entries(PROGRAMS).map(([name, { code }]) => [`${name}.ts`, code]);
    // Without DOM types, somebody must declare `console`.
    const globals = lib.includes("DOM")
      ? ""
      : "declare const console: { log(...values: unknown[]): void };\n" +
        "declare class TextEncoder { encode(text: string): Uint8Array; }\n" +
        "declare class TextDecoder { decode(bytes?: Uint8Array): string; }\n";
    await project(folder, "module", { ...Object.fromEntries(files), "globals.d.ts": globals });
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    await node([COMPILERS[compiler], "-p", folder]);
    for (const [name, program] of Object.entries(PROGRAMS))
      await prints(`${folder}/out`, `${name}.js`, program);
  };
}

/** Hands over all that the packages return, with the types of DOM and without. */
async function types(folder) {
  const files = ["walk.ts", "values.ts"];
  await project(folder, "module", {});
  await cp(`${root}scripts/packaging/consumer`, folder, { recursive: true });
  for (const [name, compiler] of Object.entries(COMPILERS)) {
    for (const moduleResolution of ["Node16", "NodeNext", "Bundler"]) {
      const module = moduleResolution === "Bundler" ? "ESNext" : moduleResolution;
      for (const dom of [true, false]) {
        const lib = dom ? ["ES2022", "DOM"] : ["ES2022"];
        const base = { target: "ES2022", types: [], strict: true, noEmit: true };
        const compilerOptions = { ...base, module, moduleResolution, lib };
        const config = { compilerOptions, files: dom ? [...files, "sinks.ts"] : files };
        const path = `${folder}/tsconfig.${name}.${moduleResolution}.${dom}.json`;
        await writeFile(path, JSON.stringify(config));
        await node([compiler, "-p", path]);
      }
    }
  }
}

/** A provider that depends on another copy of the core than the application. */
async function twoCopies(folder) {
  await mkdir(folder);
  await cp(join(folder, "../node_modules/@copse/core"), `${folder}/node_modules/@copse/core`, {
    recursive: true,
  });
  const compilerOptions = { target: "ES2022", module: "NodeNext", types: [], strict: true, outDir: "out" };
  await project(folder, "module", {
    "main.ts": PROGRAMS.project.code,
    "tsconfig.json": { compilerOptions, include: ["*.ts"] },
  });
  await node([COMPILERS.newest, "-p", folder]);
  await prints(`${folder}/out`, "main.js", PROGRAMS.project);
}

/** As the page for authors says it: a provider of one's own, beside ours, and what was wrong if it can't be measured. */
async function measured(folder) {
  const mine = `import { nodeProvider } from "@copse/provider-node";
    export default async () => ({ ...nodeProvider(), name: "mine" });`;
  await project(folder, "module", { "mine.js": mine, "none.js": "export const provider = 1;" });
  const bench = (...args) => run("npx", ["--no-install", "copse-bench", ...args], { cwd: folder });
  const failing = (...args) =>
    bench(...args).then(
      () => Promise.reject(new Error(`copse-bench ${args.join(" ")} did not fail`)),
      ({ message }) => message,
    );
  const short = ["--suite", "3", "--members", "2", "--tree", "fresh", "--runs", "1"];
  const said = {
    [await bench("--help")]: ["copse-bench [options]", "--provider FILE", "--members", "--json"],
    [await bench("--provider", "./mine.js", ...short, "--json", "out.json")]: [
      "suite 3, 2 members, fresh",
      "mine",
      "node",
      "decrypt 1 KiB",
    ],
    [await failing("--provider", "./theirs.js")]: ["there is no file ./theirs.js"],
    [await failing("--provider", "./none.js")]: [
      "expected a module whose default export is a CryptoProvider",
    ],
    [await failing("--providers", "ts-mls", ...short)]: ["measured in a clone of the project"],
  };
  for (const [text, parts] of Object.entries(said)) {
    for (const part of parts) if (!text.includes(part)) throw new Error(`expected "${part}" in ${text}`);
  }
  const { results } = JSON.parse(await readFile(`${folder}/out.json`, "utf8"));
  const providers = [...new Set(results.map(({ provider }) => provider))];
  if (providers.join() !== "mine,node")
    throw new Error(`expected results of mine and node, got ${providers}`);
}

async function bundled(folder, bundle) {
  const { code } = PROGRAMS.project;
  const html = '<!doctype html><script type="module" src="/main.ts"></script>';
  await project(folder, "module", { "main.ts": code, "index.html": html });
  await prints(folder, await bundle(folder), PROGRAMS.project);
}

/** Each makes a project in a folder of its own, below one in which the packages are installed. */
export const PROJECTS = {
  "JavaScript, ES modules": async (folder) => {
    await project(folder, "module", { "main.js": javaScript(PROGRAMS.project.code) });
    await prints(folder, "main.js", PROGRAMS.project);
  },
  "JavaScript, CommonJS": async (folder) => {
    const require = commonJs(PROGRAMS.project.code);
    await project(folder, "commonjs", { "main.js": require });
    await prints(folder, "main.js", PROGRAMS.project);
  },
  // As the README says it, line by line.
  "npm init -y": async (folder) => {
    await mkdir(folder, { recursive: true });
    await run("npm", ["init", "-y"], { cwd: folder });
    await run("npm", ["pkg", "set", "type=module"], { cwd: folder });
    await writeFile(`${folder}/main.js`, javaScript(PROGRAMS.project.code));
    await prints(folder, "main.js", PROGRAMS.project);
  },
  "TypeScript 5.2, node16": typeScript("5.2", "Node16", "Node16", ["ES2022", "DOM"]),
  "TypeScript 5.2, bundler, without DOM": typeScript("5.2", "ES2022", "Bundler", ["ES2022"]),
  "TypeScript 5.9, nodenext": typeScript("5.9", "NodeNext", "NodeNext", ["ES2022", "DOM"]),
  "TypeScript, newest, nodenext, without DOM": typeScript("newest", "NodeNext", "NodeNext", ["ES2022"]),
  "TypeScript, newest, bundler": typeScript("newest", "ESNext", "Bundler", ["ESNext", "DOM"]),
  "types of all that is returned, 3 compilers": types,
  "two copies of the core": twoCopies,
  "copse-bench, with a provider of one's own": measured,
  esbuild: (folder) =>
    bundled(folder, async () => {
      const { build } = await import("esbuild");
      const options = { bundle: true, minify: true, format: "esm", platform: "browser", target: "es2022" };
      await build({
        ...options,
        entryPoints: [`${folder}/main.ts`],
        outfile: `${folder}/out.js`,
        logLevel: "warning",
      });
      return "out.js";
    }),
  Vite: (folder) =>
    bundled(folder, async () => {
      const { build } = await import("vite");
      const output = { entryFileNames: "main.js" };
      await build({
        root: folder,
        logLevel: "error",
        configFile: false,
        build: { target: "es2022", modulePreload: false, rollupOptions: { output } },
      });
      return "dist/main.js";
    }),
};
