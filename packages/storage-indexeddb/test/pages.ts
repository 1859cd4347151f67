// Pages in Chromium with a storage each, which tests talk to.
import { type Site, serve } from "@copse/test-support/browsers";
import { launch } from "@copse/test-support/chromium";
import type { Browser, Page } from "playwright-core";

const SCRIPT = {
  imports: `
    import { IndexedDbError, indexedDbStorage } from "@copse/storage-indexeddb";`,
  code: `
    const bytes = (text) => new TextEncoder().encode(text);
    const said = (error) => error instanceof IndexedDbError ? error.reason : String(error?.stack ?? error);
    const failure = (work) => Promise.resolve().then(work).then(() => "nothing", said);
    const step = (from, to) => ({ key: "version", from: from && bytes(from), to: bytes(to) });
    const name = text("name");
    const open = () => indexedDbStorage({ name });
    Object.assign(globalThis, { bytes, failure, step, name, open, storage: open() });`,
};

/** What is true once a page's script has run. */
export const LOADED = "globalThis.storage !== undefined";

/** Two tabs of one browser on one site. They are loaded anew for each test: new ones would cost a process each. */
export class Tabs {
  readonly #browser: Browser;
  readonly #site: Site;
  readonly #tabs: readonly [Page, Page];
  #databases = 0;

  private constructor(browser: Browser, site: Site, tabs: readonly [Page, Page]) {
    this.#browser = browser;
    this.#site = site;
    this.#tabs = tabs;
  }

  static async open(): Promise<Tabs> {
    const browser = await launch();
    const site = await serve(SCRIPT, ({ error }) => console.error(error));
    const context = await browser.newContext();
    return new Tabs(browser, site, [await context.newPage(), await context.newPage()]);
  }

  get address(): string {
    return this.#site.address;
  }

  async #load(page: Page): Promise<Page> {
    await page.goto(`${this.address}?name=test${this.#databases}`);
    await page.waitForFunction(LOADED);
    return page;
  }

  /** A tab with a new database. */
  one(): Promise<Page> {
    this.#databases++;
    return this.#load(this.#tabs[0]);
  }

  /** Two tabs with a new database. */
  async two(): Promise<[Page, Page]> {
    return [await this.one(), await this.#load(this.#tabs[1])];
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#site.close();
  }
}

/** Runs code in a page, which can `await`. @returns what it returns, as JSON has it */
export function run<T>(page: Page, code: string): Promise<T> {
  return page.evaluate(`(async () => { ${code} })()`);
}
