// RFC 9420 §5.1: chooses one of several providers for this platform by trying them, and gives the reasons.
import {
  type Awaitable,
  type CipherSuiteProvider,
  type CryptoProvider,
  MlsError,
  UnsupportedError,
} from "@copse/core/provider";
import { type Clock, platformClock } from "./clock.js";
import { type Measurements, measureSuite, readMeasurements } from "./measure.js";
import { messageOf, type ProbeStep, probeExtraction, probeSuite } from "./probe.js";

/**
 * What the choice is made by.
 *
 * - `native-only`: only candidates that declare to be the platform's own cryptography
 * - `non-extractable`: only candidates that don't export private keys, which is tried
 * - `smallest`: of those that work, the one with the smallest declared size; larger ones aren't loaded
 * - `fastest`: of those that work, the fastest in a short measurement
 */
export type SelectionPolicy = "native-only" | "non-extractable" | "smallest" | "fastest";

/** A provider that may be chosen, with what can't be found out by running it. */
export interface ProviderCandidate {
  /** A short, unique name. */
  readonly name: string;
  /** Makes the provider. Called only if the candidate is tried, so put the `import()` here. */
  load(): Awaitable<CryptoProvider>;
  /** Whether its cryptography is the platform's own, not JavaScript or WASM. */
  readonly native?: boolean;
  /** What it adds to an application, in bytes. */
  readonly bytes?: number;
}

/** Why a candidate was refused. */
export interface Refusal {
  /**
   * `not-native`, `size-unknown`: by its declaration. `load`: it can't be loaded. `suite-missing`: it doesn't
   * serve a suite. `broken`: a suite doesn't work. `extractable`: it exports private keys.
   */
  readonly code: "not-native" | "size-unknown" | "load" | "suite-missing" | "broken" | "extractable";
  /** The suite's code point, if the reason concerns one. */
  readonly suite?: number;
  /** The step that failed, if it is `broken`. */
  readonly step?: ProbeStep;
  /** For people. */
  readonly detail: string;
}

/** The result for one candidate. */
export interface Verdict {
  readonly candidate: string;
  /** `passed`: it works, but another one was better. `not-tried`: a better one was found first. */
  readonly outcome: "chosen" | "passed" | "refused" | "not-tried";
  /** Given if it was refused. */
  readonly refusal?: Refusal;
  /** The sum over all suites, if it was measured now or in the cache. */
  readonly milliseconds?: number;
  /** Its declared size. */
  readonly bytes?: number;
}

export interface SelectionOptions {
  /** The code points of the suites that the provider must serve. */
  readonly suites: readonly number[];
  /** In the order of preference, which decides between equals. */
  readonly candidates: readonly ProviderCandidate[];
  /** One policy or several; not both `smallest` and `fastest`. Default: the order of the candidates. */
  readonly policy?: SelectionPolicy | readonly SelectionPolicy[];
  /** The `measurements` of an earlier choice, so that nothing is measured twice. Unusable entries are ignored. */
  readonly cache?: unknown;
  /** Milliseconds. Default: the platform's `performance.now`. */
  readonly clock?: Clock;
}

/** The choice, and why. */
export interface Selection {
  readonly provider: CryptoProvider;
  /** The name of the candidate whose provider it is. */
  readonly candidate: string;
  /** Of all candidates, in their order. */
  readonly verdicts: readonly Verdict[];
  /** All measurements, the cached ones included: pass them as `cache` to the next choice. */
  readonly measurements: Measurements;
  /** The verdicts in words, a line for each. */
  readonly explanation: string;
}

/** No candidate meets the policy. The message gives the reason for each. */
export class NoProviderError extends UnsupportedError {
  readonly verdicts: readonly Verdict[];

  constructor(message: string, verdicts: readonly Verdict[]) {
    super(message);
    this.verdicts = verdicts;
  }
}

/**
 * Chooses the best of several providers for this platform. A candidate works if it can be loaded, every part of
 * each suite can be used, and bad input is refused. Names of candidates or platforms play no part.
 * @throws NoProviderError (rejects) if no candidate meets the policy; MlsError `usage` for contradictory options
 */
