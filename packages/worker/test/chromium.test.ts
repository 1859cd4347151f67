// RFC 9420 §12.4.3.1: in a real browser, a page stays live while its worker joins a group of 1,000, and a worker's end is noticed.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { bundle } from "@copse/test-support/bundle";
import { CHROMIUM, launch } from "@copse/test-support/chromium";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeClient } from "./workers.js";

const MEMBERS = 1000;

const WORKER = `
  import { Client } from "@copse/core";
  import { libsodiumProvider } from "@copse/provider-libsodium";
  import { serveClient } from "@copse/worker";
  serveClient({
    port: self,
    make: async ({ credential, authentication }) =>
      Client.create({ crypto: await libsodiumProvider(), credential, authentication }),
  });
`;

const PAGE = `
  import { connectClient, WorkerError } from "@copse/worker";
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  let client, worker, asked = 0;
  globalThis.start = async () => {
    worker = new Worker("/worker.js");
    const authentication = { validate: () => { asked++; return true; } };
    client = await connectClient(worker, { credential: "page", authentication });
    return btoa(String.fromCharCode(...await client.createKeyPackage()));
  };
  globalThis.join = async (welcome) => {
    const bytes = base64(welcome);
    const gaps = [];
    let last = performance.now(), on = true;
    requestAnimationFrame(function tick(now) {
      gaps.push(now - last);
      last = now;
      if (on) requestAnimationFrame(tick);
    });
    const from = performance.now();
    const group = await client.join(bytes);
    const joined = performance.now() - from;
    on = false;
    const frames = gaps.length;
    const longest = Math.max(...gaps);
    return { joined, frames, longest, asked, members: group.members.length, epoch: String(group.epoch),
      authenticator: hex(group.epochAuthenticator), last: group.member(${MEMBERS - 1})?.leafIndex };
  };
  globalThis.die = async () => {
    const open = client.createKeyPackage().then(() => client.createGroup());
    worker.terminate();
    const errors = await Promise.all([client.ended, open.catch((error) => error), client.createGroup().catch((error) => error)]);
    return errors.map((error) => [error instanceof WorkerError, error?.message]);
  };
`;

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const run = <T>(code: string): Promise<T> => page.evaluate(code);

  beforeAll(async () => {
    const files: Record<string, string> = {
      "/worker.js": await bundle(WORKER, "neutral"),
      "/page.js": await bundle(PAGE, "neutral"),
    };
    server = createServer(({ url = "/" }, response) => {
      const script = files[url];
      const page = '<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>';
      response.setHeader("content-type", script === undefined ? "text/html" : "text/javascript");
      response.end(script ?? page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await launch();
    page = await browser.newPage();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test(`frames go on while a worker joins a group of ${MEMBERS}`, async () => {
    const keyPackage = Buffer.from(await run<string>("start()"), "base64");
    const creator = await makeClient({ credential: "creator", suite: 3 });
    const group = await creator.createGroup();
    const others: Uint8Array[] = [];
    for (let i = 2; i < MEMBERS; i++) {
      others.push(await (await makeClient({ credential: `member ${i}`, suite: 3 })).createKeyPackage());
    }
    const { welcome } = await group.add([...others, new Uint8Array(keyPackage)]);
    await group.mergePendingCommit();

    const sent = JSON.stringify(Buffer.from(welcome as Uint8Array).toString("base64"));
    const joined = await run<Record<string, number | string>>(`join(${sent})`);
    expect(joined).toMatchObject({
      members: MEMBERS,
      epoch: "1",
      last: MEMBERS - 1,
      authenticator: Buffer.from(group.epochAuthenticator).toString("hex"),
    });
    // The page was asked for every member, and drew frames all the while: a busy machine makes some late.
    expect(joined.asked).toBeGreaterThanOrEqual(MEMBERS);
    console.info(
      `joined ${MEMBERS} in ${Math.round(Number(joined.joined))} ms, ${joined.frames} frames, the longest pause ${Math.round(Number(joined.longest))} ms`,
    );
    expect(Number(joined.frames)).toBeGreaterThan(3);
    expect(Number(joined.longest)).toBeLessThan(Math.max(100, Number(joined.joined) / 2));
    expect(complaints).toEqual([]);
  });

  test("a worker that is terminated is noticed", async () => {
    for (const [isWorkerError, message] of await run<[boolean, string][]>("die()")) {
      expect(isWorkerError).toBe(true);
      expect(message).toMatch(/terminated/);
    }
  });
});
