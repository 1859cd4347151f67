// Hooks that call into their own group, and hooks, signers and providers that fail: neither hangs, and nothing is lost.
import { AsyncLocalStorage } from "node:async_hooks";
import { type Client, type CryptoProvider, type Group, generateSigner } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { gather, type PartyOptions, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it, test } from "vitest";
import { MlsError } from "../../src/errors.js";
import { PSK, SUITE, through } from "./stuck.js";

/** Calls of each operation of a group. `close` isn't among them: a hook may call it. */
const CALLS: Readonly<Record<string, (group: Group) => Promise<unknown>>> = {
  encrypt: (group) => group.encrypt("hello"),
  propose: (group) => group.propose({ update: true }),
  dropProposals: (group) => group.dropProposals(PSK),
  commit: (group) => group.commit(),
  add: (group) => group.add([]),
  remove: (group) => group.remove([]),
  update: (group) => group.update(),
  mergePendingCommit: (group) => group.mergePendingCommit(),
  clearPendingCommit: (group) => group.clearPendingCommit(),
  encryptAll: (group) => group.encryptAll(["hello"]),
  receive: (group) => group.receive(new Uint8Array()),
  receiveAll: (group) => group.receiveAll([new Uint8Array()]),
  exportSecret: (group) => group.exportSecret("label", PSK, 16),
  withEpoch: (group) => group.withEpoch(() => undefined),
  groupInfo: (group) => group.groupInfo(),
  save: (group) => group.save(),
};

async function lone(options: Partial<PartyOptions> = {}): Promise<{ client: Client; group: Group }> {
  const { client } = await party("alice", { suite: SUITE, ...options });
  return { client, group: await client.createGroup() };
}

/** Two members. The first one's hooks call its group, and note what they get. */
async function callingBack(asyncContext?: AsyncLocalStorage<unknown>) {
  const errors: Record<string, MlsError> = {};
  let group: Group | undefined;
  let late = false;
  const call = async (hook: string): Promise<void> => {
    if (late) await Promise.resolve();
    if (group !== undefined) errors[hook] = await failure(group.encrypt("from a hook"));
  };
  /** A hook that answers at once can't wait, but it can call. */
  const callAtOnce = (hook: string): void => {
    void call(hook);
  };
  const own = await generateSigner(nodeProvider(), SUITE);
  const alice = await party("alice", {
    suite: SUITE,
    ...(asyncContext && { asyncContext }),
    authentication: {
      validate: async () => {
        await call("validate");
        return true;
      },
      isSuccessor: async () => {
        await call("isSuccessor");
        return true;
      },
      sameClient: () => {
        callAtOnce("sameClient");
        return false;
      },
    },
    signer: {
      ...own,
      sign: async (message) => {
        await call("sign");
        return own.sign(message);
      },
    },
    externalPsk: async () => {
      await call("externalPsk");
      return PSK;
    },
    policy: {
      authorize: async () => {
        await call("authorize");
        return true;
      },
      padding: (length) => {
        callAtOnce("padding");
        return length;
      },
      now: () => {
        callAtOnce("now");
        return Date.now();
      },
    },
  });
  const bob = await party("bob", { suite: SUITE, externalPsk: () => PSK });
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  /** Lets Alice's hooks call from now on, and makes her call them all. */
  const go = async (afterAnAwait: boolean): Promise<typeof errors> => {
    [group, late] = [a, afterAnAwait];
    const carol = await party("carol", { suite: SUITE });
    await a.encrypt("padded");
    const signer = await generateSigner(nodeProvider(), SUITE);
    const { commit } = await b.commit({
      add: [await carol.client.createKeyPackage()],
      psks: [{ external: PSK }],
      identity: { signer },
    });
    await a.receive(commit);
    const dave = await party("dave", { suite: SUITE });
    await a.add(await dave.client.createKeyPackage());
    await a.withEpoch(() => call("withEpoch"));
    return errors;
  };
  return { a, b, go };
}

