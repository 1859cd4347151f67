// RFC 9420 §5.1: chooses one of several providers for this platform by trying them, and gives the reasons.
import {
  type Awaitable,
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  MlsError,
  type OptionShape,
  UnsupportedError,
} from "@copse/core/provider";
import { composeSuite, defineProvider } from "@copse/provider-kit";
import type { ProviderCandidate, Verdict } from "./candidate.js";
import { type Chosen, choose, explain, type Known } from "./choose.js";
import { type Clock, platformClock } from "./clock.js";
import { type Measurements, readMeasurements } from "./measure.js";
import { readPolicies, type SelectionPolicy } from "./policy.js";
import type { SuitePart } from "./probe.js";
import { checkTimeLimit } from "./time-limit.js";

/** What one part is chosen by. */
export interface PartOptions {
  /** Default: those of the whole. */
  readonly candidates?: readonly ProviderCandidate[];
  /** Default: the order of the candidates. The policy of the whole doesn't count here. */
  readonly policy?: SelectionPolicy | readonly SelectionPolicy[];
}

export interface SelectionOptions {
  /** The code points of the suites that the provider must serve. */
  readonly suites: readonly number[];
  /** In the order of preference, which decides between equals. */
  readonly candidates: readonly ProviderCandidate[];
  /** One policy or several; not both `smallest` and `fastest`. Default: the order of the candidates. */
  readonly policy?: SelectionPolicy | readonly SelectionPolicy[];
  /**
   * Parts that are chosen by themselves, such as signatures in a token. The rest comes from the choice for the whole.
   * `hash` includes the KDF; `aead` is that of messages, as HPKE has its own.
   */
  readonly parts?: { readonly [part in SuitePart]?: PartOptions };
  /** The `measurements` of an earlier choice, so that nothing is measured twice. Unusable entries are ignored. */
  readonly cache?: unknown;
  /**
   * The most milliseconds that one candidate may take to be loaded and tried, and for each round of measuring. Default:
   * 10,000. What a candidate does without a promise can't be stopped.
   */
  readonly timeLimit?: number;
  /** Milliseconds. Default: the platform's `performance.now`. */
  readonly clock?: Clock;
}

const CANDIDATES = { "[]": "object" };
const POLICY = ["string", "object", "array"];
const PART: OptionShape<PartOptions> = { candidates: CANDIDATES, policy: POLICY };
const PARTS: OptionShape<Record<SuitePart, PartOptions>> = {
  hash: PART,
  aead: PART,
  hpke: PART,
  signature: PART,
};
const OPTIONS: OptionShape<SelectionOptions> = {
  suites: { "[]": "number" },
  candidates: CANDIDATES,
  policy: POLICY,
  parts: PARTS,
  cache: "unknown",
  timeLimit: "number",
  clock: "function",
};

/** The choice of one part, and why. */
export interface PartSelection {
  /** The name of the candidate whose provider it is. */
  readonly candidate: string;
  /**
   * With `fastest`: the names of those that were as fast, as far as could be measured, if there are several. Of them the
   * first in the order of the candidates is chosen, so that the choice is the same the next time.
   */
  readonly tied: readonly string[];
  /** Of all candidates, in their order. */
  readonly verdicts: readonly Verdict[];
}

/** The choice, and why. */
export interface Selection extends PartSelection {
  /** With {@link SelectionOptions.parts} one made of several providers, for the suites that were asked for. */
  readonly provider: CryptoProvider;
  /** Of the parts that were chosen by themselves. */
  readonly parts: { readonly [part in SuitePart]?: PartSelection };
  /** All measurements, the cached ones included: pass them as `cache` to the next choice. */
  readonly measurements: Measurements;
  /** The verdicts in words, a line for each. */
  readonly explanation: string;
}

/** No candidate meets the policy. The message gives the reason for each. */
export class NoProviderError extends UnsupportedError {
  override name = "NoProviderError";
  readonly verdicts: readonly Verdict[];

  constructor(message: string, verdicts: readonly Verdict[]) {
    super(message);
    this.verdicts = verdicts;
  }
}

/**
 * Chooses the best of several providers for this platform. A candidate works if it can be loaded, every part of
 * each suite can be used and gives known answers, and bad input is refused. Names of candidates or platforms play no part.
 * @throws NoProviderError (rejects) if no candidate meets the policy; MlsError `usage` for unknown or contradictory options
 */
export async function selectProvider(options: SelectionOptions): Promise<Selection> {
  checkOptions(options, OPTIONS);
  const { suites, clock = platformClock, timeLimit = 10_000 } = options;
  if (!suites?.length) throw new MlsError("usage", "expected at least one suite");
  checkTimeLimit(timeLimit);
  const known: Known = readMeasurements(options.cache);
  const loads = new Map<ProviderCandidate, Awaitable<CryptoProvider>>();
  const load = (candidate: ProviderCandidate) => {
    const loading = loads.get(candidate) ?? candidate.load();
    loads.set(candidate, loading);
    return loading;
  };
  // All options are read before anything is loaded.
  const wholes = [undefined, ...Object.keys(options.parts ?? {})] as (SuitePart | undefined)[];
  const asked = wholes.map((part) => {
    const { candidates = options.candidates, policy } =
      part === undefined ? options : (options.parts?.[part] ?? {});
    checkCandidates(candidates);
    return { candidates, demand: { suites, part, policies: readPolicies(policy), timeLimit, load } };
  });
  const choices = new Map<SuitePart | undefined, Chosen & { readonly found: object }>();
  for (const { candidates, demand } of asked) {
    const chosen = await choose(candidates, demand, known, clock);
    const { found, verdicts } = chosen;
    if (found === undefined) throw new NoProviderError(explain(chosen), verdicts);
    choices.set(demand.part, { ...chosen, found });
  }
  const selections = [...choices].map(([part, { found, tied, verdicts }]) => {
    return [part, { candidate: found.candidate, tied, verdicts }] as const;
  });
  return {
    ...(selections[0] as (typeof selections)[number])[1],
    provider: compose(choices, suites),
    parts: Object.fromEntries(selections.slice(1)),
    measurements: { ...known },
    explanation: [...choices.values()].map(explain).join("\n"),
  };
}

function checkCandidates(candidates: readonly ProviderCandidate[]): void {
  if (!candidates?.length) throw new MlsError("usage", "expected at least one candidate");
  if (new Set(candidates.map(({ name }) => name)).size !== candidates.length) {
    throw new MlsError("usage", "two candidates have the same name");
  }
}

/** One provider of what was chosen. */
function compose(
  choices: ReadonlyMap<SuitePart | undefined, { readonly found: NonNullable<Chosen["found"]> }>,
  suites: readonly number[],
): CryptoProvider {
  const whole = choices.get(undefined)!.found.provider;
  if (choices.size === 1) return whole;
  const suiteOf = (part: SuitePart, id: number): CipherSuiteProvider =>
    (choices.get(part)?.found.provider ?? whole).suite(id);
  const name = [...choices].map(([part, { found }]) =>
    part ? `${part} by ${found.provider.name}` : whole.name,
  );
  return defineProvider(
    name.join(", "),
    suites.map((id) => {
      const { hash, kdf } = suiteOf("hash", id);
      const { aead } = suiteOf("aead", id);
      const { hpke } = suiteOf("hpke", id);
      const { signature } = suiteOf("signature", id);
      return composeSuite({ ...whole.suite(id), hash, kdf, aead, hpke, signature });
    }),
  );
}
