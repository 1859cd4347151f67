#!/usr/bin/env node
// Plays scripts of the working group's format on MLSClient servers: npm run interop -- --client HOST:PORT ...
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { copseImplementation } from "./copse/implementation.js";
import { type RunningServer, serve } from "./grpc.js";
import { libraryFile, libraryNames } from "./runner/library.js";
import { readScriptFile, type ScriptFile } from "./runner/script.js";
import { describeFailure, meet, type Performance, Summary, tour } from "./runner/tour.js";
import { isProviderName, PROVIDERS } from "./server/providers.js";
import { mlsClientService } from "./service.js";

const USAGE = `npm run interop -- [options]
  --client HOST:PORT   a server; repeat for several (default: the servers of --local)
  --local NAMES        Copse servers in this process, one for each provider (default: node,noble)
  --script NAME        one of ${libraryNames().join(", ")}, or a file; repeat for several (default: all)
  --suite N            a cipher suite; repeat for several (default: all)
  --public, --private  one framing of handshakes (default: both)
  --assignments N      at most N assignments of servers to roles, chosen at random (default: 64)
  --random             the same as --assignments 1
  --commits N          the number of commits in deep_random (default: 40)
  --seed TEXT          the seed of all random choices (default: copse)
  --no-checks          check only what the scripts ask for
  --fail-fast          stop at the first failure
  --results FILE       write the results and all calls as JSON`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      client: { type: "string", multiple: true },
      local: { type: "string", default: "node,noble" },
      script: { type: "string", multiple: true },
      suite: { type: "string", multiple: true },
      public: { type: "boolean", default: false },
      private: { type: "boolean", default: false },
      assignments: { type: "string", default: "64" },
      random: { type: "boolean", default: false },
      commits: { type: "string", default: "40" },
      seed: { type: "string", default: "copse" },
      "no-checks": { type: "boolean", default: false },
      "fail-fast": { type: "boolean", default: false },
      results: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const servers: RunningServer[] = [];
  if (values.client === undefined) {
    for (const name of values.local.split(",")) {
      if (!isProviderName(name))
        throw new Error(`unknown provider "${name}"; expected one of ${Object.keys(PROVIDERS).join(", ")}`);
      servers.push(await serve(mlsClientService(copseImplementation(await PROVIDERS[name]())), 0));
    }
  }
  const addresses = values.client ?? servers.map(({ address }) => address);
  const players = await Promise.all(addresses.map(meet));
  for (const { name, suites, client } of players) {
    console.log(`${client.address}: ${name}, suites ${suites.join(", ")}`);
  }
  const commits = Number(values.commits);
  const files = new Map<string, ScriptFile>();
  for (const name of values.script ?? libraryNames()) {
    const own = libraryNames().includes(name);
    files.set(name, own ? libraryFile(name, values.seed, commits) : readScriptFile(name));
  }
  const summary = new Summary();
  const performances: Performance[] = [];
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      console.log(`${summary.toString()}\nstopped before the end`);
      process.exit(1);
    });
  }
  try {
    for await (const performance of tour({
      players,
      files,
      suites: values.suite?.map(Number),
      framings:
        values.public === values.private ? ["public", "private"] : values.public ? ["public"] : ["private"],
      assignments: values.random ? 1 : Number(values.assignments),
      seed: values.seed,
      checks: !values["no-checks"],
      failFast: values["fail-fast"],
    })) {
      summary.add(performance);
      if (values.results !== undefined) performances.push(performance);
      if (performance.outcome === "failed") console.error(describeFailure(performance));
    }
  } finally {
    for (const { client } of players) client.close();
    for (const server of servers) await server.close();
  }
  if (values.results !== undefined) writeFileSync(values.results, resultsOf(performances));
  console.log(summary.toString());
  return summary.failures.length === 0 && summary.total("passed") > 0 ? 0 : 1;
}

/** In the form of the working group's runner, bytes in base64. */
function resultsOf(performances: readonly Performance[]): string {
  const scripts: Record<string, unknown[]> = {};
  for (const { script, suite, encryptHandshake, cast, transcript, error, failedStep, step } of performances) {
    scripts[script] ??= [];
    scripts[script].push({
      cipher_suite: suite,
      actors: cast,
      encrypt_flag: encryptHandshake,
      transcript,
      error,
      failed_step: failedStep,
      failed_step_json: step,
    });
  }
  const base64 = (_: string, value: unknown) =>
    value instanceof Uint8Array
      ? Buffer.from(value).toString("base64")
      : isBufferJson(value)
        ? Buffer.from(value.data).toString("base64")
        : value;
  return JSON.stringify({ scripts }, base64, 1);
}

/** A Buffer comes here as what its own `toJSON` made of it. */
function isBufferJson(value: unknown): value is { type: "Buffer"; data: number[] } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
