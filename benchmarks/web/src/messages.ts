// What the page and its worker say to each other.
import type { Verdict } from "@copse/provider-select";
import type { Primitives } from "../../src/primitive-prices.js";
import type { Result, Tree } from "../../src/samples.js";

export const PROVIDERS = ["webcrypto", "libsodium", "noble"] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export const EFFORTS = ["glance", "quick", "thorough"] as const;
export type EffortName = (typeof EFFORTS)[number];

/** What is to be measured. */
export interface Wish {
  readonly suites: readonly number[];
  readonly providers: readonly ProviderName[];
  readonly sizes: readonly number[];
  readonly trees: readonly Tree[];
  readonly effort: EffortName;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface Served {
  readonly provider: ProviderName;
  readonly suites: readonly number[];
  /** Why it can't be loaded, if it can't. */
  readonly problem?: string;
}

/** What a browser and its cryptography can do. */
export interface Platform {
  readonly facts: readonly Fact[];
  readonly served: readonly Served[];
}

/** What `selectProvider` says of one suite. */
export interface Choice {
  readonly suite: number;
  readonly fastest: string | undefined;
  readonly nonExtractable: string | undefined;
  readonly verdicts: readonly Verdict[];
}

export type ToWorker = { readonly kind: "look" } | { readonly kind: "run"; readonly wish: Wish };

export type FromWorker =
  | { readonly kind: "platform"; readonly platform: Platform }
  | { readonly kind: "progress"; readonly text: string; readonly done: number; readonly of: number }
  | {
      readonly kind: "results";
      readonly results: readonly Result[];
      readonly primitives: readonly Primitives[];
    }
  | { readonly kind: "choice"; readonly choice: Choice }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };
