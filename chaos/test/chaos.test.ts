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

const SMALL = "--service memory --clients 6 --groups 2 --killed 1 --seconds 20".split(" ");

it("without nats-server on the path, says how to get it before anything is begun", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
    encoding: "utf8",
    env: { PATH: "/nowhere" },
  });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^nats-server isn't here: install it \(Debian: .*\)\n\nusage: npm run test:chaos/);
});

function play(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...SMALL, ...options], {
    encoding: "utf8",
  });
  return { status, said: `${stdout}${stderr}` };
}

it("a short run: all agree, and all is delivered to everybody, once and in order", () => {
  const { status, said } = play("--messages", "300", "--dishonest", "1", "--seed", "1");
  expect(said).toContain("memory: HOLDS");
  expect(status).toBe(0);
});

it("with a service that loses a message it is broken", () => {
  const fault = ["--fault", "the service loses a message", "--patience", "2"];
  const { status, said } = play("--messages", "150", "--dishonest", "0", "--seed", "2", ...fault);
  expect(said).toContain("BROKEN: delivered to all");
  expect(status).toBe(1);
});
