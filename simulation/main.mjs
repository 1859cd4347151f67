// `npm run simulate`
import { spawnSync } from "node:child_process";
import { bundle } from "./bundle.mjs";
import { PLANTED } from "./planted.mjs";

const args = process.argv.slice(2);

/** Runs the simulation, with a fault if one is given. */
async function simulate(fault, args, stdio) {
  const program = await bundle(fault === undefined ? "simulation" : "planted", PLANTED[fault]);
  return spawnSync(process.execPath, ["--max-semi-space-size=64", program, ...args], { stdio });
}

/** Plants one fault after the other. @returns whether each was found */
async function plantAll(options) {
  let isFound = true;
  for (const fault of Object.keys(PLANTED)) {
    const { status, stdout } = await simulate(fault, [...options, "--fault", fault], "pipe");
    const told = String(stdout).split("\n");
    const [found = "NOT FOUND"] = told.filter((line) => line.startsWith("BROKEN: "));
    const [after = ""] = told.filter((line) => /^seed \d+: /.test(line));
    console.log(`${fault}: ${found.replace("BROKEN: ", "")}\n  ${after}`);
    isFound &&= status === 1;
  }
  return isFound;
}

if (args.includes("--planted")) {
  const others = args.filter((one) => one !== "--planted");
  process.exitCode = (await plantAll(["--patience", "1", ...others])) ? 0 : 1;
} else {
  const at = args.indexOf("--fault");
  const fault = at < 0 ? undefined : args[at + 1];
  process.exitCode = (await simulate(fault, args, "inherit")).status ?? 1;
}
