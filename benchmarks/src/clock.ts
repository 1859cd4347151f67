// By what time is told here: that on the wall, or that which this process had a processor for.

/** `wall` is what a user waits. `cpu` counts what all threads of the process work: for machines that are busy. */
export type Clock = "wall" | "cpu";

const CLOCKS: Readonly<Record<Clock, () => number>> = {
  wall: () => performance.now(),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

let clock = CLOCKS.wall;

/** For everything that is measured in this process. */
export function useClock(name: Clock): void {
  clock = CLOCKS[name];
}

/** Milliseconds from any fixed point. */
export const now = (): number => clock();
