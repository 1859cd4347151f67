// `npm run chat`: the chat's page and its delivery service.
import { parseArgs } from "node:util";
import { DEFAULT_DATA, serveChat } from "./serve.js";

const DEFAULT_PORT = 5190;

const HELP = `Usage: npm run chat -- [options]

  --port 5190      where the page is (0: any that is free)
  --nats           NATS JetStream carries the messages, by nats-server of your
                   system; otherwise the service is part of this process
  --data FOLDER    where the service keeps its data (default: .cache/chat)
  --temporary      keeps nothing: begins with no data, and removes them at the end
  --help           show this help

Open the address in several tabs, and be somebody else in each.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: String(DEFAULT_PORT) },
      nats: { type: "boolean", default: false },
      data: { type: "string", default: DEFAULT_DATA },
      temporary: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const port = Number(values.port);
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536))
    throw new Error(`--port: expected 0 to 65535, got "${values.port}"`);
  const data = values.temporary ? undefined : values.data;
  const server = await serveChat({ data, port, delivery: values.nats ? "nats" : "http" });
  process.stdout.write(`Copse chat: ${server.url}
  delivery   ${server.service.name}, ${server.service.url}
  data       ${data ?? "removed at the end"}
Open it in several tabs, and be somebody else in each. Ctrl+C ends it.
`);
  const stop = () => void server.close().then(() => process.exit(0));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`chat: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  process.exitCode = 1;
});
