// RFC 9420 §9.2: a process that is killed at any moment. `npm run test:crash` kills many more.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Group, type MlsError, toHex } from "@copse/core";
import { bundle } from "@copse/test-support/bundle";
import { hex, text } from "@copse/test-support/bytes";
import { party } from "@copse/test-support/clients";
import { fileStorage } from "@copse/test-support/file-storage";
import { afterAll, beforeAll, expect, it } from "vitest";
import { found, opened, SUITE } from "./stores.js";

const TIMES = Number(process.env.COPSE_CRASHES ?? 10);
const ID = new Uint8Array([6]);

/** Alice's process: sends, commits and makes key packages as fast as it can. Each line is what was answered. */
const ALICE = `
import { writeSync } from "node:fs";
import { insecureAcceptAll } from "@copse/core";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { fileStorage } from "./support/file-storage.ts";

const say = (kind, bytes) => writeSync(1, kind + " " + Buffer.from(bytes).toString("hex") + "\\n");
const client = await openClient({
  storage: fileStorage(process.argv[2]),
  crypto: nodeProvider(), suite: ${SUITE}, credential: "alice", authentication: insecureAcceptAll(),
});
const group = await client.group(new Uint8Array([6]));
// What was staged and perhaps not sent is sent again.
for (const { commit } of group.staged) { say("commit", commit); await group.mergePendingCommit(); }
for (let i = 0; ; i++) {
  say("message", await group.encrypt("message " + i));
  if (i % 7 === 1) say("keyPackage", (await client.readKeyPackage(await client.createKeyPackage())).reference);
  if (i % 5 !== 2) continue;
  const { commit } = await group.update();
  say("commit", commit);
  await group.mergePendingCommit();
}
`;

let folder: string;
let script: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "copse-"));
  script = join(folder, "alice.mjs");
  writeFileSync(script, await bundle(ALICE, "node"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs Alice's process until it is killed, some time after its first line. @returns its whole lines */
async function lives(storage: string): Promise<(readonly [kind: string, value: string])[]> {
  const alice: ChildProcess = spawn(process.execPath, [script, storage], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  await new Promise<void>((resolve) => {
    let isDying = false;
    alice.stdout?.on("data", (data: Buffer) => {
      said += data;
      if (isDying) return;
      isDying = true;
      setTimeout(() => alice.kill("SIGKILL"), Math.random() * 300);
    });
    alice.on("close", () => resolve());
  });
  expect(alice.signalCode, "it didn't end by itself").toBe("SIGKILL");
  const lines = said.split("\n").slice(0, -1);
  return lines.map((line) => line.split(" ") as [string, string]);
}

it(`uses no key twice and loses nothing that it answered, killed ${TIMES} times`, async () => {
  const storage = join(folder, "storage");
  const bob = await party("bob", { suite: SUITE });
  const alice = await opened(fileStorage(storage));
  const a = await alice.createGroup({ groupId: ID });
  const { welcome } = await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  const b: Group = await bob.client.join(welcome as Uint8Array);
  const keyPackages: string[] = [];
  const counts = { messages: 0, commits: 0, again: 0 };
  for (let i = 0; i < TIMES; i++) {
    for (const [kind, value] of await lives(storage)) {
      if (kind === "keyPackage") keyPackages.push(value);
      else if (kind === "message") {
        // A key that was used twice would be a duplicate.
        const received = await b.receive(hex(value));
        expect(received.kind === "application" && text(received.data)).toMatch(/^message \d+$/);
        counts.messages++;
      } else {
        const again = await b.receive(hex(value)).catch(({ code }: MlsError) => code);
        // One that was sent before the end and again after it.
        if (typeof again === "string") {
          expect(["past-epoch", "duplicate"]).toContain(again);
          counts.again++;
        } else counts.commits++;
      }
    }
  }
  const last = await found(fileStorage(storage), ID);
  for (const { commit } of last.staged) {
    await b.receive(commit).catch(() => counts.again++);
    await last.mergePendingCommit();
  }
  expect(last.epochAuthenticator).toEqual(b.epochAuthenticator);
  const left = (await opened(fileStorage(storage))).keyPackages().map(({ reference }) => toHex(reference));
  expect(left).toEqual(expect.arrayContaining(keyPackages));
  expect(counts.messages).toBeGreaterThan(TIMES);
  expect(counts.commits).toBeGreaterThan(0);
  if (TIMES >= 100)
    console.log(`killed ${TIMES} times: ${JSON.stringify(counts)}, ${keyPackages.length} key packages`);
});
