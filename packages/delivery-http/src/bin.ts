// The program: npx -p @copse/delivery-http copse-delivery --data ./data
import { parseArgs } from "node:util";
import { takeOrigins, takePages } from "./server/doors.js";
import { serveDelivery } from "./server.js";

const HELP = `usage: copse-delivery --data FOLDER [--port 8080] [--host 127.0.0.1] [--origin https://chat.example]... [--page https://app.example]...

A delivery service for Copse in one process. --origin: by which clients reach it; --page: whose web pages may call it besides those;
once for each.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      port: { type: "string", default: "8080" },
      host: { type: "string", default: "127.0.0.1" },
      origin: { type: "string", multiple: true },
      page: { type: "string", multiple: true },
      help: { type: "boolean", short: "h" },
    },
  });
  const port = Number(values.port);
  if (values.help) return void process.stdout.write(HELP);
  if (!values.data) throw new Error(`--data: expected a folder, got nothing\n\n${HELP}`);
  if (!(Number.isInteger(port) && port >= 0 && port < 65536))
    throw new Error(`--port: expected 0 to 65535, got ${values.port}`);
  const server = await serveDelivery({
    data: values.data,
    port,
    host: values.host,
    ...(values.origin === undefined ? {} : { origins: takeOrigins("--origin", values.origin) }),
    ...(values.page === undefined ? {} : { pages: takePages("--page", values.page) }),
  });
  process.stdout.write(`${server.url}\n`);
  const stop = () => void server.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`copse-delivery: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
