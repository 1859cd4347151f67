// RFC 9420 §17.1: all that is run in a platform: each provider's conformance and a group session, suite by suite.
import type { CryptoProvider } from "@copse/core";
import { testProvider } from "@copse/provider-conformance";
import type { FactsLine, Line, RunOptions } from "../report.js";
import type { ProviderEntry } from "./providers.js";
import { session } from "./session.js";

/** An error in words of one line. */
function words(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split("\n")[0] as string;
}

async function works(trial: () => Promise<unknown>): Promise<boolean> {
  try {
    await trial();
    return true;
  } catch {
    return false;
  }
}

/** The smallest module of WebAssembly: its magic number and version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

async function facts(): Promise<FactsLine> {
  const curves: string[] = [];
  for (const [name, usages] of [
    ["X25519", ["deriveBits"]],
    ["Ed25519", ["sign", "verify"]],
    ["X448", ["deriveBits"]],
    ["Ed448", ["sign", "verify"]],
  ] as const) {
    const made = await works(async () => globalThis.crypto.subtle.generateKey({ name }, false, [...usages]));
    if (made) curves.push(name);
  }
  return { kind: "facts", curves, wasm: await works(() => WebAssembly.compile(EMPTY_MODULE)) };
}

/** Runs what is wanted and says what came of it, as it comes. The last line is `end`. */
export async function* run(
  entries: readonly ProviderEntry[],
  options: RunOptions,
): AsyncGenerator<Line, void, undefined> {
  const { providers, suites, effort = "full" } = options;
  yield await facts();
  const loaded = new Map<string, CryptoProvider>();
  const load = async ({ name, load }: ProviderEntry): Promise<CryptoProvider> => {
    const provider = loaded.get(name) ?? (await load(options));
    loaded.set(name, provider);
    return provider;
  };
  for (const entry of entries) {
    const { name } = entry;
    if (!(providers?.includes(name) ?? true)) continue;
    let provider: CryptoProvider;
    try {
      provider = await load(entry);
    } catch (error) {
      yield { kind: "refusal", provider: name, reason: words(error) };
      continue;
    }
    yield { kind: "provider", provider: name, serves: provider.suites.map(({ id }) => id) };
    const other = entries.find((one) => one.name === entry.second);
    const second = other && (await load(other).catch(() => undefined));
    for (const suite of provider.suites) {
      if (!(suites?.includes(suite.id) ?? true)) continue;
      const report = await testProvider(provider, {
        suites: [suite.id],
        effort,
        ...(second === undefined ? {} : { second }),
      });
      const went = await session(suite.id, provider, second ?? provider).then(() => "", words);
      yield {
        kind: "suite",
        provider: name,
        id: suite.id,
        name: suite.name,
        passed: report.passed,
        verdicts: report.verdicts,
        failed: report.checks
          .filter(({ outcome }) => outcome === "failed")
          .map((check) => ({ name: check.name, detail: check.detail })),
        session: went,
      };
    }
  }
  yield { kind: "end" };
}
