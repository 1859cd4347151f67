// The check of import arrows: that it passes, and that it fails for each kind of wrong import.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "copse-"));
  cpSync(join(root, "scripts/check-arrows.mjs"), join(copy, "scripts/check-arrows.mjs"));
  for (const folder of ["packages", "interop"]) {
    cpSync(join(root, folder), join(copy, folder), {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|test)$/.test(path),
    });
  }
});
afterEach(() => rmSync(copy, { recursive: true }));

function check(): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, "scripts/check-arrows.mjs")], {
    encoding: "utf8",
  });
  return { status, output: stdout + stderr };
}

function append(file: string, line: string): void {
  const path = join(copy, file);
  writeFileSync(path, `${readFileSync(path, "utf8")}${line}\n`);
}

it("holds for the sources as they are", () => {
  expect(check()).toEqual({ status: 0, output: "all import arrows hold\n" });
});

it.each([
  ["the core imports a provider", "packages/core/src/client/client.ts", 'import "@copse/provider-kit";'],
  [
    "the core imports the platform",
    "packages/core/src/bytes.ts",
    'import { randomBytes } from "node:crypto";',
  ],
  ["an early chapter imports a later one", "packages/core/src/codec/codec.ts", 'import "../group/index.js";'],
  ["a re-export", "packages/core/src/tree/math.ts", 'export * from "../client/index.js";'],
  ["a dynamic import", "packages/core/src/crypto/batch.ts", 'await import("../framing/index.js");'],
  ["a provider knows the protocol", "packages/provider-libsodium/src/index.ts", 'import "@copse/core";'],
  ["a provider knows another", "packages/provider-node/src/index.ts", 'import "@copse/provider-webcrypto";'],
  ["the interop service knows the tests", "interop/src/index.ts", 'import "vitest";'],
  ["a room imports a later one", "packages/core/src/group/join/create.ts", 'import "../commit/index.js";'],
  ["a file of another folder", "packages/core/src/tree/math.ts", 'import "../codec/writer.js";'],
  ["a template", "packages/core/src/bytes.ts", "await import(`node:crypto`);"],
  ["a comment between", "packages/core/src/bytes.ts", 'export * from /* c */ "node:crypto";'],
  ["require", "packages/core/src/bytes.ts", 'import x = require("node:crypto");'],
  ["a reference", "packages/core/src/bytes.ts", '/// <reference types="node" />'],
  ["a type", "packages/core/src/bytes.ts", 'export type X = import("node:crypto").X;'],
  ["a path in a package's name", "packages/provider-noble/src/index.ts", 'import "@noble/../@copse/core";'],
  ["a way out of the package", "packages/provider-kit/src/index.ts", 'import "../../core/src/bytes.js";'],
])("fails when %s", (_, file, line) => {
  append(file, line);
  const { status, output } = check();
  expect(status).toBe(1);
  expect(output).toContain(file);
});

it.each([
  ["values", 'export * from "./writer.js";'],
  ["types", 'export type { Writer } from "./writer.js";'],
])("fails when %s are imported in a cycle", (_, line) => {
  const reader = "packages/core/src/codec/reader.ts";
  append(reader, line);
  append("packages/core/src/codec/writer.ts", 'import "./reader.js";');
  const { status, output } = check();
  expect(status).toBe(1);
  expect(output).toMatch(/^an import cycle: .*codec\/reader\.ts/m);
});

it("fails when a source isn't TypeScript", () => {
  writeFileSync(join(copy, "packages/core/src/more.mjs"), 'import "node:crypto";');
  expect(check()).toMatchObject({ status: 1, output: expect.stringContaining("src/more.mjs") });
});

it("fails when the core gets a dependency", () => {
  const path = join(copy, "packages/core/package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  expect(manifest.dependencies).toBeUndefined();
  writeFileSync(path, JSON.stringify({ ...manifest, dependencies: { "@noble/hashes": "2.0.0" } }));
  expect(check().status).toBe(1);
});
