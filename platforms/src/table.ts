// RFC 9420 §17.1: docs/platforms.md, from what was observed. The same observation gives the same text.
import { NO_TOKEN } from "./report.js";
import type { PlatformResult } from "./run-platforms.js";

const BACKENDS = ["webcrypto", "node", "libsodium", "noble", "pkcs11"] as const;

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

/** What a backend serves on a platform, for a table's cell. */
function served({ suites, refusals }: PlatformResult, backend: string): string {
  const refusal = refusals.find((one) => one.backend === backend);
  if (refusal !== undefined) return refusal.reason.includes(NO_TOKEN) ? "?" : "no";
  const ids = suites.filter((suite) => suite.backend === backend).map(({ id }) => id);
  return ranges(ids.sort((a, b) => a - b));
}

/** A platform's cells behind its name: what doesn't change with its version, one hopes. */
function cells(result: PlatformResult): string {
  const { missing, facts } = result;
  if (missing !== undefined) return [...BACKENDS, ""].map(() => "?").join(" | ");
  const curves = facts?.curves.join(" ") || "none";
  return [...BACKENDS.map((backend) => served(result, backend)), curves].join(" | ");
}

const platformOf = ({ title, version }: PlatformResult) => `${title} ${version}`.trim();

const row = (result: PlatformResult) => `| ${platformOf(result)} | ${cells(result)} |`;

/** A row's platform without its version: `Node 20`, `Bun`. */
const family = (platform: string) => /^Node \d+|^\w+/.exec(platform)?.[0] ?? platform;

function findings(results: readonly PlatformResult[]): string[] {
  const lines: string[] = [];
  for (const result of results) {
    const { title, missing, broken, refusals, suites } = result;
    const platform = platformOf(result);
    if (missing !== undefined) lines.push(`- ${title} couldn't be got: ${missing}`);
    if (broken !== undefined) lines.push(`- ${platform} didn't come to its end.`);
    for (const { backend, reason } of refusals) lines.push(`- ${platform}, ${backend}: \`${reason}\``);
    for (const { backend, id, failed, session } of suites) {
      const where = `- ${platform}, ${backend}, suite ${label(id)}`;
      for (const { name } of failed) lines.push(`${where}: failed "${name}"`);
      if (session !== "") lines.push(`${where}: the session failed: \`${session}\``);
    }
  }
  return lines;
}

/** The document of what was observed. */
export function render(results: readonly PlatformResult[]): string {
  const pq = new Map<number, string>();
  let [passed, failed, sessions] = [0, 0, 0];
  for (const { suites } of results) {
    for (const suite of suites) {
      if (suite.id >= PQ_FIRST) pq.set(suite.id, suite.name);
      passed += suite.passed;
      failed += suite.failed.length;
      if (suite.session === "") sessions += 1;
    }
  }
  const ran = results.filter(({ missing }) => missing === undefined).length;
  const names = [...pq].sort(([a], [b]) => a - b).map(([id, name]) => `- ${label(id)}: \`${name}\``);
  const notes = findings(results);
  return `# Platforms

Written by \`npm run test:platforms\`, from what it saw: don't edit it by hand.

On each platform, for each backend and suite, the same bundle ran for real: all checks of
\`@copse/provider-conformance\`, with another backend to agree with, and a group session (create, add, join,
messages both ways, update, remove, exporter) in which that other backend is one of the members. Here that were
${ran} of ${results.length} platforms, ${passed} checks passed, ${failed} failed, and ${sessions} sessions.

## Which suites each backend serves

1 to 7 are the suites of RFC 9420 §17.1 by their code points; P1 to P${names.length} those of
draft-ietf-mls-pq-ciphersuites, listed below. The last column is which of the newer curves the platform's own
WebCrypto has; where it lacks X25519 or Ed25519 the webcrypto backend takes a library's, and it has no use for
X448 and Ed448. libsodium has its AES-GCM from noble here. pkcs11 has
its keys in a token of SoftHSM 2, for signatures and HPKE, and the rest from noble.

| platform | webcrypto | node | libsodium | noble | pkcs11 | curves of its WebCrypto |
|---|---|---|---|---|---|---|
${results.map(row).join("\n")}

## What isn't served, or failed

${notes.length === 0 ? "Nothing." : notes.join("\n")}

## Post-quantum suites

Their code points are still to be assigned; these runs took some for private use.

${names.join("\n")}

## How they are run

Node, Bun, Deno and workerd are programs that npm packages ship, at the versions above, fetched into
\`platforms/.cache\`; Chromium and Firefox are Debian's, headless, on a page of a local server. workerd is what
Cloudflare's Workers and Miniflare run, here with \`nodejs_compat\`; as they do, it compiles no WASM from bytes, which
is how \`libsodium-wrappers\` brings its own. Bun, Deno and workerd have a \`node:crypto\` of their own; suites that it
can't serve whole aren't listed by the backend.
`;
}

/** In what a document says otherwise about the platforms that were run. Versions may differ. */
export function differences(text: string, results: readonly PlatformResult[]): string[] {
  const rows = new Map<string, string>();
  for (const [, platform, rest] of text.matchAll(/^\| (\w[^|]*?) \| (.*) \|$/gm)) {
    rows.set(family(platform as string), rest as string);
  }
  const found: string[] = [];
  for (const result of results) {
    if (result.missing !== undefined) continue;
    const platform = platformOf(result);
    const [said, seen] = [rows.get(family(platform)), cells(result)];
    // What wasn't tried may be as it says.
    const says = said?.split(" | ") ?? [];
    const asSaid = seen.split(" | ").every((cell, i) => cell === "?" || cell === says[i]);
    if (said === undefined || !asSaid)
      found.push(`${platform}: says "${said ?? "nothing"}", but it is "${seen}"`);
  }
  return found;
}
