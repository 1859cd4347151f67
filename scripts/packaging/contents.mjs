// What must hold of a package before it is published: its manifest, its README, and the files of its tarball.
import { readdirSync, readFileSync } from "node:fs";
import { PACKAGES, root } from "./packages.mjs";

const FIELDS = [
  "name",
  "version",
  "description",
  "keywords",
  "license",
  "type",
  "sideEffects",
  "engines",
  "exports",
];

/** What is wrong with a package, a line each. `files` are the paths in its tarball. */
export function problemsOf({ folder, name, manifest }, files) {
  const text = (path) => readFileSync(`${folder}/${path}`, "utf8");
  const missing = FIELDS.filter((field) => manifest[field] === undefined).map((field) => `no ${field}`);
  const problems = [...missing, ...needed(files), ...superfluous(files), ...stale(files)];
  if (text("LICENSE") !== readFileSync(`${root}LICENSE`, "utf8"))
    problems.push("LICENSE isn't that of the project");
  for (const [, target] of text("README.md").matchAll(/\]\((?!https:\/\/|#)([^)]*)\)/g)) {
    problems.push(`README.md links to ${target}, which isn't in the package`);
  }
  for (const file of files.filter(
    (one) => one.startsWith("dist/") && one.endsWith(".d.ts") && text(one).includes("Uint8Array<"),
  )) {
    problems.push(
      `${file} has a Uint8Array with a type argument, which older compilers read as any: name Bytes or ByteArray`,
    );
  }
  for (const map of files.filter((file) => file.endsWith(".map")))
    problems.push(...unmapped(text, map, files));
  return problems.map((problem) => `${name}: ${problem}`);
}

const needed = (files) =>
  ["package.json", "README.md", "LICENSE"]
    .filter((file) => !files.includes(file))
    .map((file) => `no ${file}`);

/** Only what is built, what it is built from, what says so, and the programs by which it is begun. */
function superfluous(files) {
  const wanted =
    /^(bin\/.*\.js|dist\/.*\.(js|d\.ts)(\.map)?|src\/.*\.ts|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
  return files.filter((file) => !wanted.test(file)).map((file) => `${file} isn't to be published`);
}

/** Files of a build that the sources no longer have. */
function stale(files) {
  const sources = new Set(files.filter((file) => file.startsWith("src/")));
  return files
    .filter((file) => file.startsWith("dist/") && file.endsWith(".js"))
    .filter((file) => !sources.has(file.replace(/^dist/, "src").replace(/\.js$/, ".ts")))
    .map((file) => `${file} has no source: delete dist, and build again`);
}

/** What a source map refers to must be in the package. */
function unmapped(text, map, files) {
  const { sources } = JSON.parse(text(map));
  const base = new URL(map, "file:///");
  return sources
    .map((source) => new URL(source, base).pathname.slice(1))
    .filter((source) => !files.includes(source))
    .map((source) => `${map} refers to ${source}, which isn't in the package`);
}

/** The workspaces that aren't published, and don't say so. */
export function unmarked() {
  const { workspaces } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const folders = workspaces.flatMap((pattern) =>
    pattern.endsWith("/*")
      ? readdirSync(`${root}${pattern.slice(0, -2)}`).map((one) => `${pattern.slice(0, -1)}${one}`)
      : [pattern],
  );
  const published = new Set(PACKAGES.map(({ folder }) => folder));
  return ["", "scripts/packaging", ...folders.filter((folder) => !published.has(`${root}${folder}`))]
    .filter((folder) => JSON.parse(readFileSync(`${root}${folder}/package.json`, "utf8")).private !== true)
    .map((folder) => `${folder}/package.json must be private`);
}
