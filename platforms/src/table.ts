// RFC 9420 §17.1: docs/platforms.md, from the rows of docs/platforms.json. The same rows give the same text.
import { PQ_SUITE_NAMES } from "@copse/provider-kit";
import { NO_TOKEN, type RunOptions } from "./report.js";
import type { PlatformResult } from "./run-platforms.js";

const PROVIDERS = ["webcrypto", "node", "libsodium", "sodium-native", "hpke", "noble", "pkcs11"] as const;

/** What is kept of a run on one platform. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** Of the run, as in 2026-11-29. */
  readonly date: string;
  readonly effort: NonNullable<RunOptions["effort"]>;
  /** The code points of the suites that each provider serves. */
  readonly serves: Readonly<Record<string, readonly number[]>>;
  readonly curves: readonly string[];
  /** What the platform lacks and the test provides. */
  readonly provided?: readonly string[];
  /** What came of it; absent for runs that were kept as a sum over all platforms only. */
  readonly counts?: { readonly checks: number; readonly verdicts: number; readonly sessions: number };
  readonly refusals: readonly { readonly provider: string; readonly reason: string }[];
}

const PQ_FIRST = 0xf001;
/** Suites of RFC 9420 by their code points, those of the draft by their place in its table. */
const label = (id: number) => (id < PQ_FIRST ? String(id) : `P${id - PQ_FIRST + 1}`);

/** `1–3 5 7 P1–P11` for code points in their order: three or more in a row are a range. */
function ranges(ids: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < ids.length; ) {
    let last = i;
    const isNext = (id: number | undefined) => id === (ids[last] as number) + 1;
    while (isNext(ids[last + 1])) last++;
    const [from, to] = [label(ids[i] as number), label(ids[last] as number)];
    parts.push(last === i ? from : last === i + 1 ? `${from} ${to}` : `${from}–${to}`);
    i = last + 1;
  }
  return parts.join(" ");
}

const wasNotTried = (refusals: PlatformResult["refusals"], provider: string) =>
  refusals.some((one) => one.provider === provider && one.reason.includes(NO_TOKEN));

/** The code points of the suites that a provider serves on a platform. */
const served = ({ providers }: PlatformResult, provider: string): number[] =>
  [...(providers.find((one) => one.provider === provider)?.serves ?? [])].sort((a, b) => a - b);

/** What is kept of a result that has no problem. */
export function rowOf(result: PlatformResult, effort: Row["effort"], date: string): Row {
  const { name, title, version, facts, suites, refusals } = result;
  const sum = (of: (suite: (typeof suites)[number]) => number) =>
    suites.reduce((total, suite) => total + of(suite), 0);
  return {
    name,
    title,
    version,
    date,
    effort,
    serves: Object.fromEntries(
      PROVIDERS.map((provider) => [provider, served(result, provider)] as const).filter(
        ([, ids]) => ids.length > 0,
      ),
    ),
    curves: facts?.curves ?? [],
    ...(facts?.provided && { provided: facts.provided }),
    counts: {
      checks: sum(({ passed }) => passed),
      verdicts: sum(({ verdicts }) => verdicts),
      sessions: sum(({ session }) => (session === "" ? 1 : 0)),
    },
    refusals: refusals.map(({ provider, reason }) => ({ provider, reason })),
  };
}

/** Rows with newer ones in the places of older ones, in an order of names. */
export function merged(rows: readonly Row[], newer: readonly Row[], names: readonly string[]): Row[] {
  const all = new Map([...rows, ...newer].map((row) => [row.name, row]));
  return names.flatMap((name) => all.get(name) ?? []);
}

function tableRow({ name, title, version, date, effort, serves, curves, counts }: Row): string {
  const cells = [name, `${title} ${version}`, date];
  const checks = counts === undefined ? "–" : `${counts.checks}${effort === "short" ? " (short)" : ""}`;
  for (const provider of PROVIDERS) cells.push(ranges(serves[provider] ?? []) || "no");
  return `| ${[...cells, curves.join(" ") || "none", checks, counts?.sessions ?? "–"].join(" | ")} |`;
}