export async function selectProvider(options: SelectionOptions): Promise<Selection> {
  const { suites, candidates, clock = platformClock } = options;
  const policies = policiesOf(options);
  const measured = readMeasurements(options.cache);
  const verdicts = new Map<string, Verdict>();
  const refuse = ({ name: candidate }: ProviderCandidate, refusal: Refusal) => {
    verdicts.set(candidate, { candidate, outcome: "refused", refusal });
  };

  const eligible = candidates.filter((candidate) => {
    const refusal = refusalByFacts(candidate, policies);
    if (refusal !== undefined) refuse(candidate, refusal);
    return refusal === undefined;
  });
  const loaded = new Map<ProviderCandidate, CryptoProvider>();
  const tryOut = async (candidate: ProviderCandidate): Promise<CryptoProvider | undefined> => {
    const known = loaded.get(candidate);
    if (known !== undefined) return known;
    const result = await tryCandidate(candidate, suites, policies);
    if ("refusal" in result) {
      refuse(candidate, result.refusal);
      return undefined;
    }
    loaded.set(candidate, result.provider);
    return result.provider;
  };
  const costOf = ({ name }: ProviderCandidate): number | undefined => totalOf(measured[name], suites);

  let order = eligible;
  if (policies.has("smallest")) order = sortedBy(eligible, ({ bytes }) => bytes);
  if (policies.has("fastest")) {
    for (const candidate of eligible) {
      if (costOf(candidate) !== undefined) continue;
      const provider = await tryOut(candidate);
      if (provider === undefined) continue;
      const times = { ...measured[candidate.name] };
      for (const id of suites) times[id] ??= await measureSuite(provider.suite(id), clock);
      measured[candidate.name] = times;
    }
    order = sortedBy(
      eligible.filter((candidate) => costOf(candidate) !== undefined),
      costOf,
    );
  }

  let chosen: { readonly candidate: string; readonly provider: CryptoProvider } | undefined;
  for (const candidate of order) {
    // What was fast once may be broken now: the one to be chosen is always tried.
    const provider = verdicts.has(candidate.name) ? undefined : await tryOut(candidate);
    if (provider === undefined) continue;
    chosen = { candidate: candidate.name, provider };
    break;
  }

  const all = candidates.map((candidate): Verdict => {
    const { name, bytes } = candidate;
    const outcome = chosen?.candidate === name ? "chosen" : loaded.has(candidate) ? "passed" : "not-tried";
    const milliseconds = policies.has("fastest") ? costOf(candidate) : undefined;
    return {
      ...(verdicts.get(name) ?? { candidate: name, outcome }),
      ...(milliseconds !== undefined && { milliseconds }),
      ...(bytes !== undefined && { bytes }),
    };
  });
  const wanted = `${suites.length === 1 ? "suite" : "suites"} ${suites.join(", ")} (${[...policies].join(", ") || "first that works"})`;
  const lines = all.map(describe).join("\n");
  if (chosen === undefined) throw new NoProviderError(`no provider for ${wanted}\n${lines}`, all);
  const explanation = `${chosen.candidate} for ${wanted}\n${lines}`;
  return { ...chosen, verdicts: all, measurements: { ...measured }, explanation };
}

function policiesOf({ suites, candidates, policy = [] }: SelectionOptions): ReadonlySet<SelectionPolicy> {
  const policies = new Set(typeof policy === "string" ? [policy] : policy);
  const unknown = [...policies].find((one) => !POLICIES.includes(one));
  if (unknown !== undefined) throw new MlsError("usage", `unknown policy "${unknown}"`);
  if (policies.has("smallest") && policies.has("fastest")) {
    throw new MlsError("usage", 'the policies "smallest" and "fastest" exclude each other');
  }
  if (suites.length === 0) throw new MlsError("usage", "expected at least one suite");
  if (candidates.length === 0) throw new MlsError("usage", "expected at least one candidate");
  if (new Set(candidates.map(({ name }) => name)).size !== candidates.length) {
    throw new MlsError("usage", "two candidates have the same name");
  }
  return policies;
}

const POLICIES: readonly SelectionPolicy[] = ["native-only", "non-extractable", "smallest", "fastest"];

/** The reason to refuse a candidate without loading it, if there is one. */
function refusalByFacts(
  { native, bytes }: ProviderCandidate,
  policies: ReadonlySet<SelectionPolicy>,
): Refusal | undefined {
  if (policies.has("native-only") && native !== true) {
    return { code: "not-native", detail: "it doesn't declare to be native" };
  }
  if (policies.has("smallest") && bytes === undefined) {
    return { code: "size-unknown", detail: "it doesn't declare its size" };
  }
  return undefined;
}

/** Loads a candidate and uses each suite. */
async function tryCandidate(
  candidate: ProviderCandidate,
  suites: readonly number[],
  policies: ReadonlySet<SelectionPolicy>,
): Promise<{ readonly provider: CryptoProvider } | { readonly refusal: Refusal }> {
  let provider: CryptoProvider;
  try {
    provider = await candidate.load();
  } catch (error) {
    return { refusal: { code: "load", detail: messageOf(error) } };
  }
  const served: CipherSuiteProvider[] = [];
  for (const suite of suites) {
    try {
      served.push(provider.suite(suite));
    } catch (error) {
      return { refusal: { code: "suite-missing", suite, detail: messageOf(error) } };
    }
  }
  for (const one of served) {
    const { id: suite } = one.suite;
    const failure = await probeSuite(one);
    if (failure !== undefined) {
      return { refusal: { code: "broken", suite, step: failure.step, detail: failure.detail } };
    }
    const given = policies.has("non-extractable") ? await probeExtraction(one) : undefined;
    if (given !== undefined) return { refusal: { code: "extractable", suite, detail: given } };
  }
  return { provider };
}

/** All suites' times together; `undefined` unless all are known. */
function totalOf(times: { readonly [suite: string]: number } | undefined, suites: readonly number[]) {
  let total = 0;
  for (const id of suites) {
    const time = times?.[id];
    if (time === undefined) return undefined;
    total += time;
  }
  return total;
}

/** Smallest first; of equals, in their order. */
function sortedBy<T>(all: readonly T[], key: (one: T) => number | undefined): T[] {
  return [...all].sort((a, b) => (key(a) as number) - (key(b) as number));
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
