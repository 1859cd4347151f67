// `--providers all`: all providers in one group, and in pairs in the suites that only some of them have.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { CryptoError } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, test } from "vitest";
import { main } from "../src/main.js";
import type { ProviderEntry } from "../src/provider-entry.js";
import { PROVIDERS } from "../src/providers.js";
import { tokenProvider } from "../src/token.js";

const OTHERS = PROVIDERS.filter(({ name }) => name !== "pkcs11");
const NOWHERE = [...OTHERS, tokenProvider(["/nowhere/libsofthsm2.so"])];

async function run(args: readonly string[], entries: readonly ProviderEntry[] = PROVIDERS) {
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
  const code = await main(args, output, entries);
  return { code, out, err };
}

/** Whether there is a SoftHSM 2, found out as the session does. */
const softHsm = await tokenProvider()
  .make()
  .then(
    (provider) => provider.close?.().then(() => true),
    () => false,
  );
if (!softHsm && process.env.COPSE_SOFTHSM_REQUIRED === "1")
  throw new Error("SoftHSM 2 is required, but not here");
if (!softHsm)
  console.warn("NOT TESTED: keys in a token, as SoftHSM 2 isn't installed (apt-get install softhsm2)");

/** All providers, and the folder of the session's token. */
function watched(): { entries: ProviderEntry[]; folder(): string } {
  let folder = "";
  const token = tokenProvider();
  const make = async () => {
    const provider = await token.make();
    folder = dirname(process.env.SOFTHSM2_CONF as string);
    expect(existsSync(`${folder}/softhsm2.conf`)).toBe(true);
    return provider;
  };
  return { entries: [...OTHERS, { ...token, make }], folder: () => folder };
}

/** Each two of the names, as the session writes them. */
function pairs(names: readonly string[]): string[] {
  return names.flatMap((a, i) => names.slice(i + 1).map((b) => `${a} and ${b}`));
}

function expectPairs(section: string | undefined, names: readonly string[]): void {
  const lines = Array.from(section?.matchAll(/^ {2}([\w-]+ and [\w-]+) +agree in epoch 7, .* ok$/gm) ?? []);
  expect(lines.map(([, pair]) => pair)).toEqual(pairs(names));
}

describe("all providers", () => {
  test.runIf(softHsm)(
    "are in one group with a token, and in pairs",
    async () => {
      const { entries, folder } = watched();
      const { code, out, err } = await run(["--providers", "all"], entries);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const sections = out.split(/^(?=Suite \d)/m);
      expect(sections.map((text) => text.slice(0, 7))).toEqual(
        [3, 1, 2, 4, 5, 6, 7].map((id) => `Suite ${id}`),
      );
      for (const group of sections.slice(0, 2)) {
        for (const [provider, users] of [
          ["webcrypto", "alice, heidi"],
          ["libsodium", "bob"],
          ["node", "carol"],
          ["sodium-native", "dave"],
          ["hpke", "erin"],
          ["noble", "frank"],
          ["pkcs11", "grace"],
        ]) {
          expect(group).toMatch(
            new RegExp(`^ {2}${provider} .*\\n(?: {17}.*\\n)* {17}used by ${users}\\n`, "m"),
          );
        }
        for (const step of [
          /alice adds 7 members: commit/,
          /grace: "Hello, alice\."/,
          /grace commits to new keys +\d+ +[\d.]+\n +8 members enter epoch 7 /,
          /grace removes heidi: commit/,
          /Check: do 7 members agree\?\n +epoch +9 +ok\n +epoch authenticator +\S+ +ok\n/,
        ]) {
          expect(group).toMatch(step);
        }
      }
      const some = ["webcrypto", "node", "hpke", "noble", "pkcs11"];
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
    const { code, out, err } = await run(["--providers=all", "--suite=3,2,6"], NOWHERE);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const notice =
      "pkcs11 takes no part: SoftHSM 2 isn't installed here (on Debian: apt-get install softhsm2).";
    expect(out.replace(/\n/g, " ").split(notice).length).toBe(3);
    const [, group, ...small] = out.split(/^(?=Suite \d)/m);
    expect(group).toContain("frank removes grace");
    expect(group).toContain("used by alice, grace");
    expectPairs(small[0], ["webcrypto", "node", "hpke", "noble"]);
    expectPairs(small[1], ["node", "hpke", "noble"]);
    expect(out).toContain("All members agree, in suite 3; in pairs in suites 2 and 6.\n");
  });

  test("name the pair that fails", async () => {
    const inner = nodeProvider();
    const faulty: ProviderEntry = {
      name: "faulty",
      make: async () => ({
        ...inner,
        suites: inner.suites.filter(({ id }) => id === 2 || id === 3),
        suite: (id) => ({
          ...inner.suite(id),
          hpke: {
            ...inner.suite(id).hpke,
            open: () => {
              throw new CryptoError("this provider opens nothing");
            },
          },
        }),
      }),
      describe: async () => "",
    };
    const entries = [...OTHERS.filter(({ name }) => name !== "webcrypto"), faulty];
    const { code, out, err } = await run(["--providers=all", "--suite=2"], entries);
    expect(code).toBe(1);
    expect(out).toMatch(/node and noble +agree/);
    expect(err).toBe("FAILED in suite 2: node and faulty: this provider opens nothing (crypto)\n");
    expect(out).not.toContain("All members agree");
  });
});

describe("a token by name", () => {
  test("without SoftHSM is a bad choice, which says what to install", async () => {
    const { code, out, err } = await run(["--providers", "node,pkcs11"], NOWHERE);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(
      "--providers: pkcs11: SoftHSM 2 isn't installed here (on Debian: apt-get install softhsm2)\n",
    );
    expect(err).toContain("Usage: npm start -- [options]");
  });

  test.runIf(softHsm)("plays any suite", async () => {
    const { code, out, err } = await run(["--providers", "noble,pkcs11", "--suite", "4", "--members", "2"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("signature, init and leaf keys in a token of SoftHSM 2");
    expect(out).toContain("All members agree, in suite 4.\n");
  });

  test.runIf(softHsm)("leaves no token behind where the session fails", async () => {
    const { entries, folder } = watched();
    const broken: ProviderEntry = {
      name: "broken",
      make: async () => {
        expect(existsSync(folder())).toBe(true);
        throw new CryptoError("not today");
      },
      describe: async () => "",
    };
    const { code, err } = await run(["--providers", "pkcs11,broken"], [...entries, broken]);
    expect({ code, err }).toEqual({ code: 1, err: "FAILED to make the providers: not today (crypto)\n" });
    expect(existsSync(folder())).toBe(false);
    expect(process.env.SOFTHSM2_CONF).toBeUndefined();
  });
});
