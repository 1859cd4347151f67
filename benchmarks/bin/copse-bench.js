#!/usr/bin/env node
// Where npm finds it also before the first build: it links no program that isn't there when it installs.
import { existsSync } from "node:fs";

const program = new URL("../dist/main.js", import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  console.error(
    "copse-bench isn't built yet: run `npm run build` in the project's folder, and then this again",
  );
  process.exitCode = 1;
}
