// The service by HTTP: in a process of its own, with SQLite in a folder; each message is on the disk when it is acknowledged.
import { writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { Client, insecureAcceptAll } from "@copse/core";
import { type HttpDeliveryOptions, httpDelivery } from "@copse/delivery-http";
import { nodeProvider } from "@copse/provider-node";
import { Children, freePorts } from "./children.js";
import type { Station } from "./station.js";

/** All that is measured comes from one machine, and as fast as it can. */
const PROGRAM = `
const [server, data, port] = process.argv.slice(2);
const { serveDelivery } = await import(server);
const many = { perSecond: 1e9, burst: 1e9 };
const kinds = ["login", "register", "call", "message", "byte", "handshake", "claim", "claimed", "proof", "socket"];
const rates = Object.fromEntries(kinds.map((kind) => [kind, many]));
// All clients have one address here, each a socket, and calls besides.
const quotas = { connectionsOfAddress: 100_000, connections: 100_000 };
await serveDelivery({ data, port: Number(port), rates, quotas, admit: () => true });
`;

/** Calls that are under way at a time, of all clients together: on their own devices they would have connections of their own. */
const CALLS = 256;
/** Ten thousand clients at once have to wait for each other in this process. */
const TIMEOUT = 300_000;

type Fetch = NonNullable<HttpDeliveryOptions["fetch"]>;

/** As the platform's `fetch`, with a bounded number of connections, and less work for each call: all clients share this process. */
function fetchBy(agent: Agent): Fetch {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const called = request(url, {
        agent,
        method,
        headers: { ...headers, "content-length": body.length },
        signal,
      });
      called.on("error", reject);
      called.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("error", reject);
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const { buffer } = new Uint8Array(Buffer.concat(chunks));
          resolve({ status: response.statusCode ?? 0, arrayBuffer: async () => buffer });
        });
      });
      called.end(body);
    });
}

export async function httpStation(): Promise<Station> {
  const children = await Children.in("http");
  try {
    const [port = 0] = await freePorts(1);
    const program = join(children.folder, "service.mjs");
    await writeFile(program, PROGRAM);
    const server = import.meta.resolve("@copse/delivery-http/server");
    await children.start(process.execPath, [program, server, join(children.folder, "data"), `${port}`], port);
    const crypto = nodeProvider();
    const agent = new Agent({ keepAlive: true, maxSockets: CALLS });
    const [url, fetch] = [`http://127.0.0.1:${port}`, fetchBy(agent)];
    return {
      name: "http",
      async connect(n) {
        const credential = `user-${n}`;
        const client = await Client.create({
          crypto,
          suite: 1,
          credential,
          authentication: insecureAcceptAll(),
        });
        const delivery = httpDelivery({ url, user: credential, client, fetch, timeout: TIMEOUT });
        await delivery.login();
        return delivery;
      },
      async close() {
        agent.destroy();
        await children.close();
      },
    };
  } catch (error) {
    await children.close();
    throw error;
  }
}
