// docs/write-a-delivery.md: its service compiles as its text stands, and passes all checks on a real server.
import { promised, readDocument } from "@copse/test-support/documents";
import { guideOnPostgres } from "@copse/test-support/guides";
import { describe, expect, test } from "vitest";

const { blocks } = await readDocument("docs/write-a-delivery.md");
const files = Object.fromEntries(blocks.map(({ file, code }) => [file, code]));

/** Not in the guide: two processes' services over one database, which all checks share. Those that need others' writes. */
const SECOND = `
import { checksForDelivery } from "@copse/delivery-conformance";
import pg from "pg";
import { SCHEMA } from "./schema.js";
import { postgresDelivery } from "./service.js";

const pools = [new pg.Pool(), new pg.Pool()];
await pools[0].query(SCHEMA);
const services = await Promise.all(pools.map((pool) => postgresDelivery(pool)));
let connected = 0;
const checks = checksForDelivery({
  name: "two processes",
  start: () => services,
  connect: (all, user, client) => all[connected++ % 2].connect(user, client),
});
for (const check of checks.filter(({ name }) => /at once|sent again|what comes|readers|waits/.test(name))) {
  const { outcome, detail } = await check.result();
  console.log(outcome + detail);
}
for (const service of services) await service.close();
for (const pool of pools) await pool.end();
`;

const code = guideOnPostgres({ ...files, "second.ts": SECOND });

test("the guide's code is these files, and compiles", async () => {
  const names = ["schema.ts", "database.ts", "log.ts", "key-packages.ts", "service.ts", "check.ts"];
  expect(Object.keys(files)).toEqual(names);
  expect((await code.errors()).filter((line) => !line.includes("second.ts"))).toEqual([]);
});

describe.skipIf(!code.hasServer)("on PostgreSQL (not tested where /usr/lib/postgresql isn't there)", () => {
  test("it passes all checks of a service that orders, restarts too", async () => {
    const lines = await code.printed("check.ts");
    const other = /^skipped \d+ checks? \((none|members|key packages)\): /;
    expect(lines.slice(0, -2).filter((line) => !other.test(line))).toEqual([]);
    expect(lines.at(-2)).toMatch(/^postgres: \d+ passed, 0 failed, \d+ skipped$/);
    expect(lines.slice(-1)).toEqual(promised(files["check.ts"] as string));
  });

  test("two processes are one service", async () => {
    const lines = await code.printed("second.ts");
    expect(lines.length).toBeGreaterThan(10);
    const others = lines.filter((line) => !line.endsWith("doesn't check membership"));
    expect([...new Set(others)]).toEqual(["passed"]);
  });
});
