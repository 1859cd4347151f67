// `npm run test:chaos`: exits with 1 if something was lost, came twice, or members disagree.
import { randomInt } from "node:crypto";
import { MissingProgram, needNats } from "../../examples/src/delivery/nats-program.js";
import { FAULTS } from "./clients/faults.js";
import { Worker } from "./clients/worker.js";
import type { Verdict } from "./model/judge.js";
import { ArgumentError, type Options, optionsOf, type ServiceName, USAGE } from "./options.js";
import { run } from "./run.js";
import { serve } from "./services/http.js";
import { openService } from "./services/open.js";

/** How many complaints of each rule are printed. */
const SHOWN = Number(process.env.COPSE_CHAOS_SHOWN ?? 8);

/** What was to break, and never did: a run says little about it. */
function untried({ killed, dishonest }: Options, counts: Verdict["counts"]): string[] {
  const isNone = (start: string) => ![...counts].some(([what, n]) => what.startsWith(start) && n > 0);
  return [
    killed > 0 && isNone("clients killed") ? "no client was killed" : "",
    dishonest > 0 && isNone("forged: ") ? "nothing was forged" : "",
    isNone("the service killed") ? "the service was never killed" : "",
  ].filter((one) => one !== "");
}

function report(name: ServiceName, options: Options, { complaints, counts }: Verdict): void {
  for (const [what, n] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`  ${what}: ${n}`);
  for (const [rule, all] of grouped(complaints)) {
    console.log(`BROKEN: ${rule}: ${all.length} times`);
    for (const { group, text } of all.slice(0, SHOWN)) console.log(`  ${group.slice(0, 8)} ${text}`);
  }
  const missing = untried(options, counts);
  if (missing.length > 0) console.log(`note: ${missing.join(", and ")}: the run is too small for that`);
  console.log(
    complaints.length === 0
      ? `${name}: HOLDS: all agree, and all was delivered to everybody, once and in order`
      : `${name}: BROKEN`,
  );
}

function grouped(complaints: Verdict["complaints"]): Map<string, Verdict["complaints"][number][]> {
  const found = new Map<string, Verdict["complaints"][number][]>();
  for (const one of complaints) found.set(one.rule, [...(found.get(one.rule) ?? []), one]);
  return found;
}

async function main(options: Options): Promise<number> {
  // It comes last, after an hour of the others.
  if (options.services.includes("nats")) needNats();
  let isBroken = false;
  for (const name of options.services) {
    const { seed, clients, groups, messages, fault } = options;
    console.log(
      `${name}: seed ${seed}, ${clients} clients, ${groups} groups, ${messages} messages${fault === undefined ? "" : `, with a fault: ${fault}`}`,
    );
    const service = await openService(name, seed);
    try {
      const verdict = await run(options, service);
      report(name, options, verdict);
      isBroken ||= verdict.complaints.length > 0;
    } finally {
      await service.close();
    }
  }
  return isBroken ? 1 : 0;
}

if (process.argv.includes("--help")) console.log(USAGE);
else if (process.argv.includes("--worker")) new Worker().listen();
else if (process.argv[2] === "--serve") await serve(process.argv.slice(3));
else if (process.argv.includes("--faults")) console.log(Object.keys(FAULTS).join("\n"));
else
  try {
    // Whatever waits for ever doesn't keep the run from ending.
    process.exit(await main(optionsOf(process.argv.slice(2), () => randomInt(2 ** 31))));
  } catch (error) {
    const isTold = error instanceof ArgumentError || error instanceof MissingProgram;
    console.error(isTold ? `${error.message}\n\n${USAGE}` : error);
    process.exit(2);
  }
