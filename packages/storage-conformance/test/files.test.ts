// The checks pass for a storage in files, with openers that share nothing else.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checksForStorage } from "@copse/storage-conformance";
import { fileStorage } from "@copse/test-support/file-storage";
import { afterAll, describe, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a storage in files passes:", () => {
  const checks = checksForStorage({ name: "files", open: (name) => fileStorage(join(folder, name)) });
  it.each(checks.map((check) => [check.name, check] as const))("%s", (_, check) => check.run());
});
