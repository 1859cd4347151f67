// Tabs of real browsers that a test works in as a person does: Chromium, and Firefox by WebDriver BiDi.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { Page } from "playwright-core";
import WebSocket from "ws";
import { start } from "../../platforms/src/programs.js";
import { launch } from "./chromium.js";

export interface Tab {
  readonly page: Page | undefined;
  /** Errors and warnings of the page. */
  readonly complaints: string[];
  goto(address: string): Promise<void>;
  reload(): Promise<void>;
  /** @param expression may be a promise @returns its value, as JSON has it */
  evaluate<T>(expression: string): Promise<T>;
  /**
   * Clicks with the pointer, once the element is there and can be seen. It may be made anew meanwhile.
   * @param element a selector of the first that is seen, or an expression for it
   */
  click(element: string | { readonly expression: string }): Promise<void>;
  /** Presses keys, one for each character. */
  type(text: string): Promise<void>;
  press(key: "Enter" | "Escape" | "Tab" | "ArrowLeft" | "ArrowRight"): Promise<void>;
}

export interface TabBrowser {
  /** A tab with cookies and databases of its own, or with those of another. */
  open(beside?: Tab): Promise<Tab>;
  close(): Promise<void>;
}

const PATIENCE = 20_000;

/** Waits until an expression is true. @returns its value */
export async function until<T>(tab: Tab, expression: string): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await tab.evaluate<T>(expression);
    if (value) return value;
    if (Date.now() > end) {
      const shown = await tab.evaluate<string>("document.body.innerText");
      throw new Error(
        `it never came true: ${expression}\nthe page shows:\n${shown}\n${tab.complaints.join("\n")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** An expression for the element, as {@link Tab.click} has it. */
const expressionOf = (element: string | { readonly expression: string }): string =>
  typeof element === "string"
    ? `[...document.querySelectorAll(${JSON.stringify(element)})]
        .find((one) => one.checkVisibility() && one.getClientRects().length > 0)`
    : element.expression;

/** Tries again for some seconds. @param attempt says whether it was done */
async function retry(tab: Tab, what: string, attempt: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await attempt().catch(() => false))) {
    if (Date.now() > end) {
      const shown = await tab.evaluate<string>("document.body.innerText");
      throw new Error(
        `it couldn't be clicked: ${what}\nthe page shows:\n${shown}\n${tab.complaints.join("\n")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

export async function openChromium(): Promise<TabBrowser> {
  const browser = await launch();
  const tabOf = (page: Page): Tab => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
    page.setDefaultTimeout(PATIENCE);
    const tab: Tab = {
      page,
      complaints,
      goto: async (address) => void (await page.goto(address)),
      reload: async () => void (await page.reload()),
      evaluate: (expression) => page.evaluate(expression),
      click: (element) => {
        const expression = expressionOf(element);
        return retry(tab, expression, async () => {
          const found = (await page.evaluateHandle<Node | undefined>(expression)).asElement();
          // Long: a click that was made, and whose end is waited for in vain, must not be made again.
          await found?.click({ timeout: PATIENCE / 2 });
          return found !== null;
        });
      },
      type: (text) => page.keyboard.type(text),
      press: (key) => page.keyboard.press(key),
    };
    return tab;
  };
  const open = async (beside?: Tab) => {
    const context =
      beside?.page?.context() ?? (await browser.newContext({ viewport: { width: 1360, height: 860 } }));
    return tabOf(await context.newPage());
  };
  return { open, close: () => browser.close() };
}

const FIREFOX_PATHS = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];
export const FIREFOX = FIREFOX_PATHS.find((path) => existsSync(path));

/** A connection of WebDriver BiDi: commands, and the complaints of each browsing context. */
class Bidi {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<
    number,
    (answer: { type: string; result?: unknown; message?: string }) => void
  >();
  readonly complaints = new Map<string, string[]>();
  #count = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#heard(JSON.parse(String(data))));
  }

  static async connect(address: string): Promise<Bidi> {
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return new Bidi(socket);
  }

  #heard(message: { id?: number; type: string; method?: string; params?: BidiLog }): void {
    if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
    const { params } = message;
    if (message.method !== "log.entryAdded" || (params?.level !== "error" && params?.level !== "warn"))
      return;
    this.complaints.get(params.source.context ?? "")?.push(params.text);
  }

  async send<T>(method: string, params: object): Promise<T> {
    const id = ++this.#count;
    const answer = await new Promise<{ type: string; result?: unknown; message?: string }>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (answer.type === "error") throw new Error(`${method}: ${answer.message}`);
    return answer.result as T;
  }
}

