// RFC 9420 §17.1: starts engines, which are given one script and have nothing of a platform around them.
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ENGINE_SCRIPT } from "./bundle.js";
import { inProcess, type Job, type Launch } from "./launch.js";

/** Writes the bundle's script with its options, and a seed for random bytes, as a file for one platform. */
async function script(
  { folder, options }: Job,
  name: string,
  compile: (code: string) => string = (code) => code,
): Promise<string> {
  const code = compile(await readFile(`${folder}/${ENGINE_SCRIPT}`, "utf8"));
  const given = JSON.stringify({ options, seed: randomBytes(32).toString("hex") });
  const path = `${folder}/${name}.script`;
  await writeFile(path, `globalThis.copsePlatform = ${given};\n${code}`);
  return path;
}

/** What is used of Babel, which is fetched with its preset. */
interface Babel {
  transformSync(code: string, options: object): { readonly code: string };
}

/**
 * Hermes, by its command line, on what Babel makes with React Native's preset for an engine that has neither classes nor
 * private fields.
 */
export const inHermes: Launch = async (command, job, emit) => {
  const require = createRequire(command);
  const preset = require.resolve("@react-native/babel-preset");
  const babel = createRequire(preset)("@babel/core") as Babel;
  const path = await script(job, "hermes", (code) => {
    const options = {
      unstable_transformProfile: "default",
      enableBabelRuntime: false,
      disableImportExportTransform: true,
      dev: false,
    };
    const whole = { babelrc: false, configFile: false, sourceType: "script", filename: "engine.js" };
    const { code: compiled } = babel.transformSync(code, { ...whole, presets: [[preset, options]] });
    // The command line's timers don't wait, and nothing needs them.
    return `delete globalThis.setTimeout;\n${compiled}`;
  });
  await inProcess(["-O", "-w"], [path])(command, job, emit);
};

/** QuickJS in WASM, in a Node of its own. */
export const inQuickJS: Launch = async (library, job, emit) => {
  const host = fileURLToPath(new URL("./quickjs-host.js", import.meta.url));
  await inProcess([host, library], [await script(job, "quickjs")])(process.execPath, job, emit);
};
