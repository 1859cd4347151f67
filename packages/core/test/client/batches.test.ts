// RFC 9420 §9, §15: several messages in one call, each of which is treated as if it came alone.
import type { Bytes, Group, Received } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { text } from "@copse/test-support/bytes";
import { gather, type Party, party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;

async function two(options = {}) {
  const parties = [await party("alice", { suite: SUITE, ...options }), await party("bob", { suite: SUITE })];
  const [a, b] = (await gather(parties)).groups as [Group, Group];
  return { a, b, alice: parties[0] as Party };
}

const shown = (results: readonly PromiseSettledResult<Received>[]) =>
  results.map((one) => {
    if (one.status === "rejected") return one.reason.code;
    return one.value.kind === "application" ? text(one.value.data) : one.value.kind;
  });

const words = (count: number) => Array.from({ length: count }, (_, i) => `message ${i}`);

describe("encryptAll", () => {
  it("makes messages that are received one by one, in their order or in any other", async () => {
    const { a, b } = await two();
    const messages = await a.encryptAll(words(5));
    expect(shown(await b.receiveAll(messages))).toEqual(words(5));
    const [first, second, third] = (await a.encryptAll([new Uint8Array(), new Uint8Array([104, 105]), "x"], {
      authenticatedData: new Uint8Array([7]),
    })) as [Bytes, Bytes, Bytes];
    for (const [message, expected] of [
      [third, "x"],
      [first, ""],
      [second, "hi"],
    ] as const) {
      const received = await b.receive(message);
      expect(received).toMatchObject({ kind: "application", authenticatedData: new Uint8Array([7]) });
      expect(received.kind === "application" && text(received.data)).toBe(expected);
    }
    expect(await a.encryptAll([])).toEqual([]);
  });

  it("copies what it gets, and takes one turn", async () => {
    const { a, b } = await two();
    const data = new Uint8Array([1, 2]);
    const list: (Uint8Array | string)[] = [data, "two"];
    const call = Promise.all([a.encryptAll(list), a.encrypt("after them")]);
    data.fill(0);
    list.length = 0;
    const [messages, after] = await call;
    const results = await b.receiveAll([...messages, after]);
    expect(results[0]).toMatchObject({ value: { data: new Uint8Array([1, 2]) } });
    expect(shown(results).slice(1)).toEqual(["two", "after them"]);
  });

  it("refuses the whole list for what isn't data, before it uses a key", async () => {
    const { a, b } = await two();
    for (const wrong of [
      undefined,
      null,
      "hello",
      5,
      {},
      [5],
      ["hello", null],
      new Array(1),
      new Uint8Array(2),
    ])
      expect(await failure(a.encryptAll(wrong as never))).toEqual(code("usage"));
    const error = await failure(a.encryptAll(["hello", 5] as never));
    expect(error.message).toContain("data[1]");
    await a.propose({ update: true });
    await a.receive(await b.propose({ update: true }));
    expect(await failure(a.encryptAll(["hello"]))).toEqual(code("pending"));
    await a.close();
    expect(await failure(a.encryptAll(["hello"]))).toEqual(code("closed"));
  });

  it("gives no key out twice if one fails, or the call is given up", async () => {
    const { a, b } = await two({ policy: { maxApplicationSize: 1000 } });
    expect(await failure(a.encryptAll(["hello", new Uint8Array(2000), "again"]))).toEqual(code("limit"));
    const controller = new AbortController();
    const call = a.encryptAll(words(50), { signal: controller.signal });
    await Promise.resolve();
    controller.abort();
    expect(await failure(call)).toEqual(code("try-again"));
    expect(shown(await b.receiveAll(await a.encryptAll(words(3))))).toEqual(words(3));
  });
});

describe("receiveAll", () => {
  it("answers for each message in its place, as receive does", async () => {
    const { a, b } = await two();
    const [one, two_] = (await b.encryptAll(["one", "two"])) as [Bytes, Bytes];
    const { commit } = await b.update();
    await b.mergePendingCommit();
    const later = await b.encrypt("in the next epoch");
    const own = await a.encrypt("own");
    const changed = one.map((byte, i) => (i === one.length - 1 ? byte ^ 1 : byte));
    const results = await a.receiveAll([changed, two_, one, one, new Uint8Array(3), commit, later, own]);
    expect(shown(results)).toEqual([
      "crypto",
      "two",
      "one",
      "duplicate",
      "decode",
      "commit",
      "in the next epoch",
      "own",
    ]);
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
    expect(await a.receiveAll([])).toEqual([]);
  });

  it("goes on to the end after this client was removed", async () => {
    const { a, b } = await two();
    const message = await b.encrypt("the last one");
    const { commit } = await b.remove(a.ownLeafIndex);
    expect(shown(await a.receiveAll([message, commit, message]))).toEqual([
      "the last one",
      "commit",
      "removed",
    ]);
    expect(a.active).toBe(false);
  });

  it("refuses the whole list for what isn't a message's bytes", async () => {
    const { a, b } = await two();
    const message = await b.encrypt("hello");
    for (const wrong of [undefined, message, [message, "hello"], new Array(1)])
      expect(await failure(a.receiveAll(wrong as never))).toEqual(code("usage"));
    expect(shown(await a.receiveAll([message]))).toEqual(["hello"]);
  });

  /** Alice's provider calls this for each message that she opens. */
  async function watched(onOpen: (count: number) => unknown) {
    let count = 0;
    const provider = nodeProvider();
    const suite = provider.suite(SUITE);
    const { open } = suite.aead;
    const counting: typeof open = (...args) => {
      onOpen(count++);
      return open(...args);
    };
    const crypto = { ...provider, suite: () => ({ ...suite, aead: { ...suite.aead, open: counting } }) };
    const here = await two({ crypto });
    count = 0;
    return here;
  }

  it("that is given up answers for what it received, and the others can be received later", async () => {
    const controller = new AbortController();
    // Two for each message: the sender data, and the content.
    const { a, b } = await watched((count) => count === 5 && controller.abort(new Error("enough")));
    const messages = await b.encryptAll(words(5));
    const results = await a.receiveAll(messages, { signal: controller.signal });
    expect(shown(results)).toEqual(["message 0", "message 1", "try-again", "try-again", "try-again"]);
    expect(results[2]).toMatchObject({ reason: { cause: { message: "enough" } } });
    expect(shown(await a.receiveAll(messages)).slice(0, 3)).toEqual(["duplicate", "duplicate", "message 2"]);
    const late = new AbortController();
    const waiting = [a.receiveAll([]), a.receiveAll(messages, { signal: late.signal })] as const;
    late.abort();
    expect(await failure(waiting[1])).toEqual(code("try-again"));
  });

  it("of a group that is closed in the course of a message without a key changes nothing any more", async () => {
    const provider = nodeProvider();
    const suite = provider.suite(SUITE);
    let close: (() => unknown) | undefined;
    const verify: typeof suite.signature.verify = (...args) => {
      close?.();
      return suite.signature.verify(...args);
    };
    const signature = { ...suite.signature, verify };
    const crypto = { ...provider, suite: () => ({ ...suite, signature }) };
    const policy = { handshake: "public" } as const;
    const parties = [
      await party("alice", { suite: SUITE, crypto, policy }),
      await party("bob", { suite: SUITE, policy }),
    ];
    const [a, b] = (await gather(parties)).groups as [Group, Group];
    const proposals = [
      await b.propose({ update: true }),
      await b.propose({ psk: { external: new Uint8Array(1) } }),
    ];
    close = () => a.close();
    expect(await failure(a.receiveAll(proposals))).toEqual(code("closed"));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(a.predecessor).toMatchObject({ status: "closed", proposals: [] });
  });

  it("of a group that is closed meanwhile changes nothing any more", async () => {
    let close: (() => unknown) | undefined;
    const { a, b } = await watched((count) => count === 3 && close?.());
    close = () => a.close();
    const messages = await b.encryptAll(words(3));
    expect(await failure(a.receiveAll(messages))).toEqual(code("closed"));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(a.active).toBe(false);
    expect(a.predecessor.status).toBe("closed");
  });
});
