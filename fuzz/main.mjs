// `npm run fuzz`
import { spawnSync } from "node:child_process";
import { bundle } from "./bundle.mjs";

// `gc` is needed to measure memory.
const args = ["--expose-gc", await bundle("fuzz"), ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
process.exitCode = status ?? 1;
