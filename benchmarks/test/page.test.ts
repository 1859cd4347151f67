// The benchmarks' page in a real Chromium: built as it is shipped, run to its end with tiny sizes, and its exports read back.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { CHROMIUM, launch } from "@copse/test-support/chromium";
import type { Browser, Page } from "playwright-core";
import { build, type PreviewServer, preview } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Saved } from "../web/src/save.js";

const configFile = fileURLToPath(new URL("../web/vite.config.ts", import.meta.url));
const TINY = "suites=1,2&providers=webcrypto,libsodium,noble&sizes=2,4&trees=lived-in&efforts=glance";

describe.skipIf(CHROMIUM === undefined)("the benchmarks' page", () => {
  let folder: string;
  let server: PreviewServer;
  let browser: Browser;
  let page: Page;
  let address: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(`${tmpdir()}/copse-page-`);
    const own = { outDir: folder, emptyOutDir: true };
    await build({ configFile, logLevel: "error", build: own });
    server = await preview({
      configFile,
      logLevel: "error",
      build: own,
      preview: { port: 0, host: "127.0.0.1" },
    });
    address = `http://127.0.0.1:${(server.httpServer.address() as AddressInfo).port}/`;
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    complaints.length = 0;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  /** A page that failed says so, and at once. */
  async function state(name: string): Promise<void> {
    const reached = await page.waitForFunction(
      (wanted) => {
        const { state } = document.documentElement.dataset;
        return state === wanted || state === "failed" ? state : undefined;
      },
      name,
      { timeout: 100_000 },
    );
    expect(await reached.jsonValue(), (await page.textContent("#problem")) ?? "").toBe(name);
  }

  /** How many pixels of a chart aren't empty. */
  const drawn = () =>
    page.$$eval("canvas", (all) =>
      (all as HTMLCanvasElement[]).map((canvas) => {
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, i) => i % 4 === 3 && value > 0).length;
      }),
    );

  async function saved(button: string): Promise<{ name: string; content: Buffer }> {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    return { name: download.suggestedFilename(), content: await readFile(await download.path()) };
  }

  test("measures to the end, draws charts, recommends, and exports what it found", async () => {
    await page.goto(`${address}?${TINY}`);
    await state("idle");
    await page.click("#start");
    await state("running");
    await state("done");

    expect(await page.$$eval("#view-suite option", (all) => all.length)).toBe(2);
    expect(await page.$$eval("#view-group option", (all) => all.length)).toBe(2);
    const titles = await page.$$eval(".panel h3", (all) => all.map((one) => one.textContent));
    expect(titles).toEqual(["Messages", "Commits", "Coming in", "Saving", "Primitives, of 64 bytes"]);
    for (const pixels of await drawn()) expect(pixels).toBeGreaterThan(2000);
    // Every number of a chart is in the table beside it, and the chart is told in words.
    for (const label of await page.$$eval("canvas", (all) => all.map((one) => one.ariaLabel))) {
      expect(label).toMatch(/^Bar chart, .* by (webcrypto|libsodium|noble)/);
    }
    expect(
      await page.$$eval(".panel table", (all) =>
        (all as HTMLTableElement[]).map((one) => one.rows.length > 1),
      ),
    ).not.toContain(false);
    expect(await page.$$eval("#choices tr", (all) => all.length)).toBe(2);
    expect(await page.textContent("#choices")).toContain("webcrypto");
    expect(await page.textContent("#facts")).toMatch(/Secure context\s*yes/);

    const json = await saved("#save-json");
    expect(json.name).toBe("copse-benchmarks.json");
    const report = JSON.parse(json.content.toString()) as Saved;
    expect(report.format).toBe(1);
    expect(report.browser).toContain("Chrome");
    for (const provider of ["webcrypto", "libsodium", "noble"]) {
      for (const operation of ["encrypt 1 KiB", "join", "process empty commit"]) {
        const one = report.results.find(
          (result) => result.provider === provider && result.operation === operation && result.members === 4,
        );
        expect(one?.median, `${operation} on ${provider}`).toBeGreaterThan(0);
      }
    }
    expect(report.results.some(({ suite, provider }) => suite === 2 && provider === "libsodium")).toBe(false);
    expect(report.choices.map(({ suite }) => suite)).toEqual([1, 2]);
    expect(report.choices[0]?.nonExtractable).toBe("webcrypto");
    expect(report.platform?.served.map(({ problem }) => problem)).toEqual([undefined, undefined, undefined]);
    // The page stayed live: it drew frames while its worker measured.
    expect(report.longestPause).toBeGreaterThan(0);
    expect(report.longestPause).toBeLessThan(2000);

    const png = await saved("#save-png");
    expect(png.name).toBe("copse-benchmarks.png");
    expect(png.content.subarray(1, 4).toString()).toBe("PNG");
    expect(png.content.readUInt32BE(16)).toBeGreaterThan(400);
    expect(png.content.length).toBeGreaterThan(10_000);

    await page.selectOption("#view-suite", "2");
    expect(await page.textContent(".panel thead")).not.toContain("libsodium");
  });

  test("can be cancelled, keeps what it has, and begins again; by the keyboard alone", async () => {
    await page.goto(`${address}?suites=1&providers=noble&sizes=2,1000&trees=fresh&efforts=glance`);
    await state("idle");
    await page.focus("#start");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".panel");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("cancel");
    await page.keyboard.press("Enter");
    await state("cancelled");
    expect(await page.textContent("#status")).toContain("Cancelled");
    expect(await page.isVisible("#results")).toBe(true);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("start");
    for (const box of await page.$$("#sizes input:checked")) await box.uncheck();
    await page.keyboard.press("Tab");
    await page.click("#start");
    expect(await page.textContent("#problem")).toBe("Choose a number of members.");
  });

  test.each([
    ["phone", 390, "light"],
    ["phone in the dark", 390, "dark"],
    ["desktop", 1280, "light"],
  ] as const)("fits a %s", async (_, width, colorScheme) => {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    await page.goto(`${address}?suites=1&providers=webcrypto,libsodium&sizes=2&trees=fresh&efforts=glance`);
    await state("idle");
    await page.click("#start");
    await state("done");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = Number(/\d+/.exec(background)?.[0]);
    expect(colorScheme === "dark" ? light < 64 : light > 192).toBe(true);
  });
});
