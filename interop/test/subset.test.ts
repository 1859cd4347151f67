// RFC 9420 §11, §12, §15: our servers on different providers play scripts of the working group's format with each other.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copseImplementation } from "../src/copse/implementation.js";
import { type RunningServer, serve } from "../src/grpc.js";
import { libraryFile, libraryNames } from "../src/runner/library.js";
import type { Player } from "../src/runner/stage.js";
import { meet, Summary, type TourOptions, tour } from "../src/runner/tour.js";
import { PROVIDERS, type ProviderName } from "../src/server/providers.js";
import { mlsClientService } from "../src/service.js";

const servers: RunningServer[] = [];
const players = new Map<ProviderName, Player>();

beforeAll(async () => {
  for (const name of ["node", "webcrypto", "libsodium", "noble"] as const) {
    const server = await serve(mlsClientService(copseImplementation(await PROVIDERS[name]())), 0);
    servers.push(server);
    players.set(name, await meet(server.address));
  }
});

afterAll(async () => {
  for (const { client } of players.values()) client.close();
  for (const server of servers) await server.close();
});

async function played(
  names: readonly ProviderName[],
  files: readonly string[],
  options: Partial<TourOptions> & { readonly commits?: number },
): Promise<Summary> {
  const { commits = 8, ...rest } = options;
  const summary = new Summary();
  const steps = tour({
    players: names.map((name) => players.get(name) as Player),
    files: new Map(files.map((name) => [name, libraryFile(name, "ci", commits)])),
    framings: ["public", "private"],
    assignments: 1,
    seed: "ci",
    checks: true,
    ...rest,
  });
  for await (const performance of steps) summary.add(performance);
  expect(summary.failures.map(({ script, error, step }) => ({ script, error, step }))).toEqual([]);
  expect(summary.total("unsupported")).toBe(0);
  return summary;
}

it("four servers play every script, in random roles", { timeout: 290_000 }, async () => {
  const names = ["node", "webcrypto", "libsodium", "noble"] as const;
  const summary = await played(names, libraryNames(), { suites: [1] });
  expect(summary.total("passed")).toBeGreaterThan(100);
});

describe.each([2, 3, 4, 5, 6, 7])("suite %i", (suite) => {
  it("two servers play joining, in random roles", async () => {
    const files = ["welcome_join", "external_join"];
    const summary = await played(["node", "noble"], files, { suites: [suite], framings: ["private"] });
    expect(summary.total("passed")).toBe(14);
  });
});

it("two servers play joining in all roles", async () => {
  const summary = await played(["node", "libsodium"], ["welcome_join"], { suites: [3], assignments: 64 });
  // Two framings; four assignments to two actors, eight to three.
  expect(summary.total("passed")).toBe(2 * (5 * 4 + 8));
});
