// A provider that fails now and then, as a token or a key service does: nothing is decided by that, and nothing is lost.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { defineProvider } from "@copse/provider-kit";
import { expect, it } from "vitest";
import {
  agree,
  conversationOf,
  crypto,
  heard,
  type Someone,
  SUITE,
  said,
  together,
  World,
} from "./support/people.js";
import { randomFrom } from "./support/unreliable.js";

/** What fails: not what ends a key. */
const CALLS = ["open", "seal", "verify", "sign", "deriveKeyPair", "generateKeyPair"];

function failing(line: { fails: number }, random: () => number): CryptoProvider {
  const own = crypto.suite(SUITE);
  const part = <T extends object>(one: T): T =>
    new Proxy(one, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function" || !CALLS.includes(String(name))) return value;
        return (...args: unknown[]) => {
          if (random() < line.fails) throw new Error("the token is busy");
          return value.apply(target, args);
        };
      },
    });
  const suite: CipherSuiteProvider = {
    ...own,
    aead: part(own.aead),
    hpke: part(own.hpke),
    signature: part(own.signature),
  };
  return defineProvider("failing", [suite]);
}

it.each([1, 2, 3])("loses no message, repeats none and keeps their order (seed %i)", async (seed) => {
  const world = new World();
  const random = randomFrom(seed);
  const line = { fails: 0 };
  const open = (name: string) => world.person(name, { crypto: failing(line, random) });
  const people = [await open("alice"), await open("bob"), await open("carol")] as const;
  const [alice, bob, carol] = people;
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
  line.fails = 0.1;
  const COUNT = 15;
  const again = async (call: () => Promise<unknown>) => {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if ((error as { retry?: string }).retry !== "now") throw error;
      }
    }
  };
  const speak = async (one: Conversation, name: string) => {
    for (let i = 0; i < COUNT; i++) {
      await again(() => one.send(`${name} ${i}`));
      if (i % 4 === 0) await again(() => one.update());
    }
  };
  await Promise.all([speak(a, "alice"), speak(b, "bob"), again(() => a.invite(["carol"]))]);
  line.fails = 0;
  const c = await conversationOf(carol, a.id);
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  await agree(people, [a, b, c]);
  await heard(alice, a, 2 * COUNT);
  await heard(bob, b, 2 * COUNT);
  const log = await said(a);
  expect(await said(b)).toEqual(log);
  for (const name of ["alice", "bob"])
    expect(log.filter((one) => one.startsWith(name))).toEqual(
      Array.from({ length: COUNT }, (_, i) => `${name}: ${name} ${i}`),
    );
  await (await c.send("here")).sent;
  const blamed = (who: Someone) =>
    who.events.flatMap((one) =>
      one.kind === "problem" && ["junk", "dropped", "rejoined"].includes(one.problem.code)
        ? [`${one.problem.code}: ${one.problem.message}`]
        : [],
    );
  expect(people.flatMap(blamed)).toEqual([]);
});
