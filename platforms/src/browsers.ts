// RFC 9420 §17.1: the browsers, which can show other pages than those of the platform tests, too.
import { APT, type Got, packageVersion } from "./get.js";
import { byCommandLine, byWebDriver, type Show } from "./show.js";

export interface Browser {
  readonly name: string;
  readonly title: string;
  /** @throws Unavailable */
  get(fetch: boolean): Promise<Got>;
  readonly show: Show;
}

export const BROWSERS: readonly Browser[] = [
  {
    name: "chromium",
    title: "Chromium",
    get: APT("chromium", "/usr/bin/chromium"),
    show: byCommandLine((profile) => [
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
    show: byCommandLine((profile) => ["--headless", "--no-remote", "--new-instance", "--profile", profile]),
  },
  {
    name: "webkit",
    title: "WebKitGTK",
    get: APT("webkit2gtk-driver", "/usr/bin/WebKitWebDriver", ["xvfb"], () =>
      packageVersion("webkit2gtk-driver"),
    ),
    show: byWebDriver,
  },
];
