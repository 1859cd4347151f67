// RFC 9420 §16.2: in a real browser, a client with its storage runs in a worker. The page, loaded again, finds its groups.
import type { Group } from "@copse/core";
import { type Site, serve } from "@copse/test-support/browsers";
import { text } from "@copse/test-support/bytes";
import { CHROMIUM, launch } from "@copse/test-support/chromium";
import { party } from "@copse/test-support/clients";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const SCRIPT = {
  worker: `
    import { insecureAcceptAll } from "@copse/core";
    import { openClient } from "@copse/core/storage";
    import { webCryptoProvider } from "@copse/provider-webcrypto";
    import { indexedDbStorage } from "@copse/storage-indexeddb";
    import { serveClient } from "@copse/worker";
    const storage = indexedDbStorage({ name: "alice" });
    serveClient({
      port: self,
      make: async ({ credential }) => openClient({ storage, crypto: await webCryptoProvider(), suite: 2, credential,
        authentication: insecureAcceptAll() }),
    });`,
  imports: `import { connectStoredClient } from "@copse/worker";`,
  code: `
    const worker = new Worker("/worker.js");
    const client = await connectStoredClient(worker, { credential: "alice" });
    let changes = 0;
    client.watch(() => changes++);
    const group = async () => client.group((await client.knownGroups())[0].groupId);
    globalThis.page = {
      known: async () => (await client.knownGroups()).map(({ status }) => status),
      create: async (keyPackage) => {
        const made = await client.createGroup();
        const { welcome } = await made.add(fromBase64(keyPackage));
        await made.mergePendingCommit();
        return toBase64(welcome);
      },
      send: async (what) => toBase64(await (await group()).encrypt(what)),
      members: async () => (await group()).members.length,
      changed: () => changes > 0,
      end: () => worker.terminate(),
    };`,
};

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let browser: Browser;
  let site: Site;
  const errors: unknown[] = [];
  const call = <T>(page: Page, name: string, ...args: string[]): Promise<T> =>
    page.evaluate(`page.${name}(...${JSON.stringify(args)})`);

  beforeAll(async () => {
    site = await serve(SCRIPT, (asked) => void errors.push(asked));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  const ready = (page: Page) => page.waitForFunction("globalThis.page !== undefined");

  it("keeps its state over loading the page again and the end of the worker, and tells of other tabs", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(site.address);
    await ready(page);
    expect(await call(page, "known")).toEqual([]);
    const bob = await party("bob", { suite: 2 });
    const keyPackage = Buffer.from(await bob.client.createKeyPackage()).toString("base64");
    const welcome = await call<string>(page, "create", keyPackage);
    const b: Group = await bob.client.join(Buffer.from(welcome, "base64"));
    const arrives = async (from: Page, what: string) => {
      const received = await b.receive(Buffer.from(await call<string>(from, "send", what), "base64"));
      expect(received.kind === "application" && text(received.data)).toBe(what);
    };
    await arrives(page, "before");
    await page.reload();
    await ready(page);
    expect(await call(page, "known")).toEqual(["active"]);
    await arrives(page, "after");
    await call(page, "end");
    await page.reload();
    await ready(page);
    await arrives(page, "after the worker was terminated");

    const other = await context.newPage();
    await other.goto(site.address);
    await ready(other);
    await arrives(other, "from the other tab");
    await expect.poll(() => call<boolean>(page, "changed")).toBe(true);
    await arrives(page, "and from the first one again");
    expect(await call(page, "members")).toBe(2);
    expect(errors).toEqual([]);
    await context.close();
  });
});
