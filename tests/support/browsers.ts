// Real browsers, which show pages of ours that ask this process. Chromium; and all that are here, if COPSE_BROWSERS=all.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BROWSERS as ALL } from "../../platforms/src/browsers.js";
import { Unavailable } from "../../platforms/src/get.js";
import { bundle } from "./bundle.js";
import { CHROMIUM, launch } from "./chromium.js";

export interface ShownBrowser {
  readonly name: string;
  /** Shows pages, each in a tab of its own, until `done` has settled. */
  show<T>(addresses: readonly string[], done: Promise<T>): Promise<T>;
}

/** Chromium without a window takes one address on its command line. */
const inChromium: ShownBrowser = {
  name: "chromium",
  async show(addresses, done) {
    const browser = await launch();
    try {
      const context = await browser.newContext();
      for (const address of addresses) await (await context.newPage()).goto(address);
      return await done;
    } finally {
      await browser.close();
    }
  },
};

const wanted = (process.env.COPSE_BROWSERS ?? "chromium").split(",");

async function found({ name, get, show }: (typeof ALL)[number]): Promise<ShownBrowser[]> {
  if (!wanted.includes(name) && !wanted.includes("all")) return [];
  if (name === "chromium") return CHROMIUM === undefined ? [] : [inChromium];
  try {
    const { command } = await get(false);
    return [{ name, show: (addresses, done) => show(command, addresses, done) }];
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.warn(`\n*** NO ${name.toUpperCase()} HERE: what runs in it is NOT TESTED. ***\n`);
    return [];
  }
}

/** Those that are here, of those that are wanted. */
export const BROWSERS: readonly ShownBrowser[] = (await Promise.all(ALL.map(found))).flat();

/** A promise, and the functions that settle it. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // It may be rejected before anybody waits for it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** What a page's script begins with: `ask` hands something to {@link Site}'s `answer`, and returns what that returns. */
const PRELUDE = `
  const ask = async (question) => {
    const response = await fetch("/ask", { method: "POST", body: JSON.stringify(question) });
    if (!response.ok) throw new Error(await response.text());
    return response.json();
  };
  const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const text = (name) => new URLSearchParams(location.search).get(name) ?? "";
`;

/** A site with pages, at `/` and below, that all run one script. */
export interface Site {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves a page whose script is bundled from the packages' sources. It can `await`; what it throws is asked as `{ error }`.
 * @param answer gets what the page asks, as JSON, and answers the same way
 * @param worker another script, at `/worker.js`
 */
export async function serve(
  script: { readonly imports: string; readonly code: string; readonly worker?: string },
  answer: (question: never) => unknown,
): Promise<Site> {
  const page = `${script.imports}
    ${PRELUDE}
    void (async () => { ${script.code} })().catch((error) => ask({ error: String(error?.stack ?? error) }));`;
  const scripts: Record<string, string> = { "/page.js": await bundle(page, "neutral") };
  if (script.worker !== undefined) scripts["/worker.js"] = await bundle(script.worker, "neutral");
  const answered = async (body: string) => JSON.stringify((await answer(JSON.parse(body) as never)) ?? null);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "POST") {
      const parts: Buffer[] = [];
      request.on("data", (data: Buffer) => parts.push(data));
      request.on("end", () => {
        answered(Buffer.concat(parts).toString()).then(
          (text) => response.writeHead(200, { "content-type": "application/json" }).end(text),
          (error) => response.writeHead(500).end(String(error)),
        );
      });
      return;
    }
    const code = scripts[pathname];
    response.writeHead(200, { "content-type": code === undefined ? "text/html" : "text/javascript" });
    response.end(
      code ??
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/page.js"></script>',
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
