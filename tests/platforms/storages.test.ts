// The storage in SQLite passes its checks with each runtime's own SQLite: those runtimes that `npm run test:platforms` has fetched.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundle } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Unavailable } from "../../platforms/src/get.js";
import { PLATFORMS } from "../../platforms/src/platforms.js";

const run = promisify(execFile);

/** How each starts a script, and what it must have opened. */
const RUNTIMES: Readonly<Record<string, { readonly args: readonly string[]; readonly by: string }>> = {
  node20: { args: [], by: "libsql" },
  "node24-newest": { args: ["--no-warnings"], by: "node:sqlite" },
  bun: { args: [], by: "bun:sqlite" },
  deno: { args: ["run", "--no-lock", "--no-remote", "--allow-all"], by: "node:sqlite" },
};

/** In a process of its own: all checks, a client that is there again, and which SQLite it was. */
const SCRIPT = `
import { insecureAcceptAll } from "@copse/core";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { formatStorageReport, testStorage } from "@copse/storage-conformance";
import { sqliteStorage } from "@copse/storage-sqlite";
import { databaseModule } from "../packages/storage-sqlite/src/database.ts";

const [folder] = process.argv.slice(2);
const open = (name) => sqliteStorage(folder + "/" + name);
console.log(formatStorageReport(await testStorage({ name: "sqlite", open, close: (storage) => storage.close() })));
const client = async () => {
  const storage = await open("client");
  const options = { crypto: nodeProvider(), suite: 1, credential: "alice", authentication: insecureAcceptAll() };
  return { storage, client: await openClient({ storage, ...options }) };
};
const first = await client();
const { groupId } = await first.client.createGroup();
first.storage.close();
const second = await client();
console.log((await second.client.group(groupId)).epoch);
second.storage.close();
console.log((await databaseModule()).name);
`;

let folder: string;
beforeAll(async () => {
  await mkdir(fromRoot("node_modules/.cache"), { recursive: true });
  folder = await mkdtemp(fromRoot("node_modules/.cache/copse-storages-"));
  await writeFile(join(folder, "check.mjs"), await bundle(SCRIPT, "node"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the storage in SQLite", () => {
  const platforms = PLATFORMS.filter(({ name }) => name in RUNTIMES);
  test.for(platforms)("passes its checks on $name", async (platform, { skip }) => {
    const got = await platform.get(false).catch((error: unknown) => {
      if (error instanceof Unavailable) return skip(error.message);
      throw error;
    });
    const { args, by } = RUNTIMES[platform.name] as (typeof RUNTIMES)[string];
    const place = join(folder, platform.name);
    await mkdir(place);
    const { stdout } = await run(got.command, [...args, join(folder, "check.mjs"), place]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^sqlite: \d+ passed, 0 failed$/);
    expect(lines.slice(1)).toEqual(["0n", by]);
  });
});
