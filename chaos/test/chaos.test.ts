// RFC 9750 §5: clients that are killed, dishonest members, and a bad network. `npm run test:chaos` plays much more.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundle } from "../bundle.mjs";

let program: string;
beforeAll(async () => {
  program = await bundle(`test-${process.pid}`);
});
afterAll(() => rmSync(program));

const SMALL = "--service memory --clients 8 --groups 2 --killed 2 --seconds 20".split(" ");

function play(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...SMALL, ...options], {
    encoding: "utf8",
  });
  return { status, said: `${stdout}${stderr}` };
}

it("a short run: all agree, and all is delivered to everybody, once and in order", () => {
  const { status, said } = play("--messages", "500", "--dishonest", "1", "--seed", "1");
  expect(said).toContain("memory: HOLDS");
  expect(status).toBe(0);
});

it.each([
  ["the service loses a message", "BROKEN: delivered to all"],
  ["an older state is restored", "BROKEN: "],
])("with a planted fault, that %s, it is broken", (fault, broken) => {
  const { status, said } = play("--messages", "400", "--dishonest", "0", "--seed", "2", "--fault", fault);
  expect(said).toContain(broken);
  expect(status).toBe(1);
});
