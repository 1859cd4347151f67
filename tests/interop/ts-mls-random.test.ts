// RFC 9420: groups of members by Copse and by ts-mls, mixed, that do what seeds say.
import { describe, expect, it } from "vitest";
import { Cast, SUITES, serving } from "./cast.js";
import { randomly } from "./random.js";

const ROUNDS = 12;

describe.each(SUITES)("random groups in suite %i, ours on all providers", (suite) => {
  const done = new Set<string>();

  it.each([
    { ours: "private", theirs: "private", seeds: [1, 2] },
    { ours: "public", theirs: "public", seeds: [3, 4] },
    { ours: "private", theirs: "public", seeds: [5, 6] },
    { ours: "public", theirs: "private", seeds: [7, 8] },
  ] as const)("handshakes: ours $ours, theirs $theirs", async ({ ours, theirs, seeds }) => {
    for (const seed of seeds) {
      const cast = new Cast(serving(suite), { suite, handshake: ours, treeInWelcome: true }, theirs);
      const room = await randomly(seed, ROUNDS, (kind, treeInWelcome) => cast.one(kind, { treeInWelcome }));
      expect(room.tally.epochs).toBeGreaterThanOrEqual(ROUNDS);
      for (const what of room.tally.done.keys()) done.add(what);
    }
  });

  it("everything that can happen did, on both sides", () => {
    for (const one of ["copse", "ts-mls"]) {
      expect(done).toContain(`${one} commits`);
      for (const what of ["add", "remove", "update"]) expect(done).toContain(`${one} proposes ${what}`);
      for (const other of ["copse", "ts-mls"]) {
        expect(done).toContain(`${one} joins by ${other}`);
        expect(done).toContain(`${one} removed by ${other}`);
      }
    }
  });
});
