// The tools that only these scripts need: installed in this folder, so that `npm ci` of the repository stays short.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** The path of a file in the folder of a tool. */
export const toolPath = (path) => `${folder}node_modules/${path}`;

/** Installs the tools that the lock file of this folder names, unless they are there. */
export function installTools() {
  const lock = readFileSync(`${folder}package-lock.json`, "utf8");
  const installed = toolPath(".installed.json");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return;
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel", "error"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) throw new Error(`npm ci failed in ${folder}`);
  writeFileSync(installed, lock);
}
