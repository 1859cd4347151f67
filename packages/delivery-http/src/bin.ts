// The program: npx -p @copse/delivery-http copse-delivery --data ./data
import { parseArgs } from "node:util";
import { takeOrigins, takePages } from "./server/doors.js";
import { type ServeDeliveryOptions, serveDelivery } from "./server.js";

const HELP = `usage: copse-delivery --data FOLDER [options]

A delivery service for Copse in one process.

  --data FOLDER       where it keeps its data. One that isn't there is made
  --port 8080         where it listens (0: any that is free)
  --host 127.0.0.1    at which address: by default for this machine alone;
                      0.0.0.0 or :: for others, too. It speaks HTTP without
                      TLS: let a proxy before it do that, and name the
                      proxy's address by --origin
  --origin https://chat.example
                      by which clients reach it, if not by this machine's
                      names; once for each
  --page https://app.example
                      whose web pages may call it besides those; once for each
  --help              show this help
`;

/** What each option that has a value expects. */
const EXPECTED = {
  data: "a folder",
  port: "0 to 65535",
  host: "an address of this machine",
  origin: "an origin such as https://chat.example",
  page: "an origin such as https://app.example",
};
type Name = keyof typeof EXPECTED;

/** A wrong command line. */
class UsageError extends Error {}

type Values = Partial<Record<Name, readonly string[]>>;

/** @returns `undefined` if help is asked for @throws UsageError */
function read(args: string[]): Values | undefined {
  const string = { type: "string" } as const;
  const names = Object.fromEntries(Object.keys(EXPECTED).map((name) => [name, string]));
  const options = { ...names, help: { type: "boolean", short: "h" } } as const;
  // Not strict: its messages are Node's, and say nothing of what is expected.
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  if (tokens.some((token) => token.kind === "option" && token.name === "help")) return undefined;
  const values: Partial<Record<Name, string[]>> = {};
  for (const token of tokens) {
    if (token.kind === "positional") throw new UsageError(`expected options alone, got "${token.value}"`);
    if (token.kind === "option-terminator") continue;
    const { name, rawName, value, inlineValue = false } = token;
    if (!Object.hasOwn(EXPECTED, name)) throw new UsageError(`there is no option ${rawName}`);
    // The next option, where a value was left out. What begins like one can be given by `=`.
    const isNext = !inlineValue && value?.startsWith("--") === true;
    if (value === undefined || value === "" || isNext)
      throw new UsageError(
        `--${name}: expected ${EXPECTED[name as Name]}, got ${isNext ? value : "nothing"}`,
      );
    values[name as Name] = [...(values[name as Name] ?? []), value];
  }
  return values;
}

/** @throws UsageError; DeliveryError `invalid` */
function optionsOf({ data, port = ["8080"], host, origin, page }: Values): ServeDeliveryOptions {
  const last = (values: readonly string[]) => values.at(-1) as string;
  if (data === undefined) throw new UsageError(`--data: expected ${EXPECTED.data}, got nothing`);
  const text = last(port);
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new UsageError(`--port: expected ${EXPECTED.port}, got ${text}`);
  return {
    data: last(data),
    port: Number(text),
    ...(host && { host: last(host) }),
    ...(origin && { origins: takeOrigins("--origin", origin) }),
    ...(page && { pages: takePages("--page", page) }),
  };
}

async function main(): Promise<void> {
  const values = read(process.argv.slice(2));
  if (values === undefined) return void process.stdout.write(HELP);
  const server = await serveDelivery(optionsOf(values));
  process.stdout.write(`${server.url}\n`);
  const stop = () => void server.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  // Those of the service name its options as they are called there.
  const text = message.replace(/^(?=(?:data|host|port): )/, "--");
  process.stderr.write(`copse-delivery: ${text}\n${error instanceof UsageError ? `\n${HELP}` : ""}`);
  process.exit(1);
});
