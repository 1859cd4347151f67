// Clients in other threads, and in this one by the same messages.
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { Client, type ClientOptions, generateSigner, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { bundle } from "@copse/test-support/bundle";
import { connectClient, type Serving, serveClient, type WebPort, type WorkerClient } from "@copse/worker";

export type Options = Partial<Omit<ClientOptions, "crypto">>;

const provider = nodeProvider();

export async function makeClient(options: Options = {}): Promise<Client> {
  const { credential = "alice", authentication = insecureAcceptAll(), suite = 1, ...rest } = options;
  const signer = await generateSigner(provider, suite);
  return Client.create({ crypto: provider, credential, authentication, suite, signer, ...rest });
}

let script: Promise<string> | undefined;

/** A thread that serves a client. */
export async function startWorker(): Promise<Worker> {
  script ??= bundle(
    `import { parentPort } from "node:worker_threads";
    import { Client, insecureAcceptAll } from "@copse/core";
    import { nodeProvider } from "@copse/provider-node";
    import { serveClient } from "@copse/worker";
    parentPort.on("message", (message) => {
      if (message === "throw") throw new TypeError("thrown on purpose");
      if (message === "exit") process.exit(3);
    });
    const { closed } = serveClient({
      port: parentPort,
      make: ({ hang, ...options }) => hang ? new Promise(() => {}) : Client.create({
        crypto: nodeProvider(), suite: 1, credential: "alice", authentication: insecureAcceptAll(), ...options,
      }),
    });
    void closed.then(() => process.exit(0));`,
    "node",
  );
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(await script)}`));
}

/** What a browser's port can do, over one of Node's. */
export function webPort(port: MessagePort): WebPort & { start(): void } {
  const listeners = new Map<(event: unknown) => void, (value: unknown) => void>();
  return {
    postMessage: (message, { transfer }) => port.postMessage(message, transfer),
    addEventListener(type, listener) {
      const own = (data: unknown) => listener({ data });
      listeners.set(listener, own);
      port.on(type, own);
    },
    removeEventListener(type, listener) {
      port.off(type, listeners.get(listener) ?? (() => undefined));
    },
    start: () => port.start(),
  };
}

const open: MessagePort[] = [];

export function closePorts(): void {
  for (const port of open.splice(0)) port.close();
}

/** A client served in this thread, by ports of either kind. @param own what only the worker's side has */
export async function connected(
  options: Options = {},
  kind: "node" | "web" = "node",
  own: Options = {},
): Promise<{ client: WorkerClient; served: Client; serving: Serving; port: MessagePort; page: MessagePort }> {
  const { port1, port2 } = new MessageChannel();
  open.push(port1, port2);
  const made: Client[] = [];
  const make = async (given: Options) => {
    const one = await makeClient({ ...given, ...own });
    made.push(one);
    return one;
  };
  const serving = serveClient<Options>({ port: kind === "web" ? webPort(port1) : port1, make });
  const client = await connectClient<Options>(kind === "web" ? webPort(port2) : port2, options);
  return { client, served: made[0] as Client, serving, port: port1, page: port2 };
}
