// `--backends all`: every backend in one group, and each two of them in the suites that not all have.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { CryptoError } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, test } from "vitest";
import type { Backend } from "../src/backend.js";
import { BACKENDS } from "../src/backends.js";
import { main } from "../src/main.js";
import { tokenBackend } from "../src/token.js";

const OTHERS = BACKENDS.filter(({ name }) => name !== "pkcs11");
const NOWHERE = [...OTHERS, tokenBackend(["/nowhere/libsofthsm2.so"])];

async function run(args: readonly string[], backends: readonly Backend[] = BACKENDS) {
  let [out, err] = ["", ""];
  const output = {
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
    colour: false,
  };
  const code = await main(args, output, backends);
  return { code, out, err };
}

/** Whether there is a SoftHSM 2, found out as the session does. */
const softHsm = await tokenBackend()
  .make()
  .then(
    (provider) => provider.close?.().then(() => true),
    () => false,
  );
if (!softHsm && process.env.COPSE_SOFTHSM_REQUIRED === "1")
  throw new Error("SoftHSM 2 is required, but not here");
if (!softHsm)
  console.warn("NOT TESTED: keys in a token, as SoftHSM 2 isn't installed (apt-get install softhsm2)");

/** All backends, and where the token of the session lies, or lay. */
function watched(): { backends: Backend[]; folder(): string } {
  let folder = "";
  const token = tokenBackend();
  const make = async () => {
    const provider = await token.make();
    folder = dirname(process.env.SOFTHSM2_CONF as string);
    expect(existsSync(`${folder}/softhsm2.conf`)).toBe(true);
    return provider;
  };
  return { backends: [...OTHERS, { ...token, make }], folder: () => folder };
}

/** Each two of the names, as the session writes them. */
function pairs(names: readonly string[]): string[] {
  return names.flatMap((a, i) => names.slice(i + 1).map((b) => `${a} and ${b}`));
}

function expectPairs(section: string | undefined, names: readonly string[]): void {
  const lines = Array.from(section?.matchAll(/^ {2}(\w+ and \w+) +agree in epoch 7, .* ok$/gm) ?? []);
  expect(lines.map(([, pair]) => pair)).toEqual(pairs(names));
}

describe("all backends", () => {
  test.runIf(softHsm)(
    "are in one group with a token, and in pairs",
    async () => {
      const { backends, folder } = watched();
      const { code, out, err } = await run(["--backends", "all"], backends);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const sections = out.split(/^(?=Suite \d)/m);
      expect(sections.map((text) => text.slice(0, 7))).toEqual(
        [3, 1, 2, 4, 5, 6, 7].map((id) => `Suite ${id}`),
      );
      for (const group of sections.slice(0, 2)) {
        for (const [backend, users] of [
          ["webcrypto", "alice, frank"],
          ["libsodium", "bob"],
          ["node", "carol"],
          ["noble", "dave"],
          ["pkcs11", "erin"],
        ]) {
          expect(group).toMatch(
            new RegExp(`^ {2}${backend} .*\\n(?: {13}.*\\n)* {13}used by ${users}\\n`, "m"),
          );
        }
        for (const step of [
          /alice adds 5 members: commit/,
          /erin: "Hello, alice\."/,
          /erin commits to new keys +\d+ +[\d.]+\n +6 members enter epoch 5 /,
          /erin removes frank: commit/,
          /Check: do 5 members agree\?\n +epoch +7 +ok\n +epoch authenticator +\S+ +ok\n/,
        ]) {
          expect(group).toMatch(step);
        }
      }
      const some = ["webcrypto", "node", "noble", "pkcs11"];
      for (const index of [2, 4, 6]) expectPairs(sections[index], some);
      for (const index of [3, 5]) expectPairs(sections[index], some.slice(1));
      expect(out).toMatch(/\nAll members agree, in suites 3 and 1; in pairs in suites 2, 4, 5, 6 and 7\.\n$/);
      expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
      expect(folder()).toContain("copse-token-");
      expect(existsSync(folder())).toBe(false);
    },
    300_000,
  );

  test("go on without a token where there is no SoftHSM, and say so", async () => {
    const { code, out, err } = await run(["--backends=all", "--suite=3,2,6"], NOWHERE);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const notice =
      "pkcs11 takes no part: SoftHSM 2 isn't installed here (on Debian: apt-get install softhsm2).";
    expect(out.replace(/\n/g, " ").split(notice).length).toBe(3);
    const [, group, ...small] = out.split(/^(?=Suite \d)/m);
    expect(group).toContain("dave removes erin");
    expect(group).toContain("used by alice, erin");
    expectPairs(small[0], ["webcrypto", "node", "noble"]);
    expectPairs(small[1], ["node", "noble"]);
    expect(out).toContain("All members agree, in suite 3; in pairs in suites 2 and 6.\n");
  });

  test("name the pair that fails", async () => {
    const inner = nodeProvider();
    const faulty: Backend = {
      name: "faulty",
      make: async () => ({
        ...inner,
        suites: inner.suites.filter(({ id }) => id === 2 || id === 3),
        suite: (id) => ({
          ...inner.suite(id),
          hpke: {
            ...inner.suite(id).hpke,
            open: () => {
              throw new CryptoError("this backend opens nothing");
            },
          },
        }),
      }),
      describe: async () => "",
    };
    const backends = [...OTHERS.filter(({ name }) => name !== "webcrypto"), faulty];
    const { code, out, err } = await run(["--backends=all", "--suite=2"], backends);
    expect(code).toBe(1);
    expect(out).toMatch(/node and noble +agree/);
    expect(err).toBe("FAILED in suite 2: node and faulty: this backend opens nothing (crypto)\n");
    expect(out).not.toContain("All members agree");
  });
});

describe("a token by name", () => {
  test("without SoftHSM is a bad choice, which says what to install", async () => {
    const { code, out, err } = await run(["--backends", "node,pkcs11"], NOWHERE);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(
      "--backends: pkcs11: SoftHSM 2 isn't installed here (on Debian: apt-get install softhsm2)\n",
    );
    expect(err).toContain("Usage: npm start -- [options]");
  });

  test.runIf(softHsm)("plays any suite", async () => {
    const { code, out, err } = await run(["--backends", "noble,pkcs11", "--suite", "4", "--members", "2"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("signature, init and leaf keys in a token of SoftHSM 2");
    expect(out).toContain("All members agree, in suite 4.\n");
  });

  test.runIf(softHsm)("leaves no token behind where the session fails", async () => {
    const { backends, folder } = watched();
    const broken: Backend = {
      name: "broken",
      make: async () => {
        expect(existsSync(folder())).toBe(true);
        throw new CryptoError("not today");
      },
      describe: async () => "",
    };
    const { code, err } = await run(["--backends", "pkcs11,broken"], [...backends, broken]);
    expect({ code, err }).toEqual({ code: 1, err: "FAILED to make the backends: not today (crypto)\n" });
    expect(existsSync(folder())).toBe(false);
    expect(process.env.SOFTHSM2_CONF).toBeUndefined();
  });
});
