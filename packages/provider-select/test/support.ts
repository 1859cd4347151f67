// Candidates for the choice, by node:crypto, of which parts are replaced.
import { type CipherSuiteProvider, MlsError } from "@copse/core/provider";
import { defineProvider } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { type ProviderCandidate, type SelectionOptions, selectProvider } from "@copse/provider-select";

/** Suite 1 by node:crypto. */
export const inner = nodeProvider().suite(1);
/** A candidate by node:crypto, of which parts of suite 1 are replaced. */
export function candidate(name: string, more: Partial<ProviderCandidate & CipherSuiteProvider> = {}) {
  const { native, hardware, bytes, load, ...parts } = more;
  const made = {
    loads: 0,
    name,
    ...(native !== undefined && { native }),
    ...(hardware !== undefined && { hardware }),
    ...(bytes !== undefined && { bytes }),
    load() {
      made.loads++;
      return load?.() ?? defineProvider(name, [{ ...inner, ...parts }]);
    },
  };
  return made;
}

export const choose = (...[candidates, policy, more]: Choice) =>
  selectProvider({ suites: [1], candidates, ...(policy && { policy }), ...more });
export type Choice = [readonly ProviderCandidate[], SelectionOptions["policy"]?, Partial<SelectionOptions>?];
export const outcomes = async (...choice: Choice) =>
  (await choose(...choice)).verdicts.map(({ outcome, refusal }) => refusal?.code ?? outcome);

/** Key management that gives nothing away. */
const refuse = (): never => {
  throw new MlsError("key-not-extractable", "stays inside");
};
export const closed = {
  hpke: { ...inner.hpke, exportPrivateKey: refuse },
  signature: { ...inner.signature, exportPrivateKey: refuse },
};
