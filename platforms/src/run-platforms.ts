// RFC 9420 §17.1: gets platforms one after the other, and runs several at once.
import type { Job } from "./launch.js";
import type { Platform } from "./platforms.js";
import type { FactsLine, ProviderLine, RefusalLine, SuiteLine, TokenPlace } from "./report.js";

/** What came of one platform. */
export interface PlatformResult {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** Why it can't be had. */
  readonly missing?: string;
  /** What ended it before it came to its end. */
  readonly broken?: string;
  readonly facts?: FactsLine;
  readonly providers: readonly ProviderLine[];
  readonly refusals: readonly RefusalLine[];
  readonly suites: readonly SuiteLine[];
}

export interface RunPlatforms {
  readonly platforms: readonly Platform[];
  readonly job: Job;
  /** The token of each platform, by its name, if it is to try one. */
  token?(name: string): TokenPlace | undefined;
  /** Whether what isn't here is fetched. */
  readonly fetch: boolean;
  readonly jobs: number;
  say(line: string): void;
}

/** Results in the order of the platforms. Doesn't throw for what a platform does. */
export async function runPlatforms(options: RunPlatforms): Promise<PlatformResult[]> {
  const { platforms, fetch, jobs, say } = options;
  const results = new Map<string, Promise<PlatformResult>>();
  const running = new Set<Promise<unknown>>();
  for (const platform of platforms) {
    const { name, title } = platform;
    let got: Awaited<ReturnType<Platform["get"]>>;
    try {
      got = await platform.get(fetch);
    } catch (error) {
      const missing = (error as Error).message;
      say(`${name}: not got: ${missing}`);
      const nothing = { providers: [], refusals: [], suites: [] };
      results.set(name, Promise.resolve({ name, title, version: "", missing, ...nothing }));
      continue;
    }
    while (running.size >= jobs) await Promise.race(running);
    const { command, version } = got;
    const result = runOne(platform, command, version, options);
    const entry = result.finally(() => running.delete(entry));
    running.add(entry);
    results.set(name, result);
  }
  return Promise.all(results.values());
}

async function runOne(
  platform: Platform,
  command: string,
  version: string,
  { job, say, token: tokenOf }: RunPlatforms,
): Promise<PlatformResult> {
  const { name, title } = platform;
  const begun = performance.now();
  say(`${name}: ${title} ${version}`);
  const suites: SuiteLine[] = [];
  const providers: ProviderLine[] = [];
  const refusals: RefusalLine[] = [];
  let facts: FactsLine | undefined;
  let broken: string | undefined;
  try {
    const token = tokenOf?.(name);
    const options = { ...platform.runs, ...job.options, ...(token && { token }) };
    await platform.launch(command, { ...job, options }, (line) => {
      if (line.kind === "facts") facts = line;
      // Of what isn't run nothing is claimed.
      const claimed = (id: number) => platform.runs?.suites?.includes(id) ?? true;
      if (line.kind === "provider") providers.push({ ...line, serves: line.serves.filter(claimed) });
      if (line.kind === "refusal") {
        refusals.push(line);
        say(`${name}: ${line.provider}: not served: ${line.reason}`);
      }
      if (line.kind === "suite") {
        suites.push(line);
        const { provider, id, passed, verdicts, failed, session } = line;
        const outcome = session === "" ? "session ok" : session;
        const checks = `${passed} passed (${verdicts} verdicts), ${failed.length} failed`;
        say(`${name}: ${provider}, suite ${id}: ${checks}, ${outcome}`);
      }
    });
  } catch (error) {
    broken = (error as Error).message;
    say(`${name}: ${broken}`);
  }
  say(`${name}: took ${Math.round((performance.now() - begun) / 1000)} s`);
  return {
    name,
    title,
    version,
    providers,
    suites,
    refusals,
    ...(facts === undefined ? {} : { facts }),
    ...(broken === undefined ? {} : { broken }),
  };
}