/** The document of what was observed. */
export function render(rows: readonly Row[]): string {
  const refused = rows.flatMap(({ title, version, refusals }) =>
    refusals.map(({ provider, reason }) => `- ${title} ${version}, ${provider}: \`${reason}\``),
  );
  const provided = rows.flatMap(({ title, version, provided }) =>
    provided
      ? [`- ${title} ${version}: ${provided.map((name) => `\`${name}\``).join(", ") || "nothing"}`]
      : [],
  );
  const sum = (of: (counts: NonNullable<Row["counts"]>) => number) =>
    rows.reduce((total, { counts }) => total + (counts === undefined ? 0 : of(counts)), 0);
  const names = PQ_SUITE_NAMES.map((name, i) => `- ${label(PQ_FIRST + i)}: \`${name}\``);
  return `# Platforms

\`npm run test:platforms -- --write\` writes this page, and \`platforms.json\` beside it, from its results: don't edit them
by hand. With \`--only\` it writes the rows of some platforms, each with the day of its run. Without \`--write\`,
\`npm run test:platforms\` fails if a provider serves fewer suites on a platform than the table says.

The same bundle ran on each platform, for each provider and suite. It runs all checks of
\`@copse/provider-conformance\`, which also compare the provider with a second one. Then it plays a group session (create,
add, join, messages in both directions, update, remove, exporter), in which one member uses the second provider.
In the runs of the table ${sum(({ checks }) => checks)} checks passed, none failed, and ${sum(({ sessions }) => sessions)} sessions completed.
In ${sum(({ verdicts }) => verdicts)} cases a provider's verdict on an edge case of a public key or a signature was
[the one that all must give](decisions/strict-signatures.md). The last two columns have the numbers of checks that passed
and of sessions: "short" stands for the kit's short effort, a dash for a run of an earlier kit that was counted only
together with others.

## Which suites each provider serves

1 to 7 are the suites of RFC 9420 §17.1 by their code points, P1 to P${names.length} those of
draft-ietf-mls-pq-ciphersuites, listed below. The column of curves lists the newer ones that the platform's own WebCrypto
supports. If it lacks X25519 or Ed25519, the webcrypto provider uses a library for them; it doesn't use X448 and Ed448.
In this test libsodium uses noble's AES-GCM. pkcs11 has its signature and HPKE keys in a token of SoftHSM 2, and uses
noble for the rest. hpke lists a suite only if hpke-js derives, exports and imports its keys rightly on the platform: in
Firefox it doesn't for the NIST curves.

| platform | version | run on | ${PROVIDERS.join(" | ")} | curves of its WebCrypto | checks | sessions |
|${"---|".repeat(PROVIDERS.length + 6)}
${rows.map(tableRow).join("\n")}

## Not served

${refused.join("\n")}

## Engines alone

Hermes is React Native's engine, here by its command line. It runs what Babel makes of the bundle with React Native's
preset, for an engine without classes and private fields. QuickJS runs the bundle as it is, compiled to WebAssembly. An
engine has neither WebCrypto nor WebAssembly nor Node's modules, so that noble alone serves it; and none of them has a
compiler to machine code, so that they run suites 1 to 3 in short effort, and what else noble serves isn't tried there.
What they lack of what Copse and its conformance kit need, the test provides, as an application does on React Native
([what must be there](react-native.md)):

${provided.join("\n")}

## Post-quantum suites

IANA has not assigned their code points yet. These runs used some of the range for private use.

${names.join("\n")}

## How they are run

\`node22-newest\`, \`node24-newest\` and \`node26-newest\` are the newest release of each of these major versions on the
day of the run, because a release can change what \`node:crypto\` accepts. For example, Node 24.22.3 and 26.12.1 refuse
a JWK whose public key doesn't belong to its private key, which Node 24.21.0 accepted. The versions of the other
Nodes, and of Bun, Deno and workerd, are pinned. In continuous integration they, Bun, Deno and Chromium
run suites 1 and 2 with webcrypto, node, libsodium and sodium-native in short effort, and check that all other suites of
these are still served.

Node, Bun, Deno, workerd and the engines come from npm packages, at the versions above, and are stored in
\`platforms/.cache\`, as is Babel with the preset.
Chromium, Firefox and WebKitGTK are Debian's; the first two run headless, the third by WebDriver on a virtual display,
each on a page of a local server. workerd is the runtime of
Cloudflare's Workers and of Miniflare, here with \`nodejs_compat\`. Like them it compiles no WebAssembly from bytes: libsodium's is
[given as a module](../packages/provider-libsodium/README.md#in-a-worker). Bun, Deno and workerd have their own implementation of \`node:crypto\`. The provider lists a
suite only if that implementation supports all of it.
`;
}

/**
 * Where a provider serves fewer suites than the document says.
 * @param providers those that were run; all if left out
 */
export function shortfalls(
  rows: readonly Row[],
  results: readonly PlatformResult[],
  providers: readonly string[] = PROVIDERS,
): string[] {
  return results.flatMap((result) => {
    const { name, missing, broken, refusals } = result;
    if (missing !== undefined || broken !== undefined) return [];
    const row = rows.find((one) => one.name === name);
    if (row === undefined) return [`${name}: docs/platforms.md has no row for it: run with --write`];
    return Object.entries(row.serves).flatMap(([provider, ids]) => {
      if (!providers.includes(provider) || wasNotTried(refusals, provider)) return [];
      const here = served(result, provider);
      if (ids.every((id) => here.includes(id))) return [];
      const [says, serves] = [ranges(ids), ranges(here) || "none"];
      return [`${name}: ${provider}: expected suites ${says} (docs/platforms.md), got ${serves}`];
    });
  });
}

/** The document's rows as they are stored, each in a line. */
export const stored = (rows: readonly Row[]): string =>
  `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`;
