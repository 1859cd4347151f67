// RFC 9420 §17.1: run by a page: options in its address, each line posted to where it came from.
import type { Line, RunOptions } from "../report.js";
import { PROVIDERS } from "./providers.js";
import { run } from "./run.js";

const post = (line: Line | { kind: "error"; error: string }) =>
  fetch("/line", { method: "POST", body: JSON.stringify(line) });

try {
  const given = new URLSearchParams(globalThis.location.search).get("options");
  for await (const line of run(PROVIDERS, JSON.parse(given ?? "{}") as RunOptions)) await post(line);
} catch (error) {
  await post({ kind: "error", error: String(error) });
}
