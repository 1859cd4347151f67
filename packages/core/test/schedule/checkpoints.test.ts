// RFC 9420 §9.2: secrets on the way to a far generation, which are remembered until their ratchet moves.
import { expandingBy } from "@copse/test-support/kdf";
import { describe, expect, it } from "vitest";
import { isPromise } from "../../src/provider/awaitable.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import { Checkpoints } from "../../src/schedule/checkpoints.js";
import { now, provider, secret, tree } from "./secret-trees.js";

/** A provider that can be told to answer later, and counts what it is asked. */
function deferring() {
  const waiting: (() => void)[] = [];
  const control = { slow: false, calls: 0 };
  const suite: CipherSuiteProvider = {
    ...provider,
    kdf: expandingBy(provider.kdf, (prk, info, length) => {
      control.calls++;
      const output = now(provider.kdf.expand(prk, info, length));
      if (!control.slow) return output;
      return new Promise((resolve) => waiting.push(() => resolve(output)));
    }),
  };
  /** Has all answers arrive, and those to the calls that follow from them. */
  const answer = async () => {
    control.slow = false;
    while (waiting.length > 0) {
      for (const one of waiting.splice(0)) one();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  /** How often the provider is asked in a call. */
  const counted = (call: () => unknown): number => {
    control.calls = 0;
    call();
    return control.calls;
  };
  return { suite, control, answer, counted };
}

describe("a late answer brings back secrets of generations that were consumed", () => {
  it("since another message moved the ratchet", async () => {
    const { suite, control, answer, counted } = deferring();
    const receiver = tree(8, {}, suite);
    now(receiver.peek(3, "application", 0)).consume();
    control.slow = true;
    const late = receiver.peek(3, "application", 400);
    expect(isPromise(late)).toBe(true);
    control.slow = false;
    const other = now(receiver.peek(3, "application", 200));
    other.complete();
    other.consume();
    await answer();
    (await late).discard();
    // If they had been kept, the way to a later message would begin close to it.
    expect(counted(() => now(receiver.peek(3, "application", 390)).discard())).toBeGreaterThan(180);
    // What is derived from the ratchet as it is now is kept.
    expect(counted(() => now(receiver.peek(3, "application", 390)).discard())).toBeLessThan(30);
  });
  it.each<[string, (checkpoints: Checkpoints) => void]>([
    ["the ratchet moved", (checkpoints) => checkpoints.forget(6)],
    ["the tree was wiped", (checkpoints) => checkpoints.wipe()],
  ])("since %s", async (_, end) => {
    const { suite, control, answer, counted } = deferring();
    const checkpoints = new Checkpoints();
    control.slow = true;
    const late = checkpoints.secretAt(suite, 6, checkpoints.moves, secret(), 0, 100);
    end(checkpoints);
    await answer();
    await late;
    const again = () => now(checkpoints.secretAt(suite, 6, checkpoints.moves, secret(), 0, 100));
    expect(counted(again)).toBe(100);
    expect(counted(again)).toBe(4);
  });
});
