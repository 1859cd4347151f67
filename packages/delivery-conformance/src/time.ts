// How long a check may take, and how long it waits for a service to have come to rest.
import type { Calls } from "./calls.js";
import { DeliveryConformanceError } from "./tools.js";

/** The timers of all platforms, if it has them. */
interface Timers {
  setTimeout?(work: () => void, milliseconds: number): unknown;
  clearTimeout?(timer: unknown): void;
}

/** A check has taken too long. */
export class TimedOut extends DeliveryConformanceError {
  /** The call that hasn't answered, if that is why. */
  readonly hangs: string | undefined;

  constructor(detail: string, hangs: string | undefined) {
    super(detail);
    this.hangs = hangs;
  }
}

/** @param limit in milliseconds @throws TimedOut, which says what hasn't answered */
export async function inTime(calls: Calls, limit: number, work: Promise<unknown>): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis as Timers;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    const end = () => {
      const { detail, hangs, since } = calls.pending();
      // Else the service is slow, or the machine.
      const isHanging = since > limit / 2;
      reject(
        new TimedOut(`${detail}. The timeLimit is ${limit / 1000} seconds`, isHanging ? hangs : undefined),
      );
    };
    timer = setTimeout?.(end, limit);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout?.(timer);
  }
}

/** In milliseconds. */
const REST = 30;

/**
 * Gives what was asked for the time to reach the service, which finds that there is nothing: then it waits, and only what wakes it
 * brings the answer.
 */
export async function itWaits(): Promise<void> {
  const { setTimeout } = globalThis as Timers;
  if (setTimeout !== undefined) await new Promise<void>((resolve) => setTimeout(resolve, REST));
  else for (let turns = 0; turns < 1000; turns++) await undefined;
}
