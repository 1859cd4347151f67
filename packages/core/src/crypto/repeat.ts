// Loops whose steps end at once or later.
import { type Awaitable, isPromise } from "../provider/index.js";

/** Calls `step` as long as it returns `true`. Waits for a step only if it returns a promise. */
export function repeat(step: () => Awaitable<boolean>): Awaitable<void> {
  for (;;) {
    const more = step();
    if (isPromise(more)) return more.then((again) => (again ? repeat(step) : undefined));
    if (!more) return;
  }
}
