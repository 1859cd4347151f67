// Runs the hostile inputs in a process whose garbage is collected early, so that its memory is that of live objects.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Options } from "../options.js";

/** In MiB. With the default of 16 a small input seems to hold what the collector hasn't looked at. */
const SEMI_SPACE = 1;

export async function hostileInChild({ check, only, clock }: Options): Promise<void> {
  const script = fileURLToPath(new URL("child-main.js", import.meta.url));
  const child = spawn(
    process.execPath,
    [`--max-semi-space-size=${SEMI_SPACE}`, script, JSON.stringify({ check, only, clock })],
    { stdio: "inherit" },
  );
  const [code] = await once(child, "exit");
  process.exitCode = code;
}
