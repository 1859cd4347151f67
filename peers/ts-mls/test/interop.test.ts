// RFC 9420 §11, §12, §15: a server over ts-mls plays scripts of the working group's format with one of ours.
import {
  copseImplementation,
  libraryFile,
  meet,
  mlsClientService,
  PROVIDERS,
  Summary,
  serve,
  tour,
} from "@copse/interop";
import { expect, it } from "vitest";
import { tsMlsImplementation } from "../src/interop/implementation.js";

const FILES = [
  "application",
  "branch",
  "commit",
  "external_join",
  "external_proposals",
  "reinit",
  "welcome_join",
];

it.each([
  [1, "private", 52],
  [2, "public", 15],
  [3, "private", 15],
] as const)("in suite %i, with %s handshakes", { timeout: 280_000 }, async (suite, framing, most) => {
  const servers = [
    await serve(mlsClientService(copseImplementation(await PROVIDERS.node())), 0),
    await serve(mlsClientService(tsMlsImplementation()), 0),
  ];
  const players = await Promise.all(servers.map(({ address }) => meet(address)));
  const names = suite === 1 ? FILES : ["welcome_join", "external_join", "deep_random"];
  const summary = new Summary();
  const steps = tour({
    players,
    files: new Map(names.map((name) => [name, libraryFile(name, "ts-mls", 8)])),
    suites: [suite],
    framings: [framing],
    assignments: 1,
    seed: "ts-mls",
    checks: true,
  });
  for await (const performance of steps) summary.add(performance);
  for (const { client } of players) client.close();
  for (const server of servers) await server.close();
  expect(summary.failures.map(({ script, cast, error }) => ({ script, cast, error }))).toEqual([]);
  expect([...summary.unsupported]).toEqual([]);
  expect(summary.total("passed")).toBe(most);
});
