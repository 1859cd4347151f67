// Plays many scripts on many servers, and counts the results.
import { connect, type RemoteClient } from "../grpc.js";
import { casts } from "./matrix.js";
import { type PlayResult, play } from "./play.js";
import { Chance } from "./random.js";
import { actorsOf, type ScriptFile } from "./script.js";
import type { Player } from "./stage.js";

/** Asks a server for its name and suites. */
export async function meet(address: string): Promise<Player> {
  const client: RemoteClient = connect(address);
  const { name } = await client.call("Name", {});
  const { ciphersuites } = await client.call("SupportedCiphersuites", {});
  return { client, name: String(name), suites: ciphersuites as readonly number[] };
}

export interface TourOptions {
  readonly players: readonly Player[];
  /** By their names. */
  readonly files: ReadonlyMap<string, ScriptFile>;
  /** Default: all suites that some server has. */
  readonly suites?: readonly number[] | undefined;
  readonly framings: readonly ("public" | "private")[];
  /** The maximum of assignments for each script, suite and framing. If there are more, a random choice is played. */
  readonly assignments: number;
  readonly seed: string;
  readonly checks: boolean;
  readonly failFast?: boolean;
  readonly onResult?: (result: Performance) => void;
}

/** The result of one script, played once. */
export interface Performance extends PlayResult {
  /** The file's name and the script's. */
  readonly script: string;
  readonly suite: number;
  readonly encryptHandshake: boolean;
  /** The names of the servers, by actor. */
  readonly cast: Readonly<Record<string, string>>;
  /** The failed step, as JSON. */
  readonly step?: string | undefined;
}

/** Plays each script in all suites and framings, with all assignments of servers to roles. */
export async function* tour(options: TourOptions): AsyncGenerator<Performance> {
  const { players, files, framings } = options;
  const suites =
    options.suites ?? [...new Set(players.flatMap((player) => player.suites))].sort((a, b) => a - b);
  const root = new Chance(options.seed);
  for (const [file, { mode, scripts }] of files) {
    for (const [name, script] of Object.entries(scripts)) {
      const actors = actorsOf(script);
      for (const suite of suites) {
        const able = players.filter((player) => player.suites.includes(suite));
        if (able.length === 0) continue;
        for (const framing of framings) {
          const chance = root.below(`${file}/${name}/${suite}/${framing}`);
          const limit = mode === "random" ? Math.min(1, options.assignments) : options.assignments;
          for (const [number, cast] of casts(actors, able, limit, chance).entries()) {
            const encryptHandshake = framing === "private";
            const result = await play(script, {
              suite,
              encryptHandshake,
              cast,
              chance: chance.below(String(number)),
              checks: options.checks,
            });
            yield {
              ...result,
              script: `${file}/${name}`,
              suite,
              encryptHandshake,
              cast: Object.fromEntries([...cast].map(([actor, player]) => [actor, player.name])),
              step: result.failedStep === undefined ? undefined : JSON.stringify(script[result.failedStep]),
            };
            if (result.outcome === "failed" && options.failFast === true) return;
          }
        }
      }
    }
  }
}

/** The results of a tour, for each script. */
export class Summary {
  readonly counts = new Map<string, { passed: number; failed: number; unsupported: number }>();
  readonly failures: Performance[] = [];
  /** The reasons why scripts couldn't be played, and how often. */
  readonly unsupported = new Map<string, number>();

  add(performance: Performance): void {
    const { script, outcome, error } = performance;
    const count = this.counts.get(script) ?? { passed: 0, failed: 0, unsupported: 0 };
    count[outcome] += 1;
    this.counts.set(script, count);
    if (outcome === "failed") this.failures.push(performance);
    if (outcome === "unsupported") {
      const why = `${script}: ${error}`;
      this.unsupported.set(why, (this.unsupported.get(why) ?? 0) + 1);
    }
  }

  total(outcome: "passed" | "failed" | "unsupported"): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count[outcome], 0);
  }

  /** A table for people. */
  toString(): string {
    const width = Math.max(0, ...[...this.counts.keys()].map((name) => name.length));
    const lines = [...this.counts].map(
      ([name, { passed, failed, unsupported }]) =>
        `${name.padEnd(width)}  ${passed} passed${failed > 0 ? `, ${failed} FAILED` : ""}${
          unsupported > 0 ? `, ${unsupported} unsupported` : ""
        }`,
    );
    const reasons = [...this.unsupported].map(([why, count]) => `unsupported ${count} times: ${why}`);
    const failures = this.failures.slice(0, 20).map(describeFailure);
    const total = `${this.total("passed")} passed, ${this.total("failed")} failed, ${this.total("unsupported")} unsupported`;
    return [...lines, ...reasons, ...failures, total].join("\n");
  }
}

export function describeFailure({
  script,
  suite,
  encryptHandshake,
  cast,
  error,
  failedStep,
  step,
}: Performance): string {
  const roles = Object.entries(cast).map(([actor, name]) => `${actor}=${name}`);
  const framing = encryptHandshake ? "private" : "public";
  return `FAILED ${script}, suite ${suite}, ${framing}, ${roles.slice(0, 8).join(" ")}\n  step ${failedStep} ${(step ?? "").slice(0, 300)}\n  ${error}`;
}
