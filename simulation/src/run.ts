// A course of steps, made from a seed or played again.
import type { Scene } from "./actions/action.js";
import { ACTIONS } from "./actions/index.js";
import { finish } from "./actions/life.js";
import { Broken } from "./broken.js";
import { choose } from "./choose.js";
import { Numbers } from "./numbers.js";
import type { Step } from "./step.js";
import { World, type WorldOptions } from "./world.js";

/** What came of a course. */
export interface Course {
  readonly world: World;
  /** Those that did something, up to the one after which an invariant didn't hold. */
  readonly steps: readonly Step[];
  readonly broken: Broken | undefined;
}

/** Takes a step. @returns whether it did something */
async function take(world: World, step: Step): Promise<boolean> {
  const device = await world.device(step.by);
  const numbers = world.begin(step);
  const tab = device.choose(numbers);
  world.at = { device, room: roomOf(world, step) };
  const didSomething = await ACTIONS[step.kind]({ world, device, step, numbers, tab });
  world.count(didSomething ? step.kind : "nothing");
  if (didSomething && step.fate !== undefined) world.count(`fate: ${step.fate}`);
  return didSomething;
}

function roomOf({ rooms, forked }: World, { kind, n, room }: Step): { readonly n: number } | undefined {
  const name = kind === "create" || kind === "found" ? n : (room ?? -1);
  return rooms.get(name) ?? forked.get(name);
}

async function end(world: World, n: number): Promise<void> {
  const step: Step = { n, kind: "settle", by: 0 };
  const device = await world.device(0);
  const scene: Scene = { world, device, step, numbers: world.begin(step), tab: 0 };
  await finish(world, scene);
}

/** What an invariant that doesn't hold threw. What else is thrown is one too: nothing may fail so. */
function brokenOf(error: unknown): Broken {
  if (error instanceof Broken) return error;
  const { name, message } = error as Error;
  return new Broken(`nothing throws ${name}`, message, { cause: error });
}

/** Makes a course. @param each is called after each step */
export async function simulate(
  options: WorldOptions,
  count: number,
  each: (n: number, world: World) => void = () => undefined,
): Promise<Course> {
  const world = await World.create(options);
  const steps: Step[] = [];
  try {
    for (let n = 0; n < count; n++) {
      const step = choose(world, n, new Numbers(options.seed, n, 2));
      steps.push(step);
      if (!(await take(world, step))) steps.pop();
      each(n, world);
    }
    await end(world, count);
  } catch (error) {
    return { world, steps, broken: brokenOf(error) };
  }
  return { world, steps, broken: undefined };
}

/** Plays a course again, or a part of it. */
export async function replay(options: WorldOptions, steps: readonly Step[]): Promise<Course> {
  const world = await World.create(options);
  const taken: Step[] = [];
  try {
    for (const step of steps) {
      taken.push(step);
      if (!(await take(world, step))) taken.pop();
    }
    await end(world, (steps.at(-1)?.n ?? 0) + 1);
  } catch (error) {
    return { world, steps: taken, broken: brokenOf(error) };
  }
  return { world, steps: taken, broken: undefined };
}
