// The fuzzer: makes inputs, keeps those that lead to something new, and reports what must not happen.
import { attempt, tryOut } from "./bounds.js";
import type { Coverage } from "./coverage.js";
import { Mutator, type Random } from "./mutate.js";
import { applySteps, type Recipe } from "./steps.js";
import type { Outcome, Target } from "./target.js";

/** Something that is wrong, with the input that shows it. */
export interface Find {
  readonly target: string;
  readonly problem: string;
  readonly recipe: Recipe;
}

/** So many inputs between two looks at the coverage, which take a few milliseconds each. */
const BATCH = 24;
/** Inputs that take longer than this, in milliseconds, are seldom changed further. */
const SLOW = 20;
/** The inputs of one target. */
export class Fuzzer {
  readonly target: Target;
  inputs = 0;
  accepted = 0;
  readonly finds = new Map<string, Find>();
  readonly #coverage: Coverage;
  readonly #random: Random;
  readonly #mutator: Mutator;
  readonly #corpus: Recipe[] = [];
  readonly #slow = new WeakSet<Recipe>();
  readonly #features = new Set<string>();

  readonly #begin: (recipe: Recipe) => void;

  /** @param begin is called before each input */
  constructor(
    target: Target,
    coverage: Coverage,
    foreign: readonly unknown[],
    random: Random,
    begin: (recipe: Recipe) => void = () => {},
  ) {
    this.#begin = begin;
    this.target = target;
    this.#coverage = coverage;
    this.#random = random;
    this.#mutator = new Mutator(target.plans, foreign, random);
  }

  get corpusSize(): number {
    return this.#corpus.length;
  }

  /** How many different outcomes there were. */
  get outcomes(): number {
    return this.#features.size;
  }

  /** Tries the plans as they are. Each begins the corpus, whatever it leads to. */
  async begin(): Promise<void> {
    const recipes = Array.from(this.target.plans.keys(), (plan) => ({ plan, steps: [], bytes: [] }));
    for (const recipe of recipes) {
      const outcome = await this.#try(recipe);
      if (outcome !== undefined) this.#isNew(outcome);
    }
    this.#coverage.keep(this.#coverage.take());
    this.#corpus.push(...recipes);
  }

  /** Tries inputs until the time is over. @param until as `performance.now()` counts */
  async run(until: number): Promise<void> {
    do {
      const recipes = Array.from({ length: BATCH }, () => this.#next());
      await this.#batch(recipes);
    } while (performance.now() < until);
  }

  #next(): Recipe {
    const random = this.#random;
    const { length } = this.#corpus;
    // The newest lead further, more often than not.
    const index = random(3) === 0 ? length - 1 - random(Math.min(length, 40)) : random(length);
    const known = this.#corpus[index] as Recipe;
    if (this.#slow.has(known) && random(16) > 0) return this.#next();
    return this.#mutator.next(known, this.#corpus[random(length)] as Recipe);
  }

  async #batch(recipes: readonly Recipe[]): Promise<void> {
    const isKept = new Set<Recipe>();
    let isFine = true;
    for (const recipe of recipes) {
      const outcome = await this.#try(recipe);
      if (outcome === undefined) continue;
      if (outcome.problem !== undefined) isFine = false;
      if (outcome.milliseconds > SLOW) this.#slow.add(recipe);
      if (this.#isNew(outcome)) isKept.add(recipe);
    }
    const unsettled = isFine ? await this.target.settle?.() : undefined;
    if (unsettled !== undefined) for (const recipe of recipes) await this.#alone(recipe);
    const news = this.#coverage.take();
    if (news.size > 0) {
      // Most often it was an input with a new outcome; else each is tried again to find out which.
      if (isKept.size === 0)
        for (const recipe of recipes) if (await this.#isCause(recipe)) isKept.add(recipe);
      await this.target.settle?.();
      // What doesn't run again, such as the filling of a cache, is no reason to keep an input.
      this.#coverage.keep(news);
    }
    this.#corpus.push(...isKept);
  }

  async #try(recipe: Recipe): Promise<Outcome | undefined> {
    this.#begin(recipe);
    const outcome = await attempt(this.target, recipe);
    this.inputs++;
    if (outcome?.feature.startsWith("accepted")) this.accepted++;
    if (outcome?.problem !== undefined) this.#found(outcome.problem, recipe);
    return outcome;
  }

  /** Looks for the one of a batch that changed the state. */
  async #alone(recipe: Recipe): Promise<void> {
    this.#begin(recipe);
    const outcome = await tryOut(this.target, recipe);
    if (outcome?.problem !== undefined) this.#found(outcome.problem, recipe);
  }

  /** Whether an input runs what wasn't run before. */
  async #isCause(recipe: Recipe): Promise<boolean> {
    await this.target.run(applySteps(this.target.plans, recipe), recipe.bytes);
    const news = this.#coverage.take();
    this.#coverage.keep(news);
    return news.size > 0;
  }

  /** Whether an input has a new outcome, or takes longer than any before with this outcome. */
  #isNew({ feature, milliseconds }: Outcome): boolean {
    const before = this.#features.size;
    this.#features.add(milliseconds < 8 ? feature : `${feature}, ${Math.floor(Math.log2(milliseconds))}`);
    return this.#features.size > before;
  }

  #found(problem: string, recipe: Recipe): void {
    if (!this.finds.has(problem)) this.finds.set(problem, { target: this.target.name, problem, recipe });
  }
}
