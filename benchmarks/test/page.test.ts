// The benchmarks' page in a real Chromium: built as it is shipped, run to its end with tiny sizes, and its exports read back.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { bundle } from "@copse/test-support/bundle";
import { CHROMIUM, launch } from "@copse/test-support/chromium";
import type { Browser, Page } from "playwright-core";
import { build, type PreviewServer, preview } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { report } from "../src/files.js";
import type { Operation } from "../src/operations.js";
import type { Result } from "../src/samples.js";
import type { Saved } from "../web/src/results/save.js";

const configFile = fileURLToPath(new URL("../web/vite.config.ts", import.meta.url));
const TINY = "suites=2,3&providers=webcrypto,libsodium,mls-ts&sizes=3&trees=fresh&efforts=glance";

/** A device that somebody measured by `copse-bench --json`: each time is so many milliseconds, in quartiles as given. */
function device(name: string, milliseconds: number, quartiles = 0.05) {
  const result = (provider: string, suite: number, operation: Operation): Result => {
    const place = { provider, suite, members: 3, tree: "fresh" as const };
    const [low, high] = [milliseconds * (1 - quartiles), milliseconds * (1 + quartiles)];
    return { ...place, operation, median: milliseconds, low, high, runs: 9, turns: {} };
  };
  const results = ["node", "webcrypto"].flatMap((provider) =>
    [2, 3].flatMap((suite) =>
      (["join", "encrypt 1 KiB"] as const).map((operation) => result(provider, suite, operation)),
    ),
  );
  return { ...report(results, []), processor: name };
}

