// `npm run test:chaos`
import { spawnSync } from "node:child_process";
import { bundle } from "./bundle.mjs";

const program = await bundle("chaos");
const args = process.argv.slice(2);
const run = (options, stdio) => spawnSync(process.execPath, [program, ...options], { stdio });
/** A small run is enough for a fault in one client. One of them needs two lives that have ended. */
const SMALL =
  "--service memory --clients 6 --groups 2 --messages 1500 --killed 1 --dishonest 0 --patience 4".split(" ");

/** Plants one fault after the other. @returns whether each was found */
function plantAll(options) {
  let isFound = true;
  const faults = String(run(["--faults"], "pipe").stdout)
    .trim()
    .split("\n");
  for (const fault of faults) {
    const { status, stdout } = run([...SMALL, ...options, "--fault", fault], "pipe");
    const found = String(stdout)
      .split("\n")
      .filter((line) => line.startsWith("BROKEN: "));
    console.log(`${fault}: ${found.join("; ") || "NOT FOUND"}`);
    isFound &&= status === 1 && found.length > 0;
  }
  return isFound;
}

if (args.includes("--planted"))
  process.exitCode = plantAll(args.filter((one) => one !== "--planted")) ? 0 : 1;
else process.exitCode = run(args, "inherit").status ?? 1;
