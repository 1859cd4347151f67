// `npm run bench -- --hostile`: what the worst inputs known cost, for each kilobyte of them.
import { hostileCases } from "./cases.js";
import { costOf } from "./measure.js";
import { missed, type Result, row, tableOf } from "./verdict.js";

/** @param check whether to exit with 1 if a bar is missed */
export async function hostile(check: boolean, only?: string): Promise<void> {
  const results: Result[] = [];
  for (const of of hostileCases) {
    const title = `${of.entry}: ${of.name}`;
    if (only !== undefined && !title.includes(only)) continue;
    // Once before, so that the code is compiled.
    await costOf(() => of.make(of.size / 8), 2);
    const half = await costOf(() => of.make(of.size / 2));
    const whole = await costOf(() => of.make(of.size));
    const result = { of, half, whole };
    results.push(result);
    console.error(row(result));
  }
  console.log(tableOf(results));
  if (check && results.some((one) => missed(one).length > 0)) process.exitCode = 1;
}
