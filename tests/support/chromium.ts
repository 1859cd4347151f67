// A real Chromium, for what only a browser can show.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

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

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM as string,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
