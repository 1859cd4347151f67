// RFC 9420 §5.1: what selectProvider recommends here.
import { NoProviderError, type SelectionPolicy, selectProvider, type Verdict } from "@copse/provider-select";
import type { Choice } from "../messages.js";
import { candidates } from "./providers.js";

export async function recommend(suite: number): Promise<Choice> {
  const fastest = await select(suite, "fastest");
  const nonExtractable = await select(suite, "non-extractable");
  return {
    suite,
    fastest: fastest.name,
    nonExtractable: nonExtractable.name,
    verdicts: fastest.verdicts,
  };
}

async function select(
  suite: number,
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
