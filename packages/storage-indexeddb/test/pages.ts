// Pages in Chromium with a storage each, which tests talk to.
import { type Site, serve } from "@copse/test-support/browsers";
import { launch } from "@copse/test-support/chromium";
import type { Browser, BrowserContext, Page } from "playwright-core";

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

/** Tabs of one browser on one site. */
export class Tabs {
  readonly #browser: Browser;
  readonly #context: BrowserContext;
  readonly #site: Site;
  #databases = 0;

  private constructor(browser: Browser, context: BrowserContext, site: Site) {
    this.#browser = browser;
    this.#context = context;
    this.#site = site;
  }

  static async open(): Promise<Tabs> {
    const browser = await launch();
    const site = await serve(SCRIPT, ({ error }) => console.error(error));
    return new Tabs(browser, await browser.newContext(), site);
  }

  get address(): string {
    return this.#site.address;
  }

  /** A tab with a new database, and the tabs of before closed; or one with the database of another tab. */
  async tab(beside?: Page): Promise<Page> {
    if (beside === undefined) {
      for (const page of this.#context.pages()) await page.close();
      this.#databases++;
    }
    const page = await this.#context.newPage();
    await page.goto(`${this.address}?name=test${this.#databases}`);
    await page.waitForFunction(LOADED);
    return page;
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
