// RFC 9420 §5.1: what a choice is made by.
import { type Awaitable, type CryptoProvider, MlsError } from "@copse/core/provider";
import type { ProviderCandidate, Refusal } from "./candidate.js";

/**
 * A policy of the application's own.
 * @example
 * const approved: OwnPolicy = {
 *   name: "approved",
 *   refuses: ({ name }) => (APPROVED.includes(name) ? undefined : "it isn't on the list"),
 * };
 */
export interface OwnPolicy {
  /** For people, in the explanation. */
  readonly name: string;
  /**
   * Why a candidate that works may not be chosen, in words; `undefined` if it may. Asked once it is loaded and tried. If
   * it throws, the candidate is refused.
   */
  refuses(candidate: ProviderCandidate, provider: CryptoProvider): Awaitable<string | undefined>;
}

const NAMED = ["native-only", "non-extractable", "signature-key-in-hardware", "smallest", "fastest"] as const;

/**
 * What the choice is made by.
 *
 * - `native-only`: only candidates that declare to be native code
 * - `non-extractable`: only candidates that don't export private keys, which is tried
 * - `signature-key-in-hardware`: only candidates that declare it, and don't export signature keys, which is tried
 * - `smallest`: of those that work, the one with the smallest declared size; larger ones aren't loaded
 * - `fastest`: of those that work, the fastest in a short measurement
 * - one of the application's own
 */
export type SelectionPolicy = (typeof NAMED)[number] | OwnPolicy;

/** Policies, checked. */
export interface Policies {
  readonly named: ReadonlySet<(typeof NAMED)[number]>;
  readonly own: readonly OwnPolicy[];
}

/** @throws MlsError `usage` for one that doesn't exist, or two that exclude each other */
export function readPolicies(policy: SelectionPolicy | readonly SelectionPolicy[] = []): Policies {
  const named = new Set<(typeof NAMED)[number]>();
  const own: OwnPolicy[] = [];
  for (const one of Array.isArray(policy)
    ? (policy as readonly SelectionPolicy[])
    : [policy as SelectionPolicy]) {
    if (typeof one === "object" && typeof one?.refuses === "function") own.push(one);
    else if (NAMED.includes(one as (typeof NAMED)[number])) named.add(one as (typeof NAMED)[number]);
    else
      throw new MlsError(
        "usage",
        `unknown policy "${String(one)}": expected ${NAMED.join(", ")}, or one of your own`,
      );
  }
  if (named.has("smallest") && named.has("fastest")) {
    throw new MlsError("usage", 'the policies "smallest" and "fastest" exclude each other');
  }
  return { named, own };
}

/** The policies in words, for people. */
export const policyNames = ({ named, own }: Policies): string =>
  [...named, ...own.map(({ name }) => name)].join(", ") || "first that works";

/** The reason to refuse a candidate without loading it, if there is one. */
export function refusalByFacts(
  { native, bytes, hardware }: ProviderCandidate,
  { named }: Policies,
  suites: readonly number[],
): Refusal | undefined {
  const isNative = typeof native === "object" ? suites.every((id) => native.includes(id)) : native === true;
  if (named.has("native-only") && !isNative) {
    return { code: "not-native", detail: "it doesn't declare to be native" };
  }
  if (named.has("signature-key-in-hardware") && hardware !== true) {
    return { code: "not-in-hardware", detail: "it doesn't declare to keep signature keys in hardware" };
  }
  if (named.has("smallest") && bytes === undefined) {
    return { code: "size-unknown", detail: "it doesn't declare its size" };
  }
  return undefined;
}
