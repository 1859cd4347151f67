// How long one call of something short takes.
import type { Awaitable } from "@copse/core";
import { isPromise } from "@copse/core/provider";
import { now } from "./clock.js";
import { median } from "./samples.js";

/** Many and short, so that most of them aren't interrupted on a busy machine. */
const BATCHES = 25;
const FEW_BATCHES = 3;
/** Until then engines interpret, and compile. */
const WARM_UP_CALLS = 500;
const WARM_UP_MILLISECONDS = 5;

/**
 * Milliseconds for one call: the median of a few batches, each of as many calls as fit its share of the time.
 * @param milliseconds how long to measure in all, roughly
 */
export async function pace(call: () => Awaitable<unknown>, milliseconds: number): Promise<number> {
  const start = now();
  let warmedUp = 0;
  while (warmedUp < 2 || (warmedUp < WARM_UP_CALLS && now() - start < WARM_UP_MILLISECONDS)) {
    const answer = call();
    if (isPromise(answer)) await answer;
    warmedUp++;
  }
  const one = Math.max((now() - start) / warmedUp, 1e-4);
  const calls = Math.max(1, Math.round(milliseconds / BATCHES / one));
  const means: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const from = now();
    if (batch >= FEW_BATCHES && from - start > 5 * milliseconds) break;
    for (let i = 0; i < calls; i++) {
      const answer = call();
      if (isPromise(answer)) await answer;
    }
    means.push((now() - from) / calls);
  }
  return median(means);
}

/**
 * Milliseconds for one call, each with an input that was in no call before, so that nothing of it is in any cache:
 * the median of the rounds' means, in which the collection of what the calls leave behind has its share.
 */
export async function paceOnce<T>(
  rounds: readonly (readonly T[])[],
  call: (input: T) => Awaitable<unknown>,
): Promise<number> {
  const means: number[] = [];
  for (const inputs of rounds) {
    const start = now();
    for (const input of inputs) {
      const answer = call(input);
      if (isPromise(answer)) await answer;
    }
    means.push((now() - start) / inputs.length);
  }
  return median(means);
}
