// scripts/fetch-vectors.mjs puts in place what its checksums vouch for, all of it or nothing.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../scripts/fetch-vectors.mjs", import.meta.url));
const FILES: Record<string, string> = { "a.json": "[1]", "b.json": "[2]" };

let served: Record<string, string>;
let requests = 0;
const server = createServer((request, response) => {
  requests++;
  const text = served[request.url?.replace("/vectors/", "") ?? ""];
  response.writeHead(text === undefined ? 404 : 200).end(text);
});
let folder: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fetch-vectors-"));
  served = { ...FILES };
  requests = 0;
  const sha256 = Object.fromEntries(
    Object.entries(FILES).map(([name, text]) => [name, createHash("sha256").update(text).digest("hex")]),
  );
  const list = { repository: "example/vectors", commit: "0".repeat(40), folder: "test-vectors", sha256 };
  writeFileSync(`${folder}/checksums.json`, JSON.stringify(list));
  return () => rmSync(folder, { recursive: true });
});
afterAll(() => {
  server.close();
});

/** Runs the script; its exit code and what it says. */
function fetchVectors(): Promise<{ code: number; text: string }> {
  const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}/vectors/`;
  const args = [script, "--from", from, "--to", `${folder}/to`, "--checksums", `${folder}/checksums.json`];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), text: stdout + stderr });
    });
  });
}

const content = () =>
  Object.fromEntries(
    readdirSync(`${folder}/to`).map((name) => [name, readFileSync(`${folder}/to/${name}`, "utf8")]),
  );

it("fetches all files, and nothing when they are there", async () => {
  expect(await fetchVectors()).toMatchObject({ code: 0 });
  expect(content()).toEqual(FILES);
  expect(requests).toBe(2);
  expect(await fetchVectors()).toMatchObject({ code: 0, text: expect.stringContaining("already") });
  expect(requests).toBe(2);
  expect(readdirSync(folder).sort()).toEqual(["checksums.json", "to"]);
});

it("replaces files that were altered", async () => {
  await fetchVectors();
  writeFileSync(`${folder}/to/b.json`, "[3]");
  expect(await fetchVectors()).toMatchObject({ code: 0 });
  expect(content()).toEqual(FILES);
  expect(readdirSync(folder).sort()).toEqual(["checksums.json", "to"]);
});

it("refuses a file with another checksum, and leaves all files as they were", async () => {
  mkdirSync(`${folder}/to`);
  writeFileSync(`${folder}/to/old.json`, "[0]");
  served["b.json"] = "[2] ";
  const { code, text } = await fetchVectors();
  expect(code).toBe(1);
  expect(text).toMatch(/b\.json is refused: its SHA-256 is [0-9a-f]{64}, but [0-9a-f]{64} is expected/);
  expect(content()).toEqual({ "old.json": "[0]" });
  expect(readdirSync(folder).sort()).toEqual(["checksums.json", "to"]);
});

it("says which file is missing", async () => {
  delete served["a.json"];
  const { code, text } = await fetchVectors();
  expect(code).toBe(1);
  expect(text).toContain("/vectors/a.json can't be fetched: status 404");
  expect(readdirSync(folder)).toEqual(["checksums.json"]);
});
