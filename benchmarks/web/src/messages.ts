// What the page and its workers say to each other.
import type { Verdict } from "@copse/provider-select";
import type { Primitives } from "../../src/primitive-prices.js";
import { OPENMLS } from "../../src/references.js";
import type { Result, Tree } from "../../src/samples.js";

/** Our providers for browsers. */
export const OURS = ["webcrypto", "libsodium", "noble"] as const;
export type OurName = (typeof OURS)[number];

/** What can be measured without a module of the visitor's own. */
export const BUILT_IN: readonly string[] = [...OURS, OPENMLS];

export const EFFORTS = ["glance", "quick", "thorough"] as const;
export type EffortName = (typeof EFFORTS)[number];

/** What is to be measured. */
export interface Wish {
  readonly suites: readonly number[];
  readonly providers: readonly string[];
  readonly sizes: readonly number[];
  readonly trees: readonly Tree[];
  readonly effort: EffortName;
}

/** An ES module of the visitor's own. */
export interface OwnModule {
  readonly url: string;
  /** The name of its file, or its address. */
  readonly label: string;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** What it takes to have a provider, in a worker that has nothing else. */
export interface Loading {
  /** Until it can be asked: fetched, compiled and made. */
  readonly milliseconds: number;
  /** Of all that is fetched; `undefined` where the browser doesn't tell. */
  readonly bytes?: number;
  readonly gzipped?: number;
}

export interface Served {
  readonly provider: string;
  readonly suites: readonly number[];
  /** Why it can't be loaded, if it can't. */
  readonly problem?: string;
  readonly loading?: Loading;
  readonly module?: OwnModule;
}

/** What a browser and its cryptography can do. */
export interface Platform {
  readonly facts: readonly Fact[];
  /** What of it makes figures worse, or missing. */
  readonly warnings: readonly string[];
}

/** What `selectProvider` says of one suite. */
export interface Choice {
  readonly suite: number;
  readonly fastest: string | undefined;
  readonly nonExtractable: string | undefined;
  readonly verdicts: readonly Verdict[];
}

/** By the name of the provider. */
export type OwnModules = Readonly<Record<string, OwnModule>>;

export type ToWorker =
  | { readonly kind: "look" }
  | { readonly kind: "run"; readonly wish: Wish; readonly modules: OwnModules };

/** To a worker that loads one provider, answers with a {@link Served}, and is ended. */
export type ToProbe = { readonly name: string } | { readonly module: OwnModule };

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
