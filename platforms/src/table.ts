// RFC 9420 §17.1: docs/platforms.md, from what was observed. The same observation gives the same text.
import { NO_TOKEN } from "./report.js";
import type { PlatformResult } from "./run-platforms.js";

const PROVIDERS = ["webcrypto", "node", "libsodium", "sodium-native", "hpke", "noble", "pkcs11"] as const;

/** The heading of the column with the platforms' names. */
const HEADING = "platform";

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

/** The code points that a cell names: `ranges` backwards. None for "no", and for "?", which wasn't tried. */
function codePointsIn(cell: string): number[] {
  if (["", "no", "?"].includes(cell)) return [];
  return cell.split(" ").flatMap((part) => {
    const [from, to = from] = part.split("–").map(codePoint) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function codePoint(text: string): number {
  const [, draft, digits] = /^(P?)(\d+)$/.exec(text) ?? [];
  if (digits === undefined)
    throw new Error(`docs/platforms.md: expected a suite such as 1 or P1, got "${text}"`);
  return draft === "P" ? PQ_FIRST + Number(digits) - 1 : Number(digits);
}

const wasNotTried = ({ refusals }: PlatformResult, provider: string) =>
  refusals.some((one) => one.provider === provider && one.reason.includes(NO_TOKEN));

/** The code points of the suites that a provider serves on a platform; undefined if it refused. */
function served({ providers }: PlatformResult, provider: string): number[] | undefined {
  const line = providers.find((one) => one.provider === provider);
  return line && [...line.serves].sort((a, b) => a - b);
}

function cell(result: PlatformResult, provider: string): string {
  if (result.missing !== undefined || wasNotTried(result, provider)) return "?";
  const ids = served(result, provider);
  return ids === undefined ? "no" : ranges(ids);
}

const platformOf = ({ title, version }: PlatformResult) => `${title} ${version}`.trim();

function row(result: PlatformResult): string {
  const { name, missing, facts } = result;
  const curves = missing === undefined ? facts?.curves.join(" ") || "none" : "?";
  const cells = [name, platformOf(result), ...PROVIDERS.map((provider) => cell(result, provider)), curves];
  return `| ${cells.join(" | ")} |`;
}

function findings(results: readonly PlatformResult[]): string[] {
  const lines: string[] = [];
  for (const result of results) {
    const { title, missing, broken, refusals, suites } = result;
    const platform = platformOf(result);
    if (missing !== undefined) lines.push(`- ${title} couldn't be got: ${missing}`);
    if (broken !== undefined) lines.push(`- ${platform} didn't come to its end.`);
    for (const { provider, reason } of refusals) lines.push(`- ${platform}, ${provider}: \`${reason}\``);
    for (const { provider, id, failed, session } of suites) {
      const where = `- ${platform}, ${provider}, suite ${label(id)}`;
      for (const { name } of failed) lines.push(`${where}: failed "${name}"`);
      if (session !== "") lines.push(`${where}: the session failed: \`${session}\``);
    }
  }
  return lines;
}

/** The document of what was observed. */
export function render(results: readonly PlatformResult[]): string {
  const pq = new Map<number, string>();
  let [passed, failed, sessions, verdicts] = [0, 0, 0, 0];
  for (const { suites } of results) {
    for (const suite of suites) {
      if (suite.id >= PQ_FIRST) pq.set(suite.id, suite.name);
      passed += suite.passed;
      verdicts += suite.verdicts;
      failed += suite.failed.length;
      if (suite.session === "") sessions += 1;
    }
  }
  const ran = results.filter(({ missing }) => missing === undefined).length;
  const names = [...pq].sort(([a], [b]) => a - b).map(([id, name]) => `- ${label(id)}: \`${name}\``);
  const notes = findings(results);
  return `# Platforms

\`npm run test:platforms -- --write\` writes this page from its results: don't edit it by hand. Without \`--write\`,
\`npm run test:platforms\` fails if a provider serves fewer suites on a platform than the table says.

The same bundle ran on each platform, for each provider and suite. It runs all checks of
\`@copse/provider-conformance\`, which also compare the provider with a second one. Then it plays a group session (create,
add, join, messages in both directions, update, remove, exporter), in which one member uses the second provider.
Results:
${ran} of ${results.length} platforms, ${passed} checks passed, ${failed} failed, and ${sessions} sessions completed.
In ${verdicts} cases a provider's verdict on an edge case of a public key or a signature was
[the one that all must give](decisions/strict-signatures.md).

## Which suites each provider serves

1 to 7 are the suites of RFC 9420 §17.1 by their code points, P1 to P${names.length} those of
draft-ietf-mls-pq-ciphersuites, listed below. The last column lists the newer curves that the platform's own WebCrypto
supports. If it lacks X25519 or Ed25519, the webcrypto provider uses a library for them; it doesn't use X448 and Ed448.
In this test libsodium uses noble's AES-GCM. pkcs11 has its signature and HPKE keys in a token of SoftHSM 2, and uses
noble for the rest. hpke lists a suite only if hpke-js derives, exports and imports its keys rightly on the platform: in
Firefox it doesn't for the NIST curves.

| ${HEADING} | version | ${PROVIDERS.join(" | ")} | curves of its WebCrypto |
|${"---|".repeat(PROVIDERS.length + 3)}
${results.map(row).join("\n")}

## Not served, or failed

${notes.length === 0 ? "Nothing." : notes.join("\n")}

## Post-quantum suites

IANA has not assigned their code points yet. These runs used some of the range for private use.

${names.join("\n")}

## How they are run

\`node22-newest\`, \`node24-newest\` and \`node26-newest\` are the newest release of each of these major versions on the
day of the run, because a release can change what \`node:crypto\` accepts. For example, Node 24.22.3 and 26.12.1 refuse
a JWK whose public key doesn't belong to its private key, which Node 24.21.0 accepted. The versions of the other
Nodes, and of Bun, Deno and workerd, are pinned. In continuous integration they, Bun, Deno and Chromium
run suites 1 and 2 with webcrypto, node, libsodium and sodium-native, and check that all other suites of these are still
served.

Node, Bun, Deno and workerd come from npm packages, at the versions above, and are stored in \`platforms/.cache\`.
Chromium, Firefox and WebKitGTK are Debian's; the first two run headless, the third by WebDriver on a virtual display,
each on a page of a local server. workerd is the runtime of
Cloudflare's Workers and of Miniflare, here with \`nodejs_compat\`. Like them it compiles no WebAssembly from bytes, which
\`libsodium-wrappers\` needs. Bun, Deno and workerd have their own implementation of \`node:crypto\`. The provider lists a
suite only if that implementation supports all of it.
`;
}

/** The suites that the document's table says a provider serves: by the platform's name, then by the provider's. */
function expected(document: string): Map<string, Map<string, number[]>> {
  const rows = [...document.matchAll(/^\| (\w.*) \|$/gm)].map(([, cells]) => (cells as string).split(" | "));
  const heading = rows.find(([name]) => name === HEADING) ?? [];
  const lost = PROVIDERS.find((provider) => !heading.includes(provider));
  if (lost !== undefined) throw new Error(`docs/platforms.md: expected a column for ${lost}, got none`);
  return new Map(
    rows
      .filter((cells) => cells !== heading)
      .map(([name, ...cells]) => [
        name as string,
        new Map(
          PROVIDERS.map((provider) => [provider, codePointsIn(cells[heading.indexOf(provider) - 1] ?? "")]),
        ),
      ]),
  );
}

/**
 * Where a provider serves fewer suites than the document says.
 * @param providers those that were run; all if left out
 */
export function shortfalls(
  document: string,
  results: readonly PlatformResult[],
  providers: readonly string[] = PROVIDERS,
): string[] {
  const table = expected(document);
  return results.flatMap((result) => {
    const { name, missing, broken } = result;
    if (missing !== undefined || broken !== undefined) return [];
    const row = table.get(name);
    if (row === undefined) return [`${name}: docs/platforms.md has no row for it: run with --write`];
    return [...row].flatMap(([provider, ids]) => {
      if (!providers.includes(provider) || wasNotTried(result, provider)) return [];
      const here = served(result, provider) ?? [];
      const lacking = ids.filter((id) => !here.includes(id));
      if (lacking.length === 0) return [];
      const [says, serves] = [ranges(ids), ranges(here) || "none"];
      return [`${name}: ${provider}: expected suites ${says} (docs/platforms.md), got ${serves}`];
    });
  });
}
