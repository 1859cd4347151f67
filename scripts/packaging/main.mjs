// `npm run pack:check`: packs the packages as they would be published, checks what is in the tarballs, and uses them in
// new projects. Exits with 1 if something is wrong. `--keep` keeps the folder of the projects.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { problemsOf, unmarked } from "./contents.mjs";
import { PACKAGES, root } from "./packages.mjs";
import { PROJECTS } from "./projects.mjs";
import { node, run } from "./run.mjs";
import { installTools, toolPath } from "./tools.mjs";

/** Notes a failure instead of ending with it. */
async function attempt(what, work) {
  const start = performance.now();
  try {
    await work();
    console.log(`ok      ${what} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  ${what}\n${error instanceof Error ? error.message : error}`);
  }
}

async function packed(folder) {
  const args = ["pack", "--json", "--pack-destination", folder];
  const paths = PACKAGES.map((one) => one.folder);
  const all = JSON.parse(await run("npm", [...args, ...paths], { cwd: root }));
  const byName = new Map(Object.values(all).map((one) => [one.name, one]));
  return PACKAGES.map((one) => {
    const { filename, files, size } = byName.get(one.name);
    return { ...one, size, tarball: `${folder}/${filename}`, files: files.map(({ path }) => path) };
  });
}

async function checkTarball(one) {
  const problems = problemsOf(one, one.files);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  await node([toolPath("publint/src/cli.js"), one.tarball, "--strict"]);
  // A program has no types.
  if (one.entries.size > 0)
    await node([toolPath("@arethetypeswrong/cli/dist/index.js"), one.tarball, "--profile", "esm-only"]);
}

async function checkMarks() {
  const problems = unmarked();
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

installTools();
const folder = await mkdtemp(`${tmpdir()}/copse-pack-`);
try {
  await attempt("what isn't published is private", checkMarks);
  await mkdir(`${folder}/tarballs`);
  const tarballs = await packed(`${folder}/tarballs`);
  for (const one of tarballs) {
    await attempt(`${one.name}, ${Math.ceil(one.size / 1024)} KiB`, () => checkTarball(one));
  }
  await attempt("npm install of the tarballs", async () => {
    await writeFile(`${folder}/package.json`, '{ "name": "projects", "private": true }');
    const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
    await run("npm", [...args, ...tarballs.map(({ tarball }) => tarball)], { cwd: folder });
  });
  for (const [name, use] of Object.entries(PROJECTS)) {
    await attempt(name, () => use(`${folder}/${name.replaceAll(/[^\w.]+/g, "-")}`));
  }
} finally {
  if (process.argv.includes("--keep")) console.log(folder);
  else await rm(folder, { recursive: true, force: true });
}
