// The scripts in this package.
import { readdirSync } from "node:fs";
import { deepScript } from "./deep.js";
import { Chance } from "./random.js";
import { readScriptFile, type ScriptFile } from "./script.js";

const FOLDER = new URL("../../scripts/", import.meta.url);

/** The names of the script files, and of the random script. */
export function libraryNames(): string[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  return [...files.map((name) => name.replace(/\.json$/, "")).sort(), "deep_random"];
}

/** @param seed of the random script, whose length is `commits` */
export function libraryFile(name: string, seed: string, commits: number): ScriptFile {
  if (name !== "deep_random") return readScriptFile(new URL(`${name}.json`, FOLDER));
  const chance = new Chance(`${seed}/deep`);
  const random = deepScript(chance, { members: 5, commits, maxMembers: 24 });
  return { mode: "random", scripts: { random } };
}