describe("a hook that calls an operation of its own group", () => {
  test.each(Object.keys(CALLS))("gets an error at once from %s", async (name) => {
    const { group } = await lone();
    const call = CALLS[name] as (group: Group) => Promise<unknown>;
    expect((await failure(group.withEpoch(() => call(group)))).code).toBe("reentrant");
    await group.encrypt("it doesn't hang");
  });

  test.each(Object.keys(CALLS))(
    "gets an error after an await too from %s, with asynchronous context",
    async (name) => {
      const { group } = await lone({ asyncContext: new AsyncLocalStorage() });
      const call = CALLS[name] as (group: Group) => Promise<unknown>;
      const work = async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return call(group);
      };
      expect((await failure(group.withEpoch(work))).code).toBe("reentrant");
      await group.encrypt("it doesn't hang");
    },
  );

  test("is told so whichever hook it is", async () => {
    const { go } = await callingBack();
    const errors = await go(false);
    expect(Object.keys(errors).sort()).toEqual([
      "authorize",
      "externalPsk",
      "isSuccessor",
      "now",
      "padding",
      "sameClient",
      "sign",
      "validate",
      "withEpoch",
    ]);
    for (const [hook, error] of Object.entries(errors)) expect(error.code, hook).toBe("reentrant");
  });

  test("is told so after its first await too, with asynchronous context", async () => {
    const { go } = await callingBack(new AsyncLocalStorage());
    const errors = await go(true);
    for (const hook of ["authorize", "externalPsk", "isSuccessor", "sign", "validate", "withEpoch"])
      expect(errors[hook]?.code, hook).toBe("reentrant");
  });

  test("through another group is told so, with asynchronous context", async () => {
    const { client, group } = await lone({ asyncContext: new AsyncLocalStorage() });
    const other = await client.createGroup();
    const work = async () => other.withEpoch(async () => group.encrypt("round"));
    expect((await failure(group.withEpoch(work))).code).toBe("reentrant");
  });

  test("after an await can be given up where nothing tells it", async () => {
    const { group } = await lone();
    const controller = new AbortController();
    const work = async () => {
      await Promise.resolve();
      return group.encrypt("waits for itself");
    };
    const hanging = group.withEpoch(work, { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    expect((await failure(hanging)).code).toBe("try-again");
    await group.encrypt("it doesn't hang");
  });

  test("may call once the operation has ended, and may call other groups", async () => {
    const { client, group } = await lone({ asyncContext: new AsyncLocalStorage() });
    const other = await client.createGroup();
    let later: Promise<unknown> | undefined;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    await group.withEpoch(async () => {
      await other.encrypt("another group");
      later = ended.then(() => group.encrypt("later"));
    });
    end();
    await later;
  });

  test("needn't: the policy is given the group as it is, and getters answer", async () => {
    let group: Group | undefined;
    const seen: unknown[] = [];
    const alice = await party("alice", {
      suite: SUITE,
      policy: {
        authorize: (action) => {
          const given = action.kind === "commit" ? action.before : action.group;
          seen.push([given?.epoch, given?.groupId, given?.members.length, given?.member(1)?.leafIndex]);
          seen.push([group?.epoch, group?.groupId, group?.members.length, group?.member(1)?.leafIndex]);
          return true;
        },
      },
    });
    const { groups } = await gather([alice, await party("bob", { suite: SUITE })]);
    const [a, b] = groups as [Group, Group];
    [group, seen.length] = [a, 0];
    await a.receive((await b.update()).commit);
    expect(seen).toEqual([
      [1n, a.groupId, 2, 1],
      [1n, a.groupId, 2, 1],
    ]);
  });

  test("may close it", async () => {
    const { group } = await lone();
    expect((await failure(group.withEpoch(() => group.close()))).code).toBe("closed");
    expect(group.active).toBe(false);
  });
});

describe("a hook, a signer or a provider that fails", () => {
  const broken = new TypeError("the network is down");

  /** Alice, who depends on something that fails while it is down, and Bob. */
  async function shaky(make: (down: <T>(work: () => T) => T) => Partial<PartyOptions>) {
    let isDown = false;
    const options = make((work) => {
      if (isDown) throw broken;
      return work();
    });
    const alice = await party("alice", { suite: SUITE, externalPsk: () => PSK, ...options });
    const bob = await party("bob", { suite: SUITE, externalPsk: () => PSK });
    const carol = await party("carol", { suite: SUITE });
    const { groups } = await gather([alice, bob]);
    const [a, b] = groups as [Group, Group];
    const outage = async (work: () => Promise<unknown>) => {
      isDown = true;
      const error = await failure(work());
      isDown = false;
      return error;
    };
    return { alice: alice.client, carol: carol.client, a, b, outage };
  }

  const flaky = (down: <T>(work: () => T) => T): CryptoProvider => {
    const inner = nodeProvider();
    const suite = inner.suite(SUITE);
    const { aead, hpke } = suite;
    const wrapped = { ...suite, aead: through(aead, down), hpke: through(hpke, down) };
    return { ...inner, suite: () => wrapped };
  };

  test.each([
    ["authentication service", (down) => ({ authentication: { validate: () => down(() => true) } })],
    ["policy", (down) => ({ policy: { authorize: () => down(() => true) } })],
    ["PSK function", (down) => ({ externalPsk: () => down(() => PSK) })],
    ["provider", (down) => ({ crypto: flaky(down) })],
  ] as [string, Parameters<typeof shaky>[0]][])(
    "uses no key up: a message is received later (%s)",
    async (_name, make) => {
      const { carol, a, b, outage } = await shaky(make);
      const { commit } = await b.commit({
        add: [await carol.createKeyPackage()],
        psks: [{ external: PSK }],
      });
      for (let i = 0; i < 2; i++) {
        const error = await outage(() => a.receive(commit));
        expect(error).toMatchObject({ code: "try-again" });
        expect(causes(error)).toContain(broken);
      }
      expect(await a.receive(commit)).toMatchObject({ kind: "commit", active: true });
      await b.mergePendingCommit();
      expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
    },
  );

  test.each([
    ["authentication service", (down) => ({ authentication: { validate: () => down(() => true) } })],
    ["provider", (down) => ({ crypto: flaky(down) })],
  ] as [string, Parameters<typeof shaky>[0]][])(
    "uses no key package up: the Welcome is taken later (%s)",
    async (_name, make) => {
      const { alice, carol, outage } = await shaky(make);
      const c = await carol.createGroup();
      const { welcome } = await c.add(await alice.createKeyPackage());
      await c.mergePendingCommit();
      expect(await outage(() => alice.join(welcome as Uint8Array))).toMatchObject({ code: "try-again" });
      const group = await alice.join(welcome as Uint8Array);
      expect(group.epochAuthenticator).toEqual(c.epochAuthenticator);
    },
  );

  test("application data is received later, if the provider was down", async () => {
    const { a, b, outage } = await shaky((down) => ({ crypto: flaky(down) }));
    const message = await b.encrypt("hello");
    expect(await outage(() => a.receive(message))).toMatchObject({ code: "try-again", cause: broken });
    expect(await a.receive(message)).toMatchObject({ kind: "application" });
  });

  test("a signer that fails changes nothing", async () => {
    const own = await generateSigner(nodeProvider(), SUITE);
    const { a, b, outage } = await shaky((down) => ({
      signer: { ...own, sign: (message) => down(() => own.sign(message)) },
    }));
    for (const work of [() => a.encrypt("x"), () => a.update(), () => a.propose({ update: true })])
      expect(await outage(work)).toMatchObject({ code: "try-again", cause: broken });
    expect([a.hasPendingCommit, a.proposals.length]).toEqual([false, 0]);
    expect(await b.receive(await a.encrypt("x"))).toMatchObject({ kind: "application" });
  });

  test("a hook that says no has given its verdict", async () => {
    const refusing = await shaky(() => ({
      policy: { authorize: (action) => action.kind === "proposal" || action.proposals.length > 0 },
    }));
    const { commit } = await refusing.b.update();
    expect((await failure(refusing.a.receive(commit))).code).toBe("forbidden");
  });

  test("what a hook throws is no verdict, even if it is an error of this library", async () => {
    const { a, b, outage } = await shaky((down) => ({
      authentication: {
        validate: () => {
          try {
            return down(() => true);
          } catch {
            throw new MlsError("forbidden", "the directory is a group of its own");
          }
        },
      },
    }));
    const { commit } = await b.update();
    expect(await outage(() => a.receive(commit))).toMatchObject({
      code: "try-again",
      cause: { code: "forbidden" },
    });
    expect(await a.receive(commit)).toMatchObject({ kind: "commit" });
  });
});

function causes(error: MlsError): unknown[] {
  const all: unknown[] = [];
  for (let one: unknown = error.cause; one !== undefined; one = (one as Error).cause) all.push(one);
  return all;
}

describe("the end of a group", () => {
  it("isn't waited for: what runs and what waits is given up", async () => {
    const own = await generateSigner(nodeProvider(), SUITE);
    let stuck = false;
    const sign = (message: Uint8Array) =>
      stuck ? new Promise<Uint8Array>(() => undefined) : own.sign(message);
    const { group } = await lone({ signer: { ...own, sign } });
    stuck = true;
    const open = [group.encrypt("stuck"), group.update(), group.save()].map((one) => failure(one));
    await group.close();
    for (const error of await Promise.all(open)) expect(error.code).toBe("closed");
    expect((await failure(group.encrypt("x"))).code).toBe("closed");
  });

  it("leaves no authenticator of zeros, on which two groups that ended would agree", async () => {
    const { parties, groups } = await gather([
      await party("alice", { suite: SUITE }),
      await party("bob", { suite: SUITE }),
    ]);
    const [a, b] = groups as [Group, Group];
    expect(parties).toHaveLength(2);
    const { commit } = await a.remove(1);
    await b.receive(commit);
    expect(() => b.epochAuthenticator).toThrow(expect.objectContaining({ code: "removed" }));
    await a.close();
    expect(() => a.epochAuthenticator).toThrow(expect.objectContaining({ code: "closed" }));
  });

  it("an exported secret is never that of wiped memory", async () => {
    const { a, b } = await slowPair();
    const before = await b.exportSecret("label", PSK, 32);
    const { commit } = await b.update();
    const [exported] = await Promise.all([a.exportSecret("label", PSK, 32), a.receive(commit)]);
    expect(exported).toEqual(before);
  });
});

/** Alice, whose provider answers late, and Bob. */
async function slowPair(): Promise<{ a: Group; b: Group }> {
  const inner = nodeProvider();
  const suite = inner.suite(SUITE);
  const later = <R>(work: () => R): R => Promise.resolve().then(work) as R;
  const slow = { ...suite, kdf: through(suite.kdf, later), hash: through(suite.hash, later) };
  const { groups } = await gather([
    await party("alice", { suite: SUITE, crypto: { ...inner, suite: () => slow } }),
    await party("bob", { suite: SUITE }),
  ]);
  const [a, b] = groups as [Group, Group];
  return { a, b };
}

describe("waiting for one's turn", () => {
  test("can be given up, and the others keep their order", async () => {
    const { group } = await lone();
    let release = (): void => undefined;
    const first = group.withEpoch(() => new Promise<void>((resolve) => (release = resolve)));
    const controller = new AbortController();
    const waiting = failure(group.encrypt("given up", { signal: controller.signal }));
    const last = group.encrypt("sent");
    controller.abort();
    expect((await waiting).code).toBe("try-again");
    release();
    await first;
    await last;
  });

  test("isn't begun with a signal that was aborted before", async () => {
    const { group } = await lone();
    expect((await failure(group.encrypt("x", { signal: AbortSignal.abort("no") }))).cause).toBe("no");
  });

  test("listeners are removed from signals that live on", async () => {
    const { group } = await lone();
    let listeners = 0;
    const signal = {
      aborted: false,
      addEventListener: () => listeners++,
      removeEventListener: () => listeners--,
    };
    await Promise.all([group.encrypt("1", { signal }), group.encrypt("2", { signal })]);
    await failure(group.mergePendingCommit({ signal }));
    expect(listeners).toBe(0);
  });
});
