// The runner of scripts: seeded random choices, roles, spellings of keys, and faults that it must detect.
import { describe, expect, it } from "vitest";
import { copseImplementation } from "../src/copse/implementation.js";
import { type Handlers, type Message, serve } from "../src/grpc.js";
import { deepScript } from "../src/runner/deep.js";
import { libraryFile, libraryNames } from "../src/runner/library.js";
import { casts } from "../src/runner/matrix.js";
import { Chance } from "../src/runner/random.js";
import { actorsOf, Parameters } from "../src/runner/script.js";
import { bytesOf, type Player } from "../src/runner/stage.js";
import { meet, type Performance, Summary, tour } from "../src/runner/tour.js";
import { PROVIDERS } from "../src/server/providers.js";
import { mlsClientService } from "../src/service.js";
import { takeVector, vector } from "../src/wire.js";

const player = (name: string): Player => ({ name, suites: [1], client: undefined as never });

describe("random choices", () => {
  it("are the same for the same seed, and differ for another", () => {
    const draw = (seed: string) => {
      const chance = new Chance(seed);
      return [
        chance.number(1000),
        chance.pick([1, 2, 3]),
        [...chance.bytes(8)],
        chance.sample([1, 2, 3, 4], 3),
      ];
    };
    expect(draw("a")).toEqual(draw("a"));
    expect(draw("a")).not.toEqual(draw("b"));
    expect(new Chance("a").below("x").bytes(8)).not.toEqual(new Chance("a").below("y").bytes(8));
  });

  it("make the same long script from the same seed", () => {
    const script = (seed: string) =>
      deepScript(new Chance(seed), { members: 5, commits: 30, maxMembers: 12 });
    expect(script("a")).toEqual(script("a"));
    expect(script("a")).not.toEqual(script("b"));
    const actions = new Set(script("a").map(({ action }) => action));
    expect(actions).toContain("externalJoin");
    expect(actions).toContain("fullCommit");
  });
});

describe("roles", () => {
  it("are all assignments if there aren't too many, each once", () => {
    const all = casts(["a", "b", "c"], [player("x"), player("y")], 8, new Chance(""));
    const names = all.map((cast) => [...cast.values()].map(({ name }) => name).join(""));
    expect(new Set(names).size).toBe(8);
    expect(casts(["a", "b", "c"], [player("x"), player("y")], 7, new Chance(""))).toHaveLength(7);
  });

  it("are those of all who act in a script, whatever their names there", () => {
    const script = [
      { action: "createGroup", actor: "a", members: ["b"] },
      { action: "externalJoin", actor: "a", joiner: "c" },
      { action: "addExternalSigner", actor: "a", signer: "d" },
      { action: "reinit", proposer: "e", committer: "f", welcomer: "g" },
    ];
    expect(actorsOf(script)).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
  });
});

it("accepts keys in each spelling", () => {
  for (const key of ["externalTree", "external_tree", "externaltree"]) {
    expect(new Parameters({ action: "", [key]: true }).flag("externalTree")).toBe(true);
  }
  expect(new Parameters({ changeCiphersuite: true }).flag("changeCipherSuite")).toBe(true);
});

it("reads its own scripts", () => {
  expect(libraryNames()).toHaveLength(8);
  for (const name of libraryNames()) {
    for (const script of Object.values(libraryFile(name, "", 3).scripts)) {
      expect(script[0]?.action).toBe("createGroup");
    }
  }
});

it.each([0, 63, 64, 16_383, 16_384])("reads the vectors of %i bytes that it writes", (length) => {
  const [content, rest] = takeVector(new Uint8Array([...vector(new Uint8Array(length)), 1, 2]));
  expect(content).toHaveLength(length);
  expect(rest).toEqual(new Uint8Array([1, 2]));
  expect(() => takeVector(vector(new Uint8Array(length + 1)).slice(0, -1))).toThrow(RangeError);
});

describe("a faulty server is detected", () => {
  /** Plays some scripts on a right server and one whose answers are changed. */
  async function withFault(
    name: string,
    change: (answer: Message, request: Message) => Message | Promise<Message>,
  ): Promise<Performance[]> {
    const right = mlsClientService(copseImplementation(await PROVIDERS.node()));
    const wrong: Handlers = {
      ...mlsClientService(copseImplementation(await PROVIDERS.node())),
    };
    const handler = wrong[name] as Handlers[string];
    const changed = { ...wrong, [name]: async (request: Message) => change(await handler(request), request) };
    const servers = [await serve(right, 0), await serve(changed, 0)];
    const players = await Promise.all(servers.map(({ address }) => meet(address)));
    const failures: Performance[] = [];
    const { in_order = [] } = libraryFile("application", "", 1).scripts;
    const files = new Map([["application", { scripts: { in_order } }]]);
    const options = { suites: [1], framings: ["private"] as const, assignments: 4, seed: "faults" };
    for await (const performance of tour({ players, files, checks: true, ...options })) {
      if (performance.outcome === "failed") failures.push(performance);
    }
    for (const { client } of players) client.close();
    for (const server of servers) await server.close();
    return failures;
  }

  const flipped = (field: string) => (answer: Message) => {
    const bytes = new Uint8Array(bytesOf(answer, field));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return { ...answer, [field]: bytes };
  };

  it("another epoch authenticator", async () => {
    const failures = await withFault("JoinGroup", flipped("epoch_authenticator"));
    expect(failures[0]?.error).toMatch(/another epoch authenticator/);
    const summary = new Summary();
    for (const failure of failures) summary.add(failure);
    expect(summary.toString()).toMatch(/FAILED/);
    expect(summary.toString()).toMatch(/0 passed, \d+ failed/);
  });

  it("another exported secret", async () => {
    const [failure] = await withFault("Export", flipped("exported_secret"));
    expect(failure?.error).toMatch(/another exported_secret/);
  });

  it("another plaintext, and other authenticated data", async () => {
    const [failure] = await withFault("Unprotect", flipped("plaintext"));
    expect(failure?.error).toMatch(/reads another/);
    const [other] = await withFault("Unprotect", (answer) => ({
      ...answer,
      authenticated_data: new Uint8Array(3),
    }));
    expect(other?.error).toMatch(/reads another/);
  });

  it("a damaged message", async () => {
    const [failure] = await withFault("Protect", flipped("ciphertext"));
    expect(failure?.error).toMatch(/DecodeError|MlsError/);
  });
});
