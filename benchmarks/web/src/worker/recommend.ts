// RFC 9420 §5.1: what selectProvider recommends here.
import {
  NoProviderError,
  type ProviderCandidate,
  type SelectionPolicy,
  selectProvider,
  type Verdict,
} from "@copse/provider-select";
import type { Choice } from "../messages.js";

export async function recommend(suite: number, candidates: readonly ProviderCandidate[]): Promise<Choice> {
  const fastest = await select(suite, candidates, "fastest");
  const nonExtractable = await select(suite, candidates, "non-extractable");
  return {
    suite,
    fastest: fastest.name,
    nonExtractable: nonExtractable.name,
    verdicts: fastest.verdicts,
  };
}

async function select(
  suite: number,
  candidates: readonly ProviderCandidate[],
  policy: SelectionPolicy,
): Promise<{ readonly name: string | undefined; readonly verdicts: readonly Verdict[] }> {
  try {
    const { candidate, verdicts } = await selectProvider({ suites: [suite], candidates, policy });
    return { name: candidate, verdicts };
  } catch (error) {
    if (!(error instanceof NoProviderError)) throw error;
    return { name: undefined, verdicts: error.verdicts };
  }
}
