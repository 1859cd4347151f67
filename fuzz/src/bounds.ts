// The bounds on time and memory of one input: absolute ones, and that time grows no faster than the input.
import { applySteps, type Recipe, type Step } from "./steps.js";
import type { Outcome, Target } from "./target.js";
import { limits } from "./verdict.js";

/** An input is too slow if it is so each time of so many: other programs and the garbage collector disturb. */
const REPEATS = 4;
/** Growth is measured so often: on a busy machine one measurement may mislead. */
const ROUNDS = 6;
/** From so many milliseconds on, and so many for each byte, an input that can be halved is compared with its half. */
const NOTICEABLE = 40;
const NOTICEABLE_PER_BYTE = 0.0002;
/** Twice the input may take so much longer. A list that is searched for each of its items takes four times as long. */
const GROWTH = 3;
/** Lists and byte strings that a step makes longer than this can be halved. */
const LONG = 512;

/** What an input leads to. */
export async function attempt(target: Target, recipe: Recipe): Promise<Outcome | undefined> {
  const first = await run(target, recipe);
  if (first === undefined || first.problem !== undefined) return first;
  const problem = (await overBound(target, recipe, first)) ?? (await growsFaster(target, recipe, first));
  return { ...first, problem };
}

/** The same, with a look at the state that it must have left as it was. */
export async function tryOut(target: Target, recipe: Recipe): Promise<Outcome | undefined> {
  const outcome = await attempt(target, recipe);
  return outcome && { ...outcome, problem: outcome.problem ?? (await target.settle?.()) };
}

function run(target: Target, recipe: Recipe): Promise<Outcome | undefined> {
  return target.run(applySteps(target.plans, recipe), recipe.bytes);
}

async function overBound(target: Target, recipe: Recipe, first: Outcome): Promise<string | undefined> {
  const bound = limits(first.size, target.millisecondsPerByte);
  const isOver = (one: Outcome) => one.milliseconds > bound.milliseconds || one.memory > bound.memory;
  if (!isOver(first)) return undefined;
  // Twice is enough for what is far beyond the bounds, and may take minutes.
  const repeats = first.milliseconds > 10 * bound.milliseconds ? 2 : REPEATS;
  const least = await leastOf(target, recipe, first, repeats, isOver);
  if (least.milliseconds > bound.milliseconds) return `too slow: ${first.feature}`;
  return least.memory > bound.memory ? `too much memory: ${first.feature}` : undefined;
}

async function growsFaster(target: Target, recipe: Recipe, first: Outcome): Promise<string | undefined> {
  const noticeable = Math.max(NOTICEABLE, NOTICEABLE_PER_BYTE * first.size);
  const half = first.milliseconds > noticeable ? halved(recipe) : undefined;
  const small = half && (await run(target, half));
  // Another outcome does other work.
  if (half === undefined || small?.feature !== first.feature) return undefined;
  const most = (GROWTH * first.size) / (2 * small.size);
  const isOver = (one: Outcome) =>
    one.milliseconds > noticeable && one.milliseconds > most * small.milliseconds;
  if (!isOver(first)) return undefined;
  let [little, much] = [small, first];
  // In turns, so that what disturbs for a while disturbs both.
  for (let round = 0; round < ROUNDS; round++) {
    little = await leastOf(target, half, little, REPEATS, () => true);
    much = await leastOf(target, recipe, much, REPEATS, isOver);
    if (much.milliseconds <= most * little.milliseconds) return undefined;
  }
  return `time grows faster than the input: ${first.feature}`;
}

/** The least that some runs took, until one is fine. */
async function leastOf(
  target: Target,
  recipe: Recipe,
  first: Outcome,
  repeats: number,
  isOver: (least: Outcome) => boolean,
): Promise<Outcome> {
  let least = first;
  for (let i = 1; i < repeats && isOver(least); i++) {
    globalThis.gc?.();
    const next = await run(target, recipe);
    if (next === undefined) return { ...least, milliseconds: 0, memory: 0 };
    const milliseconds = Math.min(least.milliseconds, next.milliseconds);
    least = { ...least, milliseconds, memory: Math.min(least.memory, next.memory) };
  }
  return least;
}

/** The same input with its longest part half as long; `undefined` if no step makes one long. */
function halved({ steps, ...rest }: Recipe): Recipe | undefined {
  let longest = -1;
  for (const [i, step] of steps.entries()) {
    if (lengthOf(step) > Math.max(LONG, lengthOf(steps[longest]))) longest = i;
  }
  if (longest < 0) return undefined;
  return { ...rest, steps: steps.map((step, i) => (i === longest ? halfOf(step) : step)) };
}

function lengthOf(step: Step | undefined): number {
  if (step?.edit === "size" || step?.edit === "many") return step.length;
  return step?.edit === "double" ? step.times : 0;
}

function halfOf(step: Step): Step {
  if (step.edit === "size" || step.edit === "many") return { ...step, length: step.length >> 1 };
  return step.edit === "double" ? { ...step, times: step.times >> 1 } : step;
}
