// The worst inputs known for each entry point, as data. A new one is one more entry.
import { decodeCases } from "./decode-cases.js";
import { joinCases } from "./join-cases.js";
import type { Attempt } from "./measure.js";
import { memberCases } from "./member-cases.js";
import { receiveCases } from "./receive-cases.js";
import type { Hostile } from "./verdict.js";

export interface HostileCase extends Hostile {
  /** The size to measure, in bytes, about; half of it is measured too. At most the default limit. */
  readonly size: number;
  /** Makes an input of about this size. It is made once for each run, outside of the measured time. */
  make(size: number): Promise<Attempt>;
}

export const hostileCases: readonly HostileCase[] = [
  ...decodeCases,
  ...receiveCases,
  ...memberCases,
  ...joinCases,
];
