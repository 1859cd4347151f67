// A real Chromium, for what only a browser can show.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { start } from "../../platforms/src/programs.js";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const said = process.env.CHROMIUM;

/** Where it is: as `CHROMIUM` says, else where systems have it; `undefined` if it isn't there. */
export const CHROMIUM: string | undefined = (said === undefined ? PATHS : [said]).find((path) =>
  existsSync(path),
);

if (CHROMIUM === undefined) {
  console.warn(
    "\n*** NO CHROMIUM HERE: what runs in a browser is NOT TESTED. Install it (Debian: apt-get install chromium), or say where it is by CHROMIUM=/path. ***\n",
  );
}

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM as string, args: ARGS });
}

/** A Chromium with a profile that outlasts it. */
export interface LastingBrowser {
  readonly browser: Browser;
  /** Kills all of its processes at once. */
  kill(): Promise<void>;
}

/** @param profile a folder */
export async function launchWith(profile: string): Promise<LastingBrowser> {
  const { child, ended, stop } = start(CHROMIUM as string, [
    ...ARGS,
    "--headless",
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    "about:blank",
  ]);
  let said = "";
  const listening = new Promise<string>((resolve) => {
    child.stderr?.on("data", (data: Buffer) => {
      said += data.toString();
      const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (address !== undefined) resolve(address);
    });
  });
  const browser = await chromium.connectOverCDP(await Promise.race([listening, ended]));
  const kill = async () => {
    stop();
    await ended.catch(() => undefined);
  };
  return { browser, kill };
}
