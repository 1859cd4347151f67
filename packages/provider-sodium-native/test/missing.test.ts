// RFC 9420 §5.1: where sodium-native can't be loaded, an error says so, and another provider is chosen.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import { afterEach, beforeEach, expect, it } from "vitest";

/** Imports the package, makes a provider, and chooses one. */
const SCRIPT = `
  import { sodiumNativeProvider } from "@copse/provider-sodium-native";
  import { selectProvider } from "@copse/provider-select";
  import { platformCandidates } from "@copse/provider-select/candidates";
  const said = {};
  try {
    said.name = sodiumNativeProvider().name;
  } catch ({ name, code, message, cause }) {
    Object.assign(said, { name, code, message, cause: String(cause) });
  }
  const native = { name: "sodium-native", load: sodiumNativeProvider };
  const { candidate, verdicts } = await selectProvider({ suites: [1], candidates: [native, ...platformCandidates().filter(({ name }) => name !== "sodium-native" && name !== "node")] });
  console.log(JSON.stringify({ ...said, candidate, refusal: verdicts[0].refusal }));
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "copse-sodium-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(): Promise<unknown> {
  writeFileSync(join(folder, "script.mjs"), await bundle(SCRIPT, "node"));
  return JSON.parse(execFileSync(process.execPath, [join(folder, "script.mjs")], { encoding: "utf8" }));
}

/** sodium-native and what it needs, in a place of their own. */
function install(...leftOut: string[]): void {
  mkdirSync(join(folder, "node_modules"));
  const source = fromRoot("node_modules/sodium-native");
  const filter = (path: string) => !leftOut.some((name) => path === join(source, name));
  cpSync(source, join(folder, "node_modules/sodium-native"), { recursive: true, filter });
  for (const name of [
    "require-addon",
    "bare-addon-resolve",
    "bare-module-resolve",
    "bare-semver",
    "which-runtime",
  ]) {
    symlinkSync(fromRoot(`node_modules/${name}`), join(folder, "node_modules", name));
  }
}

const unsupported = {
  name: "UnsupportedError",
  code: "unsupported",
  message: expect.stringMatching(/^sodium-native can't be loaded here: /),
  candidate: "webcrypto",
  refusal: { code: "load", detail: expect.stringMatching(/^sodium-native can't be loaded here: /) },
};

it("is chosen where it is there", async () => {
  install();
  expect(await run()).toEqual({ name: "sodium-native", candidate: "sodium-native" });
});

it("says so where it isn't installed", async () => {
  expect(await run()).toEqual({ ...unsupported, cause: expect.stringContaining("Cannot find module") });
});

it("says so where it has no binary for the platform", async () => {
  install("prebuilds");
  expect(await run()).toEqual({ ...unsupported, cause: expect.stringContaining("sodium-native") });
});
