// Copse beside OpenMLS: that all of them do what is measured.
import { whyMissing } from "@copse/peer-davey";
import { expect, test } from "vitest";
import { openmls } from "../src/openmls.js";

test("a round beside OpenMLS gives a table for each suite", async () => {
  const tables = (await openmls({ clock: "wall", runs: 1, size: 8 })).split("\n\n");
  expect(tables).toHaveLength(2);
  const rows = tables.map((table) => table.split("\n").map((row) => row.split(/ {2,}/)));
  const [webAssembly, native] = rows as [string[][], string[][]];
  const first = (table: string[][]) => table.map(([what]) => what);
  expect(webAssembly[0]?.slice(0, 2)).toEqual(["suite 3, 8 members", "mls-ts"]);
  expect(first(webAssembly.slice(2))).toEqual(["key package", "join", "encrypt 1 KiB", "decrypt 1 KiB"]);
  if ((await whyMissing()) === undefined) {
    expect(native[0]?.slice(0, 2)).toEqual(["suite 2, 8 members", "davey"]);
    expect(first(native.slice(2))).toEqual(["key package", "add all others", "join"]);
  }
  for (const row of [...webAssembly.slice(2), ...native.slice(2)]) {
    for (const cell of row.slice(1)) expect(Number.parseFloat(cell), row.join()).toBeGreaterThan(0);
  }
});
