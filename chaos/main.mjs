// `npm run test:chaos`
import { spawnSync } from "node:child_process";
import { bundle } from "./bundle.mjs";

const program = await bundle("chaos");
process.exitCode =
  spawnSync(process.execPath, [program, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
