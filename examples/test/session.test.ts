// The session in this process: what it prints, how it ends, and what it says of bad choices.
import { CryptoError, type CryptoProvider, MlsError } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, test } from "vitest";
import { compareStates } from "../src/agreement.js";
import { main } from "../src/main.js";
import { makePeople, type Participant } from "../src/members.js";
import type { ProviderEntry } from "../src/provider-entry.js";
import { PROVIDERS } from "../src/providers.js";
import { formatTime, people, thousands, wrap } from "../src/report.js";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  args: readonly string[],
  entries: readonly ProviderEntry[] = PROVIDERS,
  colour = false,
): Promise<Ended> {
  let [out, err] = ["", ""];
  const code = await main(
    args,
    {
      stdout: (text) => {
        out += text;
      },
      stderr: (text) => {
        err += text;
      },
      colour,
    },
    entries,
  );
  return { code, out, err };
}

const ESCAPE = "\x1b";

describe("a session", () => {
  test("plays suites 3 and 1 on webcrypto and libsodium, and all members agree", async () => {
    const { code, out, err } = await run([]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const suites = out.split(/^(?=Suite \d)/m);
    expect(suites.map((text) => text.slice(0, 8))).toEqual(["Suite 3:", "Suite 1:"]);
    for (const text of suites) {
      expect(text).toMatch(/^ {2}webcrypto .*\n(?: {13}.*\n)* {13}used by alice, carol\n/m);
      expect(text).toMatch(/^ {2}libsodium .*\n(?: {13}.*\n)* {13}used by bob, dave\n/m);
      for (const step of [
        /alice creates a group +[\d.]+\n/,
        /bob, carol and dave make key packages +[\d,]+ +[\d.]+\n/,
        /alice adds bob, carol and dave: commit +[\d,]+ +[\d.]+\n/,
        /the Welcome with the ratchet tree +[\d,]+\n/,
        /bob, carol and dave join +[\d.]+\n/,
        /alice: "Hello, everybody!" +\d+ +[\d.]+\n +bob, carol and dave read it +[\d.]+\n/,
        /bob: "Hello, alice." +\d+ +[\d.]+\n +alice, carol and dave read it +[\d.]+\n/,
        /bob commits to new keys +\d+ +[\d.]+\n +alice, bob, carol and dave enter epoch 2 +[\d.]+\n/,
        /carol proposes an Update +\d+ +[\d.]+\n +alice commits it +\d+ +[\d.]+\n.* enter epoch 3 /,
        /alice, bob, carol and dave export the same 32 bytes/,
        /bob removes dave: commit +\d+ +[\d.]+\n +alice, bob and carol enter epoch 4 /,
        /dave tries to read it: refused \(future-epoch\)\n/,
        /dave exports another secret than the group\n/,
        /dave tries to read it again: refused \(removed\)\n/,
        /dave tries to write: refused \(removed\)\n/,
        /do alice, bob and carol agree\?\n +epoch +4 +ok\n +epoch authenticator +[\da-f]{16}\.{3} +ok\n/,
        / +exported secret +32 bytes, not shown +ok\n +members +alice, bob, carol +ok\n/,
      ]) {
        expect(text).toMatch(step);
      }
    }
    expect(suites[1]).toContain("AES-128-GCM lent by webcrypto");
    expect(out).toMatch(/\nAll members agree, in suites 3 and 1\.\n$/);
    expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(out).not.toContain(ESCAPE);
  });

  test.each([1, 2, 3, 4, 5, 6, 7])("plays suite %i on all providers that have it", async (suite) => {
    const args = ["--suite", String(suite), "--members", "3", "--providers", "webcrypto,libsodium,node"];
    const { code, out, err } = await run(args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`All members agree, in suite ${suite}.`);
  });

  test("says so where only one of the providers has the suite", async () => {
    const { code, out } = await run(["--suite", "2", "--members=2"]);
    expect(code).toBe(0);
    expect(out).toContain("libsodium doesn't have suite 2: all members use webcrypto.");
    expect(out).toContain("Check: alice is alone");
  });

  test("takes the provider that has the suite where neither default one has", async () => {
    const { code, out } = await run(["--suite", "6", "--members", "2"]);
    expect(code).toBe(0);
    expect(out).toContain("all members use node.");
  });

  test("counts many members instead of naming them", async () => {
    const { code, out } = await run(["--suite=3", "--members=20", "--providers=libsodium,node"]);
    expect(code).toBe(0);
    expect(out).toContain("alice adds 19 members: commit");
    expect(out).toContain("member 20 tries to write: refused (removed)");
    expect(out).toMatch(/members +19 +ok/);
    expect(out.split("\n").length).toBeLessThan(50);
  });

  test("is in colour only where it is asked for", async () => {
    const args = ["--suite=3", "--members=2", "--providers=node"];
    expect((await run(args, PROVIDERS, true)).out).toContain(`${ESCAPE}[1m`);
  });
});

describe("bad choices", () => {
  test.each([
    [["--suite", "9"], '--suite: "9" is not a whole number from 1 to 7'],
    [["--suite", ""], "--suite: a value is empty"],
    [["--members", "1"], '--members: "1" is not a whole number from 2 to 200'],
    [["--members", "x"], '--members: "x"'],
    [["--members", "201"], '--members: "201"'],
    [["--members", "1e2"], '--members: "1e2"'],
    [["--members"], "'--members <value>' argument missing"],
    [
      ["--providers", "openssl"],
      'there is no "openssl"; choose from webcrypto, libsodium, node, sodium-native, hpke, noble, pkcs11, all',
    ],
    [
      ["--providers", "libsodium", "--suite", "2"],
      "libsodium doesn't have suite 2; webcrypto, node, hpke and noble do",
    ],
    [["--fast"], "Unknown option '--fast'"],
    [["more"], "more"],
  ])("%j", async (args, message) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("Usage: npm start -- [options]");
  });

  test("--help is none", async () => {
    const { code, out, err } = await run(["--help", "--members", "0"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const flag of ["--suite", "--members", "--providers", "--help"]) expect(out).toContain(flag);
    expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
  });
});

describe("a session that goes wrong", () => {
  /** A provider of which some part is replaced. */
  function faulty(change: (suite: ReturnType<CryptoProvider["suite"]>) => object): ProviderEntry {
    const inner = nodeProvider();
    const suite = (id: number) => ({ ...inner.suite(id), ...change(inner.suite(id)) });
    return { name: "faulty", make: async () => ({ ...inner, suite }), describe: async () => "" };
  }
  const healthy = PROVIDERS.filter(({ name }) => name === "node");
  const args = ["--suite=3", "--providers=node,faulty"];

  test("ends with 1 and names the error, where an operation fails", async () => {
    const broken = faulty(({ hpke }) => ({
      hpke: {
        ...hpke,
        open: () => {
          throw new CryptoError("this provider opens nothing");
        },
      },
    }));
    const { code, out, err } = await run(args, [...healthy, broken]);
    expect(code).toBe(1);
    expect(err).toBe("FAILED in suite 3: this provider opens nothing (crypto)\n");
    expect(out).not.toContain("All members agree");
  });

  test("ends with 1, where members export different secrets", async () => {
    const broken = faulty(({ kdf }) => ({
      kdf: {
        ...kdf,
        async expand(prk: Uint8Array, info: Uint8Array, length: number) {
          const bytes = await kdf.expand(prk, info, length);
          // KDFLabel of the last step of MLS-Exporter (§8.5)
          if (Buffer.from(info).includes("MLS 1.0 exported")) bytes[0] = (bytes[0] as number) ^ 1;
          return bytes;
        },
      },
    }));
    const { code, err } = await run(args, [...healthy, broken]);
    expect(code).toBe(1);
    expect(err).toBe("FAILED in suite 3: the members export different secrets\n");
  });

  test("ends with 1, where a provider can't be made here", async () => {
    const make = () => Promise.reject(new MlsError("usage", "there is no crypto.subtle here"));
    const { code, out, err } = await run(args, [...healthy, { ...faulty(() => ({})), make }]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe("FAILED to make the providers: there is no crypto.subtle here (usage)\n");
  });

  test("sees members that are in different epochs", async () => {
    const [alice, bob] = await makePeople(3, 2, [nodeProvider()]);
    const a = await alice!.client.createGroup();
    const { welcome } = await a.add(await bob!.client.createKeyPackage());
    await a.mergePendingCommit();
    const b = await bob!.client.join(welcome!);
    const participants: Participant[] = [
      { ...alice!, group: a },
      { ...bob!, group: b },
    ];
    const holding = async () => (await compareStates(participants)).map(({ what, holds }) => [what, holds]);
    expect(Object.fromEntries(await holding())).toEqual({
      epoch: true,
      "epoch authenticator": true,
      "exported secret": true,
      members: true,
    });
    await b.remove(0);
    await b.mergePendingCommit();
    expect(Object.fromEntries(await holding())).toEqual({
      epoch: false,
      "epoch authenticator": false,
      "exported secret": false,
      members: false,
    });
  });
});

test("numbers and names for people", () => {
  expect([0, 999, 1000, 1234567].map(thousands)).toEqual(["0", "999", "1,000", "1,234,567"]);
  expect([0.04, 12.345, 1234.5].map(formatTime)).toEqual(["0.0", "12.3", "1,235"]);
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(people)).toEqual([
    "nobody",
    "a",
    "a and b",
    "a, b and c",
  ]);
  expect(people(["a", "b", "c", "d", "e"])).toBe("5 members");
  expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
});
