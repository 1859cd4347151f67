// RFC 9420: hundreds of clients in a world that is the same for the same seed: `npm run simulate` plays longer courses.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PLANTED } from "../../simulation/planted.mjs";
import { FAULTS } from "../../simulation/src/faults.js";
import { replay, simulate } from "../../simulation/src/run.js";
import { Shrinker } from "../../simulation/src/shrink.js";
import { readStep, writeStep } from "../../simulation/src/step.js";

/** A small world, where much happens in a few steps. */
const small = (seed: number, fault?: string) => ({ seed, devices: 12, rooms: 2, fault });

describe("a course", () => {
  it("is the same for the same seed, and another one for another", async () => {
    const courses = [];
    for (const seed of [7, 7, 8]) courses.push(await simulate(small(seed), 200));
    const [one, again, other] = courses.map(({ world, steps }) => ({ steps, trace: world.trace }));
    expect(courses.map(({ broken }) => broken)).toEqual([undefined, undefined, undefined]);
    expect(again).toEqual(one);
    expect(other?.trace).not.toBe(one?.trace);
  });

  it("can be written down, and played again to the same end", async () => {
    const { steps, world } = await simulate(small(9), 200);
    const again = await replay(small(9), steps.map(writeStep).map(readStep));
    expect(again.broken).toBeUndefined();
    expect(again.world.trace).toBe(world.trace);
    expect(() => readStep("12 jump 3")).toThrow('expected a step, got "12 jump 3"');
  });

  it("keeps all invariants, whichever of its steps are left out", async () => {
    const { steps } = await simulate(small(10), 200);
    for (const part of [2, 3]) {
      const some = steps.filter((_, i) => i % part !== 0);
      expect((await replay(small(10), some)).broken).toBeUndefined();
    }
  });
});

it("plays rooms without order, whose members go over to other branches and come to one", async () => {
  const { broken, world } = await simulate(small(13), 500);
  expect(broken).toBeUndefined();
  for (const what of [
    "branches left",
    "agreed",
    "settled without order",
    "peeked without order: application",
  ])
    expect(world.tally.get(what), what).toBeGreaterThan(0);
});

describe("with a planted fault", () => {
  it.each([
    ["compares no versions", 2],
    ["keeps key packages", 3],
  ])("that %s an invariant breaks, and the course is made short", async (fault, seed) => {
    const options = small(seed, fault);
    const course = await simulate(options, 3000);
    const { broken } = course;
    if (broken === undefined) throw new Error("expected an invariant to break");
    const shortest = await new Shrinker(options, broken, (replays) => replays >= 30).shrink(course);
    expect(shortest.length).toBeLessThan(course.steps.length / 2);
    expect((await replay(options, shortest)).broken?.invariant).toBe(broken.invariant);
  });

  it("npm run simulate -- --planted knows all faults", () => {
    const own = Object.keys(PLANTED).filter((name) => PLANTED[name] === undefined);
    expect(own).toEqual(Object.keys(FAULTS));
    for (const fault of Object.values(PLANTED)) {
      if (fault === undefined) continue;
      const source = readFileSync(new URL(`../../packages/${fault.file}`, import.meta.url), "utf8");
      expect(source).toContain(fault.from);
    }
  });
});
