// How long a check waits for a service to have come to rest.

/** The timers of all platforms, if it has them. */
interface Timers {
  setTimeout?(work: () => void, milliseconds: number): unknown;
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
