// As little as can be measured: that there are numbers, not how large they are.
import type { Effort } from "../src/stopwatch.js";

export const TINY: Effort = {
  primitive: 0.5,
  warmUp: 0,
  warmUpAgain: 0,
  repetition: 0,
  few: 1,
  large: 1,
  turns: 1,
  recordedOf: 4,
  warmUpMembers: 3,
};