interface BidiLog {
  readonly level: string;
  readonly text: string;
  readonly source: { readonly context?: string };
}

/** https://w3c.github.io/webdriver/#keyboard-actions */
const KEYS = { Enter: "\uE007", Escape: "\uE00C", Tab: "\uE004", ArrowLeft: "\uE012", ArrowRight: "\uE014" };

interface Evaluated {
  readonly type: "success" | "exception";
  readonly result: { readonly value?: string; readonly sharedId?: string };
  readonly exceptionDetails?: { readonly text: string };
}

class FirefoxTab implements Tab {
  readonly page = undefined;
  readonly complaints: string[] = [];
  readonly #bidi: Bidi;
  readonly #context: string;

  constructor(bidi: Bidi, context: string) {
    this.#bidi = bidi;
    this.#context = context;
    bidi.complaints.set(context, this.complaints);
  }

  async goto(url: string): Promise<void> {
    await this.#bidi.send("browsingContext.navigate", { context: this.#context, url, wait: "complete" });
  }

  async reload(): Promise<void> {
    await this.#bidi.send("browsingContext.reload", { context: this.#context, wait: "complete" });
  }

  async #run(expression: string): Promise<Evaluated["result"]> {
    const target = { context: this.#context };
    const answer = await this.#bidi.send<Evaluated>("script.evaluate", {
      expression,
      target,
      awaitPromise: true,
    });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails?.text);
    return answer.result;
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { value } = await this.#run(
      `Promise.resolve(${expression}).then((it) => JSON.stringify(it ?? null))`,
    );
    return JSON.parse(value ?? "null") as T;
  }

  click(element: string | { readonly expression: string }): Promise<void> {
    const expression = expressionOf(element);
    return retry(this, expression, async () => {
      const { sharedId } = await this.#run(`(() => {
        const found = ${expression};
        found?.scrollIntoView({ block: "nearest" });
        return found;
      })()`);
      if (sharedId === undefined) return false;
      const origin = { type: "element", element: { sharedId } };
      const actions = [
        { type: "pointerMove", x: 0, y: 0, origin },
        { type: "pointerDown", button: 0 },
        { type: "pointerUp", button: 0 },
      ];
      await this.#act([{ type: "pointer", id: "mouse", actions }]);
      return true;
    });
  }

  async #act(actions: readonly object[]): Promise<void> {
    await this.#bidi.send("input.performActions", { context: this.#context, actions });
  }

  async #keys(values: readonly string[]): Promise<void> {
    const actions = values.flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.#act([{ type: "key", id: "keyboard", actions }]);
  }

  type(text: string): Promise<void> {
    return this.#keys(Array.from(text));
  }

  press(key: keyof typeof KEYS): Promise<void> {
    return this.#keys([KEYS[key]]);
  }
}

export async function openFirefox(): Promise<TabBrowser> {
  const profile = await mkdtemp(`${tmpdir()}/copse-firefox-`);
  const args = [
    "--headless",
    "--no-remote",
    "--new-instance",
    "--profile",
    profile,
    "--remote-debugging-port=0",
  ];
  const { child, ended, stop } = start(FIREFOX as string, args, {
    MOZ_HEADLESS_WIDTH: "1360",
    MOZ_HEADLESS_HEIGHT: "860",
  });
  let said = "";
  const listening = new Promise<string>((resolve) => {
    child.stderr?.on("data", (data: Buffer) => {
      said += data.toString();
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(said) ?? [];
      if (address !== undefined) resolve(`${address}/session`);
    });
  });
  const close = async () => {
    stop();
    await ended.catch(() => undefined);
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    const bidi = await Bidi.connect(await Promise.race([listening, ended]));
    await bidi.send("session.new", { capabilities: {} });
    await bidi.send("session.subscribe", { events: ["log.entryAdded"] });
    const rooms = new Map<Tab, string>();
    const open = async (beside?: Tab) => {
      const shared = beside && rooms.get(beside);
      const userContext =
        shared ?? (await bidi.send<{ userContext: string }>("browser.createUserContext", {})).userContext;
      // A window each: timers of a tab behind another one are slow.
      const { context } = await bidi.send<{ context: string }>("browsingContext.create", {
        type: "window",
        userContext,
      });
      const tab = new FirefoxTab(bidi, context);
      rooms.set(tab, userContext);
      return tab;
    };
    return { open, close };
  } catch (error) {
    await close();
    throw error;
  }
}