const json = (name: string, content: unknown) => ({
  name: `${name}.json`,
  mimeType: "application/json",
  buffer: Buffer.from(JSON.stringify(content)),
});

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

  async function download(button: string): Promise<{ name: string; content: Buffer }> {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    return { name: file.suggestedFilename(), content: await readFile(await file.path()) };
  }

  test("measures to the end, a provider of one's own too, draws, recommends, and exports what it found", async () => {
    await page.goto(`${address}?${TINY}`);
    await state("idle");
    const mine = `import { nobleProvider } from "@copse/provider-noble";
      const noble = nobleProvider();
      export default async () => ({ ...noble, name: "mine", suites: [noble.suite(3).suite] });`;
    const module = Buffer.from(await bundle(mine, "node"));
    await page.setInputFiles("#own-file", { name: "mine.js", mimeType: "", buffer: module });
    await page.waitForSelector('#providers input[value="mine"]:checked');
    expect(await page.textContent("#own-said")).toContain("“mine” is there, with suites 3.");
    // What each takes to be loaded: OpenMLS in WebAssembly more than ours.
    const loading = await page.$$eval("#served tr", (rows) =>
      rows.map((one) =>
        [...one.children].slice(0, 3).map((cell) => Number.parseFloat(cell.textContent ?? "")),
      ),
    );
    const [webcrypto, libsodium, , openmls, own] = loading as [
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
    expect(webcrypto[1]).toBeGreaterThan(5);
    expect(webcrypto[1]).toBeLessThan(libsodium[1] as number);
    expect(libsodium[1]).toBeLessThan(openmls[1] as number);
    expect(own[1]).toBeGreaterThan(10);
    for (const [, , time] of loading) expect(time).toBeGreaterThan(0);

    await page.click("#start");
    await state("running");
    await state("done");

    // One table over all suites and sizes, with the reason where there is no figure.
    const groups = await page.$$eval("#overview .group", (all) => all.map((one) => one.textContent));
    expect(groups).toEqual([
      "Suite 2: P256, AES128; 3 members, fresh",
      "Suite 3: X25519, CHACHA20; 3 members, fresh",
    ]);
    const columns = await page.$$eval('#overview thead th[scope="col"]', (all) =>
      all.map((one) => one.textContent),
    );
    expect(columns).toEqual(["Operation", "webcrypto", "libsodium", "mine", "mls-ts"]);
    const cells = await page.$$eval("#overview tbody", (bodies) =>
      bodies.map((one) =>
        [...(one as HTMLTableSectionElement).rows]
          .slice(1)
          .map((row) => [...row.cells].map((cell) => cell.innerText)),
      ),
    );
    const cell = (suite: number, operation: string, provider: string) =>
      cells[suite - 2]?.find(([label]) => label === operation)?.[columns.indexOf(provider)];
    expect(cell(2, "join", "webcrypto")).toMatch(/^[\d.]+ (µs|ms)$/);
    expect(cell(2, "join", "libsodium")).toMatch(/^–\s*doesn't serve suite 2$/);
    expect(cell(3, "join", "mls-ts")).toMatch(/^[\d.]+ (µs|ms)$/);
    expect(cell(3, "encrypt 1 KiB", "mls-ts")).toMatch(/^[\d.]+ (µs|ms)/);
    expect(cell(3, "empty commit", "mls-ts")).toMatch(/^–\s*has no function for it$/);
    expect(await page.$$eval("#overview tbody tr", (all) => all.length)).toBe(2 * (1 + 7));
    await page.selectOption("#view-operations", "all");
    expect(await page.$$eval("#overview tbody tr", (all) => all.length)).toBeGreaterThan(2 * 15);

    expect(await page.$$eval("#view-suite option", (all) => all.length)).toBe(2);
    await page.selectOption("#view-suite", "3");
    const titles = await page.$$eval(".panel h3", (all) => all.map((one) => one.textContent));
    expect(titles).toEqual(["Messages", "Commits", "Coming in", "Saving", "Primitives, of 64 bytes"]);
    for (const pixels of await drawn()) expect(pixels).toBeGreaterThan(2000);
    // Every number of a chart is in the table beside it, and the chart is told in words.
    for (const label of await page.$$eval("canvas", (all) => all.map((one) => one.ariaLabel))) {
      expect(label).toMatch(/^Bar chart, .* by (webcrypto|libsodium|mls-ts|mine)/);
    }
    expect(
      await page.$$eval(".panel table", (all) =>
        (all as HTMLTableElement[]).map((one) => one.rows.length > 1),
      ),
    ).not.toContain(false);
    expect(await page.$$eval("#choices tr", (all) => all.length)).toBe(2);
    expect(await page.textContent("#choices")).toContain("mine: ");
    expect(await page.textContent("#facts")).toMatch(/Secure context\s*yes/);
    expect(await page.isHidden("#warnings")).toBe(true);

    const saved = await download("#save-json");
    expect(saved.name).toBe("copse-benchmarks.json");
    const content = JSON.parse(saved.content.toString()) as Saved;
    expect(content.format).toBe(1);
    expect(content.browser).toContain("Chrome");
    for (const [provider, operations] of [
      ["webcrypto", ["encrypt 1 KiB", "join", "process empty commit", "add all others"]],
      ["mine", ["encrypt 1 KiB", "join", "process empty commit", "add all others"]],
      ["mls-ts", ["encrypt 1 KiB", "decrypt 1 KiB", "join", "key package"]],
    ] as const) {
      for (const operation of operations) {
        const one = content.results.find(
          (result) => result.provider === provider && result.operation === operation && result.suite === 3,
        );
        expect(one?.median, `${operation} on ${provider}`).toBeGreaterThan(0);
      }
    }
    expect(content.choices.map(({ suite }) => suite)).toEqual([2, 3]);
    expect(content.choices[0]?.nonExtractable).toBe("webcrypto");
    expect(content.served.map(({ problem }) => problem).filter(Boolean)).toEqual([]);
    // The page stayed live: it drew frames while its worker measured.
    expect(content.longestPause).toBeGreaterThan(0);
    expect(content.longestPause).toBeLessThan(2000);

    const png = await download("#save-png");
    expect(png.name).toBe("copse-benchmarks.png");
    expect(png.content.subarray(1, 4).toString()).toBe("PNG");
    expect(png.content.readUInt32BE(16)).toBeGreaterThan(400);
    expect(png.content.length).toBeGreaterThan(10_000);

    await page.selectOption("#view-suite", "2");
    expect(await page.textContent(".panel thead")).not.toContain("libsodium");

    // What it saved, it reads: beside itself there is nothing that it could have gained or lost.
    await page.setInputFiles("#other-devices", json("page", content));
    await page.waitForSelector("#devices button");
    const devices = await page.$$eval("#overview .device", (all) => all.map((one) => one.textContent));
    expect(devices).toEqual([
      expect.stringMatching(/^This device, Chrome \d+/),
      expect.stringMatching(/^Chrome \d+/),
    ]);
    expect(await page.innerText("#overview tbody tr:nth-child(2)")).toMatch(
      /× 1\.00, too (few runs|close|noisy) to tell/,
    );
  });

  test("compares devices side by side, and says which was too noisy to tell", async () => {
    await page.goto(`${address}?${TINY}`);
    await state("idle");
    const files = [device("Fast", 1), device("Slow", 2), device("Busy", 1.2, 0.4)];
    await page.setInputFiles(
      "#other-devices",
      files.map((one) => json(one.processor, one)),
    );
    await page.waitForSelector("#devices li:nth-child(3)");
    const [fast, , busy] = await page.$$eval("#devices li", (all) => all.map((one) => one.textContent));
    expect(fast).toMatch(/^Fast, Node v\d.*2 providers; half of 8 times vary by ±5.0 % or more\./);
    expect(busy).toMatch(/too noisy to tell: half of 8 times vary by ±40 % or more/);
    // A table: for each device its two providers.
    const join = await page.$$eval("#overview tbody:first-of-type tr:nth-child(2) td", (all) =>
      all.map((one) => (one as HTMLElement).innerText.replaceAll(/\s+/g, " ")),
    );
    const noisy = "1.20 ms ±40 %: too noisy × 1.20, too noisy to tell";
    expect(join).toEqual(["1.00 ms", "1.00 ms", "2.00 ms × 2.00", "2.00 ms × 2.00", noisy, noisy]);
    expect(await page.textContent("#overview-hint")).toContain("as on Fast, Node");
    await page.selectOption("#view-device", "1");
    expect(await page.textContent(".panel td")).toContain("2.00 ms");

    await page.click("#devices li:nth-child(1) button");
    expect(await page.$$eval("#devices li", (all) => all.length)).toBe(2);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("other-devices");
    const wrong = { ...device("Wrong", 1), format: 2 };
    await page.setInputFiles("#other-devices", [
      json("wrong", wrong),
      json("list", [1]),
      json("none", { format: 1 }),
    ]);
    await page.waitForFunction(() => document.querySelector("#devices-said")?.className === "alert");
    const words = await page.textContent("#devices-said");
    expect(words).toContain("wrong.json: expected the JSON that this page saves");
    expect(words).toContain("its format is 2, not 1");
    expect(words).toContain("list.json: ");
    expect(words).toContain(
      "none.json: expected the JSON that this page saves, or that copse-bench --json writes; it has no results",
    );
    expect(await page.$$eval("#devices li", (all) => all.length)).toBe(2);
  });

  test("says why a module can't be taken, and what this page can't do", async () => {
    // As from a server that sends no headers for isolation.
    await page.route(`${address}**`, async (route) => {
      const response = await route.fetch();
      const {
        "cross-origin-opener-policy": _,
        "cross-origin-embedder-policy": __,
        ...headers
      } = response.headers();
      await route.fulfill({ response, headers });
    });
    await page.goto(`${address}?${TINY}`);
    await state("idle");
    expect(await page.innerText("#warnings")).toMatch(/isn't cross-origin isolated .* steps of \d+ µs/);
    expect(await page.innerText("#never")).toContain("npx copse-bench");
    const said = async (words: RegExp) => {
      await page.waitForFunction(() => document.querySelector("#own-said.alert") !== null);
      expect(await page.textContent("#own-said")).toMatch(words);
      await page.evaluate(() => document.querySelector("#own-said")?.classList.remove("alert"));
    };
    const file = (name: string, code: string) => ({ name, mimeType: "", buffer: Buffer.from(code) });
    await page.setInputFiles("#own-file", file("bare.js", 'import "@copse/core"; export default 1;'));
    await said(/^bare\.js: it can't be imported: .*bundle the module/);
    await page.setInputFiles("#own-file", file("number.js", "export default 7"));
    await said(/^number\.js: expected a module whose default export is a CryptoProvider, .*got number/);
    await page.fill("#own-address", "ftp://example.org/provider.js");
    await page.press("#own-address", "Enter");
    await said(/is no address: expected one like https/);
    await page.fill("#own-address", "assets/none.js");
    await page.press("#own-address", "Enter");
    await said(/^none\.js: it can't be imported/);
    complaints.length = 0;
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
    await page.goto(address);
    await state("idle");
    const files = ["A", "B", "C"].map((name, i) =>
      json(name, device(`A processor with a long name ${name}`, i + 1)),
    );
    await page.setInputFiles("#other-devices", files);
    await page.waitForSelector("#devices li:nth-child(3)");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    for (const pixels of await drawn()) expect(pixels).toBeGreaterThan(1000);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = Number(/\d+/.exec(background)?.[0]);
    expect(colorScheme === "dark" ? light < 64 : light > 192).toBe(true);
  });
});
