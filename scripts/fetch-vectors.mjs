// Fetches the MLS working group's test vectors (RFC 9420) at a pinned commit and checks the SHA-256 of each file. Then
// it replaces test-vectors/working-group in one step. If a file fails, it changes nothing.
//   --from URL        the folder to fetch from. Default: the environment variable MLS_VECTORS_FROM, else GitHub
//   --to FOLDER       the target. Default: test-vectors/working-group
//   --checksums FILE  the commit and the checksums. Default: test-vectors/checksums.json
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const inRepository = (path) => fileURLToPath(new URL(`../test-vectors/${path}`, import.meta.url));
const TIMEOUT = 120_000;
const AT_ONCE = 4;

async function main() {
  const { values } = parseArgs({
    options: {
      from: { type: "string", default: process.env.MLS_VECTORS_FROM },
      to: { type: "string", default: inRepository("working-group") },
      checksums: { type: "string", default: inRepository("checksums.json") },
    },
  });
  const { repository, commit, folder, sha256 } = JSON.parse(await readFile(values.checksums, "utf8"));
  const files = Object.entries(sha256);
  if (files.length === 0) throw new Error(`${values.checksums}: expected at least one file, got none`);
  for (const [name] of files) {
    if (!/^\w[\w.-]*\.json$/.test(name))
      throw new Error(`${values.checksums}: expected the name of a JSON file, got ${name}`);
  }
  const to = resolve(values.to);
  if (await isComplete(to, files)) {
    console.log(`${to} has all ${files.length} files already`);
    return;
  }
  const from = values.from ?? `https://raw.githubusercontent.com/${repository}/${commit}/${folder}`;

  // In the target's parent folder, so that the last step is a rename within one file system.
  await mkdir(dirname(to), { recursive: true });
  const fetched = await mkdtemp(join(dirname(to), `.${basename(to)}-`));
  try {
    const waiting = [...files];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await fetchFile(from, fetched, ...next);
      }
    };
    // After a failure no download starts, and all have ended before the folder is removed.
    const stop = (error) => {
      waiting.length = 0;
      throw error;
    };
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => worker().catch(stop)));
    for (const { reason } of ends.filter(({ status }) => status === "rejected")) throw reason;
    await replace(to, fetched);
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
  console.log(`${to} has all ${files.length} files, as of ${repository} ${commit.slice(0, 12)}`);
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function isComplete(folder, files) {
  if (!existsSync(folder)) return false;
  const present = new Set(await readdir(folder));
  for (const [name, expected] of files) {
    if (!present.has(name) || digest(await readFile(join(folder, name))) !== expected) return false;
  }
  return true;
}

async function fetchFile(from, to, name, expected) {
  const bytes = await download(`${from.replace(/\/+$/, "")}/${name}`);
  const actual = digest(bytes);
  if (actual !== expected) {
    throw new Error(`${name} is refused: its SHA-256 is ${actual}, but ${expected} is expected`);
  }
  await writeFile(join(to, name), bytes);
}

async function download(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${url} can't be fetched: ${error.cause?.message ?? error.message}`);
  }
}

/** Replaces a folder by another. If this fails, the old one is restored. */
async function replace(target, source) {
  const old = `${source}-old`;
  const had = existsSync(target);
  if (had) await rename(target, old);
  try {
    await rename(source, target);
  } catch (error) {
    if (had) await rename(old, target);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

try {
  await main();
} catch (error) {
  console.error(`fetch-vectors: ${error.message}`);
  process.exitCode = 1;
}
