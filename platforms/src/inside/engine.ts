// RFC 9420 §17.1: run by an engine alone, such as React Native's: options in a global, lines by a function `print`.
import "./polyfills.js";
import "./seeded-random.js";
import { nobleProvider } from "@copse/provider-noble";
import type { Line, RunOptions } from "../report.js";
import { provided } from "./polyfills.js";
import type { ProviderEntry } from "./providers.js";
import { run } from "./run.js";

const { copsePlatform, print } = globalThis as unknown as {
  readonly copsePlatform: { readonly options: RunOptions };
  print(line: string): void;
};

/** The others need Node, WebCrypto or WASM, none of which is part of an engine. */
const PROVIDERS: readonly ProviderEntry[] = [
  { name: "noble", second: "webcrypto", load: async () => nobleProvider() },
];

async function main(): Promise<void> {
  const say = (line: Line | { kind: "error"; error: string }) => print(JSON.stringify(line));
  try {
    for await (const line of run(PROVIDERS, copsePlatform.options)) {
      say(line.kind === "facts" ? { ...line, provided } : line);
    }
  } catch (error) {
    say({ kind: "error", error: String(error) });
  }
}

void main();
