// The session over a delivery service, `npm start -- --delivery`: with each service, and with each storage.
import { HAS_NATS } from "@copse/test-support/nats";
import { afterEach, describe, expect, test, vi } from "vitest";
import { main } from "../src/main.js";

async function run(args: readonly string[]) {
  let [out, err] = ["", ""];
  const code = await main(args, {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    colour: false,
  });
  return { code, out, err };
}

afterEach(() => void vi.unstubAllEnvs());

test("without nats-server on the path, it says how to get it, and how it is used", async () => {
  vi.stubEnv("PATH", "/nowhere");
  const { code, out, err } = await run(["--delivery", "nats"]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(
    /^nats-server isn't here: install it \(Debian: apt-get install nats-server\)\n\nUsage: npm start/,
  );
});

describe("a conversation", () => {
  const stacks: [string, string, string, string][] = [
    ["memory", "memory", "in memory", "in memory"],
    ["http", "sqlite", "HTTP and WebSocket, with SQLite", "SQLite, a database for each client"],
  ];
  if (HAS_NATS) stacks.push(["nats", "memory", "NATS JetStream", "in memory"]);

  test.each(stacks)(
    "over %s, with state in %s, ends with members that agree",
    async (delivery, storage, service, place) => {
      const args = ["--suite=1", "--members=3", `--delivery=${delivery}`, `--storage=${storage}`];
      const { code, out, err } = await run(args);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain(`delivery  ${service}\n  storage   ${place}\n`);
      for (const step of [
        /alice starts "Birds" with bob and carol: commit +[\d,]+ +[\d.,]+\n/,
        /bob compares \d{5} \d{5} \d{5} ... with alice, and\n? +accepts +[\d.,]+\n/,
        /carol: "Hello, alice." +[\d.,]+\n +alice and bob read it +[\d.,]+\n/,
        /carol's process ends\n/,
        /carol opens what the storage has, and catches up +[\d.,]+\n/,
        /alice, bob and carol enter epoch 4 +[\d.,]+\n/,
        /carol leaves, and one of the others commits it +[\d,]+ +[\d.,]+\n/,
        /group's number +(\d{5} ){4}\.\.\. +ok\n +members +alice, bob +ok\n/,
      ]) {
        expect(out).toMatch(step);
      }
      expect(out).toMatch(/\nAll members agree, in suite 1\.\n$/);
      expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
    },
  );

  test.each([
    [["--delivery", "post"], '--delivery: there is no "post"; choose from memory, http, nats'],
    [["--storage", "paper"], '--storage: there is no "paper"; choose from memory, sqlite'],
  ])("%j is a bad choice", async (args, message) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
  });
});
