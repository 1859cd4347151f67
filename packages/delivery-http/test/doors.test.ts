// Whoever opens a page of any site lends it a place in the own network: which pages, and which names, get in.
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { ROUTES } from "../src/wire/routes.js";
import { encode } from "../src/wire/shape.js";
import { challenge, login, post, Raw, tokenOf, untilClosed } from "./raw.js";
import { refusal, TestService } from "./support.js";

let service: TestService | undefined;

async function start(options: ConstructorParameters<typeof TestService>[0] = {}): Promise<TestService> {
  service = await new TestService(options).start();
  return service;
}

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const EVIL = "https://evil.example";

/** What a page of this origin is answered with: a call, what a browser asks before it, and a socket. */
async function asPage(url: string, origin: string) {
  const body = encode(ROUTES.challenge.body, {});
  const called = await fetch(url + ROUTES.challenge.path, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { "content-type": "application/cbor", origin },
  });
  const asked = await fetch(url + ROUTES.login.path, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  const ws = new WebSocket(`${url.replace("http", "ws")}/v1/socket`, { origin });
  ws.on("error", () => undefined);
  const socket = await new Promise<number>((resolve) => {
    ws.once("open", () => resolve(101));
    ws.once("unexpected-response", (_, { statusCode = 0 }) => resolve(statusCode));
  });
  ws.terminate();
  const mayRead = [called, asked].map(({ headers }) => headers.get("access-control-allow-origin"));
  return { statuses: [called.status, asked.status, socket], mayRead };
}

const isOpen = (origin: string) => ({ statuses: [200, 204, 101], mayRead: [origin, origin] });
const CLOSED = { statuses: [403, 403, 403], mayRead: [null, null] };

/** The status of an answer of a service that was reached by this name. */
async function byName(url: string, host: string): Promise<string | undefined> {
  const head = `GET /openapi.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return (await untilClosed(url, head)).split(" ")[1];
}

async function socketByName(url: string, host: string): Promise<string | undefined> {
  const key =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
  return (await untilClosed(url, `GET /v1/socket HTTP/1.1\r\nHost: ${host}\r\n${key}\r\n`)).split(" ")[1];
}

describe("a service on this machine", () => {
  it("has nothing for a page of another site, and answers those of this machine", async () => {
    const running = await start();
    const { url, counters } = running.server;
    const other = await new TestService().start();
    const foreign = await challenge(other.server.url);
    await other.stop();
    for (const origin of [EVIL, "null", "http://localhost.evil.example", "https://127.0.0.1.evil.example"])
      expect(await asPage(url, origin), origin).toEqual(CLOSED);
    expect(counters).toMatchObject({ forbidden: 12, requests: 8, sockets: 0 });
    // It is refused before anything else is looked at.
    const own = await login(url, "page", await running.signer("page"), { challenge: foreign });
    const signed = encode(ROUTES.login.body, own);
    expect(await post(url, ROUTES.login.path, signed, { origin: EVIL })).toMatchObject({ status: 403 });
    expect(await post(url, ROUTES.login.path, signed)).toMatchObject({ status: 401 });
    for (const origin of [
      "http://localhost:5173",
      "http://127.0.0.1",
      "https://chat.localhost",
      "http://[::1]:80",
    ])
      expect(await asPage(url, origin), origin).toEqual(isOpen(origin));
  });

  it("isn't called by a name that a page's site has given it", async () => {
    const { url, counters } = (await start()).server;
    const { port } = new URL(url);
    for (const name of [
      "evil.example",
      `evil.example:${port}`,
      "localhost.evil.example",
      "1.2.3.4.evil.example",
      "a b",
    ]) {
      expect(await byName(url, name), name).toMatch(/^40[03]$/);
      expect(await socketByName(url, name), name).toMatch(/^40[03]$/);
    }
    expect(counters.forbidden).toBeGreaterThanOrEqual(8);
    // An address is nobody's name.
    for (const name of [`localhost:${port}`, "127.0.0.1", "[::1]", "192.168.0.7", "2130706433"])
      expect(await byName(url, name), name).toBe("200");
  });
});

describe("a service that has origins", () => {
  it("answers pages of these, and those that it is told", async () => {
    const origins = ["https://chat.example"];
    const pages = ["https://APP.example/", "capacitor://localhost", "null"];
    const { url } = (await start({ origins, pages })).server;
    for (const origin of [...origins, "https://app.example", "capacitor://localhost", "null"])
      expect(await asPage(url, origin), origin).toEqual(isOpen(origin));
    for (const origin of [EVIL, "http://chat.example", "https://chat.example:444", "http://localhost:5173"])
      expect(await asPage(url, origin), origin).toEqual(CLOSED);
    expect([await byName(url, "chat.example"), await byName(url, "evil.example")]).toEqual(["200", "403"]);
  });

  it("answers all pages if it is told so, and all names behind a proxy, which decides that", async () => {
    const running = await start({ pages: "any", addressOf: () => "" });
    const { url } = running.server;
    expect(await asPage(url, EVIL)).toEqual(isOpen(EVIL));
    expect(await byName(url, "inner.example")).toBe("200");
    const raw = await new Raw(url).open(await tokenOf(url, "alice", await running.signer("alice")));
    await raw.until((frames) => frames.length > 0);
    raw.ws.terminate();
  });

  it("isn't started with something else for one", async () => {
    expect(await refusal(new TestService({ pages: ["chat.example"] }).start())).toBe("invalid");
  });
});
