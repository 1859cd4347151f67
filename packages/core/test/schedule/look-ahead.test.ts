// RFC 9420 §9: keys that are derived before they are needed.

import { isZero, toHex } from "@copse/test-support/bytes";
import { code } from "@copse/test-support/errors";
import { expandingBy } from "@copse/test-support/kdf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MlsError } from "../../src/errors.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import type { SecretTree } from "../../src/schedule/secret-tree.js";
import { counting, later } from "./providers.js";
import { now, provider, remembering, same, sent, tree } from "./secret-trees.js";

describe("looking ahead", () => {
  type Step = { generation: number; ahead: boolean; outcome: "consume" | "discard" };
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.record({
      generation: fc.nat(7),
      ahead: fc.boolean(),
      outcome: fc.constantFrom("consume" as const, "discard" as const),
    }),
    { maxLength: 30 },
  );
  it("changes neither keys nor what is saved, whatever comes after it", () => {
    fc.assert(
      fc.property(steps, (course) => {
        const [eager, plain] = [tree(), tree()];
        for (const { generation, ahead, outcome } of course) {
          const attempt = (receiver: SecretTree) => {
            try {
              return now(receiver.peek(3, "application", generation));
            } catch (error) {
              return (error as MlsError).code;
            }
          };
          const [mine, theirs] = [attempt(eager), attempt(plain)];
          if (typeof mine === "string" || typeof theirs === "string") {
            expect(mine).toBe(theirs);
            continue;
          }
          if (ahead) mine.lookAhead();
          same(mine, { generation, key: theirs.key, nonce: theirs.nonce });
          mine[outcome]();
          theirs[outcome]();
          expect(toHex(eager.save())).toBe(toHex(plain.save()));
        }
      }),
    );
  });
  it("leaves nothing to derive for the message that comes next", () => {
    const { provider: counted, take } = counting(provider);
    const receiver = tree(8, {}, counted);
    const first = now(receiver.peek(3, "application", 0));
    take();
    first.lookAhead();
    first.lookAhead();
    expect(take()).toEqual({ expand: 3 });
    first.consume();
    const second = now(receiver.peek(3, "application", 1));
    expect(take()).toEqual({});
    same(second, sent(2)[1]);
    // A key derived ahead is used once; another message of the same generation derives it again.
    same(now(receiver.peek(3, "application", 1)), sent(2)[1]);
    expect(take()).toEqual({ expand: 3 });
  });
  it("is done for sending too, and consumes nothing", () => {
    const { provider: counted, take } = counting(provider);
    const sender = tree(8, {}, counted);
    sender.prepare(3, "application");
    expect(take()).toEqual({});
    now(sender.next(3, "application"));
    take();
    const before = toHex(sender.save());
    sender.prepare(3, "application");
    sender.prepare(3, "application");
    expect(take()).toEqual({ expand: 3 });
    expect(toHex(sender.save())).toBe(before);
    const { generation, key } = now(sender.next(3, "application"));
    expect(take()).toEqual({});
    expect([generation, toHex(key)]).toEqual([1, toHex(sent(2)[1]!.key)]);
  });
  it("what was derived is overwritten when the message is refused, with another sender's message, and with the tree", () => {
    for (const end of ["discard", "another sender", "wipe", "too late"] as const) {
      const { recording, derived } = remembering();
      const receiver = tree(8, {}, recording);
      now(receiver.peek(3, "application", 0)).consume();
      const other = now(receiver.peek(3, "application", 1));
      const peeked = now(receiver.peek(3, "application", 1));
      const from = derived.length;
      peeked.lookAhead();
      // Of three expansions; the secret that they start from is a copy.
      const ahead = derived.slice(from).filter((_, i) => i % 2 === 0);
      expect(ahead.map(isZero)).toEqual([false, false, false]);
      if (end === "discard") peeked.discard();
      if (end === "another sender") now(receiver.peek(5, "application", 0)).lookAhead();
      if (end === "wipe") receiver.wipe();
      if (end === "too late") {
        other.consume();
        expect(() => peeked.consume()).toThrow(code("consumed"));
      }
      expect(ahead.map(isZero), end).toEqual([true, true, true]);
    }
  });
  it("does nothing for a skipped key that was kept", () => {
    const { provider: counted, take } = counting(provider);
    const receiver = tree(8, {}, counted);
    now(receiver.peek(3, "application", 2)).consume();
    const kept = now(receiver.peek(3, "application", 1));
    take();
    kept.lookAhead();
    kept.consume();
    kept.lookAhead();
    expect(take()).toEqual({});
  });
  it("a failure of the provider shows when the key is needed, and not once it is over", async () => {
    for (const late of [false, true]) {
      let fail = false;
      const base = late ? later(provider) : provider;
      const flaky: CipherSuiteProvider = {
        ...base,
        kdf: expandingBy(base.kdf, (prk, info, length) => {
          const refuse = () => {
            throw new Error("the provider is gone");
          };
          if (fail) return late ? Promise.resolve().then(refuse) : refuse();
          return base.kdf.expand(prk, info, length);
        }),
      };
      const receiver = tree(8, {}, flaky);
      const first = await receiver.peek(3, "application", 0);
      fail = true;
      first.lookAhead();
      first.consume();
      await new Promise((resolve) => setImmediate(resolve));
      fail = false;
      same(await receiver.peek(3, "application", 1), sent(2)[1]);
    }
  });
  it("gives the same keys with an asynchronous provider", async () => {
    const slow = tree(8, {}, later(provider));
    const keys = sent(6);
    for (const generation of [0, 1, 3, 4, 5]) {
      const peeked = await slow.peek(3, "application", generation);
      same(peeked, keys[generation]);
      peeked.lookAhead();
      if (generation === 3) {
        peeked.discard();
        const again = await slow.peek(3, "application", generation);
        same(again, keys[generation]);
        again.consume();
      } else peeked.consume();
    }
    slow.wipe();
  });
});
