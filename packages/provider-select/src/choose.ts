// RFC 9420 §5.1: one choice among candidates: of whole suites, or of one part of them.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import type { ProviderCandidate, Refusal, Verdict } from "./candidate.js";
import type { Clock } from "./clock.js";
import { isSlower, type Measurement, measureInTurns, sum } from "./measure.js";
import { policyNames, refusalByFacts } from "./policy.js";
import { messageOf } from "./probe.js";
import { LateError, within } from "./time-limit.js";
import { type Demand, isRefusal, tryCandidate } from "./trial.js";

/** What is measured, kept and added to: by the candidate's name, then by suite and part. */
export type Known = Record<string, Record<string, Measurement>>;

/** The result of a choice. */
export interface Chosen {
  readonly found: { readonly candidate: string; readonly provider: CryptoProvider } | undefined;
  readonly tied: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** What was asked for, in words. */
  readonly wanted: string;
}

/** @param known gets what is measured */
export async function choose(
  candidates: readonly ProviderCandidate[],
  demand: Demand,
  known: Known,
  clock: Clock,
): Promise<Chosen> {
  const { named } = demand.policies;
  const trials = new Trials(demand);
  for (const candidate of candidates) {
    const refusal = refusalByFacts(candidate, demand.policies, demand.suites);
    if (refusal !== undefined) trials.refuse(candidate, refusal);
  }
  const costOf = ({ name }: ProviderCandidate) =>
    sum(demand.suites.map((id) => known[name]?.[keyOf(id, demand)]));

  let order = candidates.filter((candidate) => !trials.refusals.has(candidate));
  let tied: readonly ProviderCandidate[] = [];
  if (named.has("smallest")) order = sortedBy(order, ({ bytes }) => bytes as number);
  if (named.has("fastest")) {
    await measureLacking(order, trials, known, clock);
    [tied, order] = rank(
      order.filter((one) => !trials.refusals.has(one)),
      costOf,
    );
  }

  let found: Chosen["found"];
  for (const candidate of order) {
    // What was fast once may be broken now: the one to be chosen is always tried.
    const provider = await trials.run(candidate);
    if (provider === undefined) continue;
    found = { candidate: candidate.name, provider };
    break;
  }

  const verdicts = candidates.map((candidate): Verdict => {
    const { name, bytes } = candidate;
    const refusal = trials.refusals.get(candidate);
    const outcome = trials.loaded.has(candidate) ? "passed" : "not-tried";
    const milliseconds = named.has("fastest") ? costOf(candidate)?.median : undefined;
    return {
      candidate: name,
      outcome: refusal ? "refused" : found?.candidate === name ? "chosen" : outcome,
      ...(refusal && { refusal }),
      ...(milliseconds !== undefined && { milliseconds }),
      ...(bytes !== undefined && { bytes }),
    };
  });
  const names = tied.filter((one) => !trials.refusals.has(one)).map(({ name }) => name);
  return { found, tied: names.length > 1 ? names : [], verdicts, wanted: wantedBy(demand) };
}

/** Each candidate is tried once, when it must be. */
class Trials {
  readonly refusals = new Map<ProviderCandidate, Refusal>();
  readonly loaded = new Map<ProviderCandidate, CryptoProvider>();
  readonly demand: Demand;

  constructor(demand: Demand) {
    this.demand = demand;
  }

  refuse(candidate: ProviderCandidate, refusal: Refusal): void {
    this.loaded.delete(candidate);
    this.refusals.set(candidate, refusal);
  }

  /** The provider; `undefined` if it was refused, now or before. */
  async run(candidate: ProviderCandidate): Promise<CryptoProvider | undefined> {
    if (!this.loaded.has(candidate) && !this.refusals.has(candidate)) {
      const result = await tryCandidate(candidate, this.demand);
      if (isRefusal(result)) this.refusals.set(candidate, result);
      else this.loaded.set(candidate, result);
    }
    return this.loaded.get(candidate);
  }
}

/**
 * Those that no other is clearly faster than, in the application's order; and the order of all, with these first. So
 * that the choice is the same the next time.
 */
