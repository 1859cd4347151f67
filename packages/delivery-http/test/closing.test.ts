// What is closed ends at once, whatever the other side does: calls that nobody waits for any more, and connections.
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { TestService } from "./support.js";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A service that takes requests and answers none, and the ends of their connections. */
async function silent() {
  let come: () => void = () => undefined;
  let end: () => void = () => undefined;
  const hasCome = new Promise<void>((resolve) => {
    come = resolve;
  });
  const isEnded = new Promise<void>((resolve) => {
    end = resolve;
  });
  const made = createServer((request) => {
    request.socket.once("close", end);
    come();
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}`, hasCome, isEnded };
}

it("ends a login that has no answer", async () => {
  const { url, hasCome, isEnded } = await silent();
  const client = await new TestService().connect("alice", "phone", { url, timeout: 600_000 });
  const call = client.countKeyPackages(1);
  await hasCome;
  await client.close();
  await expect(call).rejects.toMatchObject({ code: "closed" });
  await isEnded;
});

it("says which service can't be reached, and why, without what is secret in its URL", async () => {
  const url = "http://me:password@127.0.0.1:9/secret/?key=secret";
  // Platforms refuse some ports and passwords in URLs: what they say isn't the question here.
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" });
  const causes: [unknown, string][] = [
    [refused, ": ECONNREFUSED"],
    [new Error("bad port"), ": bad port"],
    [new Error(`can't read ${url}`), ""],
    [undefined, ""],
  ];
  for (const [cause, reason] of causes) {
    const failed = async () => Promise.reject(new TypeError("fetch failed", { cause }));
    const client = await new TestService().connect("alice", "phone", { url, fetch: failed });
    const message = `the service at http://127.0.0.1:9 can't be reached${reason}`;
    await expect(client.countKeyPackages(1)).rejects.toMatchObject({ code: "unavailable", message });
    await client.close();
  }
});

it("says so of a service that isn't there", async () => {
  const { url } = await silent();
  server?.close();
  await new Promise((resolve) => server?.once("close", resolve));
  const client = await new TestService().connect("alice", "phone", { url });
  const message = `the service at ${url} can't be reached: ECONNREFUSED`;
  await expect(client.countKeyPackages(1)).rejects.toMatchObject({ code: "unavailable", message });
});

const UPGRADE =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";

it.each([
  ["a path that isn't there", `GET /nothing HTTP/1.1\r\nhost: localhost\r\n${UPGRADE}\r\n\r\n`, "404"],
  ["what isn't HTTP", "what is this?\r\n\r\n", "400"],
])(
  "ends a connection that it has refused, though the client keeps its half open: %s",
  async (_, text, status) => {
    const service = await new TestService().start();
    const { port } = new URL(service.server.url);
    const socket = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
    const answer = await new Promise<string>((resolve) => {
      let got = "";
      socket.on("data", (data) => {
        got += data;
      });
      socket.on("end", () => resolve(got));
      socket.write(text);
    });
    expect(answer).toContain(status);
    // It waits for all connections.
    await service.stop();
    socket.destroy();
  },
);
