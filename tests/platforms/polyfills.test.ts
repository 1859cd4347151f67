// What engines are given in the platform tests does what ECMAScript and the Encoding Standard say.
import { createContext, runInContext } from "node:vm";
import { root } from "@copse/test-support/documents";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

/** A place with ECMAScript alone, of which some is taken away. */
let context: object;

const ask = (code: string): unknown => runInContext(code, context);

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [`${root}platforms/src/inside/polyfills.ts`],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "polyfills",
  });
  context = createContext({});
  ask(`delete Array.prototype.at; delete Object.getPrototypeOf(Uint8Array.prototype).at; delete Promise.allSettled;
    [0].at === undefined && Promise.allSettled === undefined || (() => { throw new Error("still there"); })()`);
  ask(outputFiles[0]?.text ?? "");
});

describe("the polyfills", () => {
  it("provide what isn't there, and leave what is", () => {
    expect(ask("polyfills.provided.join()")).toBe(
      "TextEncoder,Array.prototype.at,TypedArray.prototype.at,Promise.allSettled",
    );
    expect(ask("Object.getOwnPropertyDescriptor(Array.prototype, 'at').enumerable")).toBe(false);
  });

  it.each([
    "",
    "abc",
    "\0",
    "ä€𝄞",
    "\ud834",
    "\udd1e",
    "a\ud834b\udd1e",
    "\u07ff\u0800\uffff\u{10000}\u{10ffff}",
  ])("encode %j as the platform does", (text) => {
    const bytes = ask(`Array.from(new TextEncoder().encode(${JSON.stringify(text)}))`);
    expect(Array.from(bytes as number[])).toEqual(Array.from(new TextEncoder().encode(text)));
  });

  it("give the item at a place, from either end", () => {
    const places = [0, 1, -1, -3, 3, -4];
    const wanted = places.map((place) => [7, 8, 9].at(place) ?? null);
    for (const list of ["[7, 8, 9]", "Uint8Array.of(7, 8, 9)", "BigInt64Array.of(7n, 8n, 9n)"]) {
      const got = ask(`JSON.stringify(${JSON.stringify(places)}.map((p) => Number(${list}.at(p) ?? NaN)))`);
      expect(JSON.parse(got as string)).toEqual(wanted);
    }
  });

  it("settle all", async () => {
    const got = ask(`Promise.allSettled([1, Promise.resolve(2), Promise.reject("no")]).then(JSON.stringify)`);
    expect(JSON.parse((await got) as string)).toEqual(
      await Promise.allSettled([1, Promise.resolve(2), Promise.reject("no")]),
    );
  });
});