function rank(
  candidates: readonly ProviderCandidate[],
  costOf: (candidate: ProviderCandidate) => Measurement | undefined,
): [ProviderCandidate[], ProviderCandidate[]] {
  const cost = (one: ProviderCandidate) => costOf(one) as Measurement;
  const measured = candidates.filter((one) => costOf(one) !== undefined);
  const byTime = sortedBy(measured, (one) => cost(one).median);
  const equals = measured.filter((one) => !isSlower(cost(one), cost(byTime[0] as ProviderCandidate)));
  return [equals, [...equals, ...byTime.filter((one) => !equals.includes(one))]];
}

/** Times of different moments don't compare: if one of a candidate that works is missing, all are measured, in turns. */
async function measureLacking(
  candidates: readonly ProviderCandidate[],
  trials: Trials,
  known: Known,
  clock: Clock,
): Promise<void> {
  const { demand } = trials;
  const isKnown = ({ name }: ProviderCandidate) =>
    demand.suites.every((id) => known[name]?.[keyOf(id, demand)] !== undefined);
  const lacking = candidates.filter((one) => !isKnown(one));
  for (const candidate of lacking) await trials.run(candidate);
  if (!lacking.some((candidate) => trials.loaded.has(candidate))) return;
  for (const candidate of candidates) await trials.run(candidate);
  await measureAll(trials, known, clock);
}

const keyOf = (suite: number, { part }: Demand): string =>
  part === undefined ? String(suite) : `${suite} ${part}`;

/** Measures all suites of all that are loaded. Who fails now is refused. */
async function measureAll(trials: Trials, known: Known, clock: Clock): Promise<void> {
  const { demand, loaded } = trials;
  for (const suite of demand.suites) {
    const run = async (candidate: ProviderCandidate, call: () => Promise<void>): Promise<boolean> => {
      try {
        await within(demand.timeLimit, call);
        return true;
      } catch (error) {
        const code = error instanceof LateError ? "late" : "broken";
        trials.refuse(candidate, { code, suite, detail: `while it was measured: ${messageOf(error)}` });
        return false;
      }
    };
    const suites = new Map<ProviderCandidate, CipherSuiteProvider>();
    for (const [candidate, provider] of loaded) {
      await run(candidate, async () => void suites.set(candidate, provider.suite(suite)));
    }
    const times = await measureInTurns(suites, { part: demand.part, clock }, run);
    for (const [{ name }, time] of times) known[name] = { ...known[name], [keyOf(suite, demand)]: time };
  }
}

/** Smallest first; of equals, in their order. */
function sortedBy<T>(all: readonly T[], key: (one: T) => number): T[] {
  return [...all].sort((a, b) => key(a) - key(b));
}

function wantedBy({ suites, part, policies }: Demand): string {
  const what = `${part === undefined ? "" : `the ${part} part of `}${suites.length === 1 ? "suite" : "suites"}`;
  return `${what} ${suites.join(", ")} (${policyNames(policies)})`;
}

/** A choice in words, a line for each candidate. */
export function explain({ found, tied, verdicts, wanted }: Chosen): string {
  const first = found === undefined ? `no provider for ${wanted}` : `${found.candidate} for ${wanted}`;
  const equal = tied.length === 0 ? [] : [`no clear winner, so the first of these: ${tied.join(", ")}`];
  return [first, ...equal, ...verdicts.map(describe)].join("\n");
}

function describe({ candidate, outcome, refusal, milliseconds, bytes }: Verdict): string {
  const facts = [
    ...(milliseconds === undefined ? [] : [`${milliseconds.toFixed(2)} ms a round`]),
    ...(bytes === undefined ? [] : [`${bytes} bytes`]),
  ];
  const said = facts.length === 0 ? "" : ` (${facts.join(", ")})`;
  if (refusal === undefined) {
    const words = { chosen: "chosen", passed: "works too", "not-tried": "not tried", refused: "refused" };
    return `- ${candidate}: ${words[outcome]}${said}`;
  }
  const where = [
    ...(refusal.suite === undefined ? [] : [`suite ${refusal.suite}`]),
    ...(refusal.step === undefined ? [] : [refusal.step]),
  ].join(", ");
  return `- ${candidate}: refused, ${refusal.code}${where && `, ${where}`}: ${refusal.detail}${said}`;
}
