// RFC 9420 §17.1: run by Node, Bun and Deno: options in the first argument, lines to the standard output.
import type { RunOptions } from "../report.js";
import { PROVIDERS } from "./providers.js";
import { run } from "./run.js";

const options = JSON.parse(process.argv[2] ?? "{}") as RunOptions;
for await (const line of run(PROVIDERS, options)) console.log(JSON.stringify(line));
