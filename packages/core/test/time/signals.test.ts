// Signals that aren't the platform's: what they throw neither blocks a group nor escapes.
import type { AbortSignalLike } from "@copse/core";
import { party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

function throwing(): never {
  throw new TypeError("not now");
}

const quiet: AbortSignalLike = {
  aborted: false,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
};

describe("a signal that throws", () => {
  it("when its listener is removed, doesn't lock the group", async () => {
    const { client } = await party("alice", { suite: 1 });
    const group = await client.createGroup();
    const signal = { ...quiet, removeEventListener: throwing };
    await group.encrypt("one", { signal });
    await group.encrypt("two", { signal });
    expect((await group.encrypt("three")).length).toBeGreaterThan(0);
  });

  it.each([
    ["when a listener is added", { ...quiet, addEventListener: throwing }],
    [
      "when it is asked",
      {
        ...quiet,
        get aborted(): boolean {
          return throwing();
        },
      },
    ],
  ] as const)("%s, makes the call reject", async (_, signal) => {
    const { client } = await party("alice", { suite: 1 });
    const group = await client.createGroup();
    expect((await failure(group.encrypt("one", { signal }))).code).toBe("usage");
    expect((await group.encrypt("two")).length).toBeGreaterThan(0);
  });
});
