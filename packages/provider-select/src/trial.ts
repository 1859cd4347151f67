// RFC 9420 §5.1: loads a candidate, and uses it before it is chosen.
import type { Awaitable, CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import type { ProviderCandidate, Refusal } from "./candidate.js";
import type { Policies } from "./policy.js";
import { messageOf, probe, probeExtraction, type SuitePart, stepsOf } from "./probe.js";
import { LateError, within } from "./time-limit.js";

/** What is asked of a candidate. */
export interface Demand {
  readonly suites: readonly number[];
  /** Only this part of each suite. */
  readonly part: SuitePart | undefined;
  readonly policies: Policies;
  /** Milliseconds for all of it. */
  readonly timeLimit: number;
  /** Loads a candidate, once in the whole selection. */
  load(candidate: ProviderCandidate): Awaitable<CryptoProvider>;
}

/** A refusal, thrown within a trial. */
class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

/** Loads a candidate and uses each suite. Never throws. */
export async function tryCandidate(
  candidate: ProviderCandidate,
  demand: Demand,
): Promise<CryptoProvider | Refusal> {
  // Where the trial is, so that it can be told if there is no answer.
  let at: Pick<Refusal, "suite" | "step"> = {};
  try {
    return await within(demand.timeLimit, () => trial(candidate, demand, (now) => (at = now)));
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    const detail = messageOf(error);
    return error instanceof LateError ? { code: "late", ...at, detail } : { code: "load", detail };
  }
}

/** Not by a field of the refusal: a provider may have one of that name. */
export const isRefusal = (result: CryptoProvider | Refusal): result is Refusal =>
  typeof result.suite !== "function";

async function trial(
  candidate: ProviderCandidate,
  { suites, part, policies, load }: Demand,
  tell: (at: Pick<Refusal, "suite" | "step">) => void,
): Promise<CryptoProvider> {
  const provider = await load(candidate);
  for (const one of suites.map((suite) => serve(provider, suite))) {
    const { id: suite } = one.suite;
    for (const step of stepsOf(part)) {
      tell({ suite, step });
      try {
        await probe(one, step);
      } catch (error) {
        throw new Refused({ code: "broken", suite, step, detail: messageOf(error) });
      }
    }
    tell({ suite });
    const given = await extraction(one, part, policies);
    if (given !== undefined) throw new Refused({ code: "extractable", suite, detail: given });
  }
  tell({});
  for (const own of policies.own) {
    const detail = await reason(() => own.refuses(candidate, provider));
    if (detail !== undefined) throw new Refused({ code: "policy", detail: `${own.name}: ${detail}` });
  }
  return provider;
}

function serve(provider: CryptoProvider, suite: number): CipherSuiteProvider {
  let served: CipherSuiteProvider;
  try {
    served = provider.suite(suite);
  } catch (error) {
    throw new Refused({ code: "suite-missing", suite, detail: messageOf(error) });
  }
  const id: unknown = served?.suite?.id;
  if (id === suite) return served;
  throw new Refused({
    code: "broken",
    suite,
    detail: `asked for the suite, it gives another: ${String(id)}`,
  });
}

async function extraction(suite: CipherSuiteProvider, part: SuitePart | undefined, { named }: Policies) {
  if (named.has("non-extractable")) return probeExtraction(suite, part);
  return named.has("signature-key-in-hardware") ? probeExtraction(suite, "signature") : undefined;
}

async function reason(ask: () => unknown): Promise<string | undefined> {
  try {
    const answer = await ask();
    return answer === undefined ? undefined : String(answer);
  } catch (error) {
    return messageOf(error);
  }
}
