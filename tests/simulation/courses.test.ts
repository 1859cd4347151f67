// Courses that broke an invariant once, as the simulation has shortened them.
import { expect, it } from "vitest";
import { replay } from "../../simulation/src/run.js";
import { readStep } from "../../simulation/src/step.js";

const WORLD = { devices: 200, rooms: 40 };

it.each([
  {
    title: "an opener that notices a join of the other one leaves the new group's keys in the key store",
    seed: 12,
    course: `
      37 offer 159
      54 create 35
      249 commit 35 room=54 add=37,26
      568 open 159
      668 submit 35 room=54
      684 deliver 159 room=54 letter=668.1`,
  },
])("$title", async ({ seed, course }) => {
  const steps = course.trim().split("\n").map(readStep);
  const { broken, steps: taken } = await replay({ seed, ...WORLD }, steps);
  expect(broken).toBeUndefined();
  expect(taken).toHaveLength(steps.length);
});
