// RFC 9420 §6: long messages are written to working buffers, which nobody else sees, and which are empty afterwards.
import { Client, type Group, generateSigner, insecureAcceptAll, type Signer } from "@copse/core";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { describe, expect, it } from "vitest";

const SUITE = 2;
const crypto = await webCryptoProvider();
const authentication = insecureAcceptAll();

async function pair(signer?: Signer): Promise<{ alice: Group; bob: Group }> {
  const options = { crypto, suite: SUITE, authentication };
  const creator = await Client.create({ ...options, credential: "alice", ...(signer && { signer }) });
  const other = await Client.create({ ...options, credential: "bob" });
  const alice = await creator.createGroup();
  const { welcome } = await alice.add(await other.createKeyPackage());
  await alice.mergePendingCommit();
  return { alice, bob: await other.join(welcome as Uint8Array) };
}

/** Around the sizes of the buffers, and beyond the largest. */
const SIZES = [4000, 4096, 4097, 65_536, 130_900, 131_072, 131_073, 300_000];

describe("long messages", () => {
  it.each(SIZES)("of %i bytes arrive as they were when they were handed over", async (size) => {
    const { alice, bob } = await pair();
    const data = new Uint8Array(size).fill(7);
    const sending = alice.encrypt(data);
    data.fill(1);
    const message = await sending;
    expect(message.buffer.byteLength).toBe(message.length);
    const receiving = bob.receive(message);
    message.fill(0);
    const received = await receiving;
    expect(received).toMatchObject({ kind: "application", data: new Uint8Array(size).fill(7) });
    if (received.kind === "application") expect(received.data.buffer.byteLength).toBe(size);
  });

  it("of several groups at the same time don't meet in a buffer", async () => {
    const pairs = await Promise.all(SIZES.map(() => pair()));
    for (let round = 0; round < 3; round++) {
      const contents = SIZES.map((size, i) => new Uint8Array(size).fill(1 + i + 16 * round));
      const messages = await Promise.all(
        pairs.map(({ alice }, i) => alice.encrypt(contents[i] as Uint8Array)),
      );
      const received = await Promise.all(pairs.map(({ bob }, i) => bob.receive(messages[i] as Uint8Array)));
      expect(received.map((one) => one.kind === "application" && one.data)).toEqual(contents);
    }
  });

  it("whose encryption is given up don't disturb the next ones", async () => {
    const own = await generateSigner(crypto, SUITE);
    let wait: Promise<void> | undefined;
    const signer: Signer = {
      ...own,
      async sign(message) {
        await wait;
        return own.sign(message);
      },
    };
    const { alice, bob } = await pair(signer);
    let go = () => {};
    wait = new Promise((resolve) => {
      go = resolve;
    });
    const controller = new AbortController();
    const given = alice.encrypt(new Uint8Array(65_536).fill(1), { signal: controller.signal });
    controller.abort();
    await expect(given).rejects.toMatchObject({ code: "try-again" });
    wait = undefined;
    const next = [2, 3].map((value) => alice.encrypt(new Uint8Array(65_536).fill(value)));
    go();
    for (const [i, message] of (await Promise.all(next)).entries()) {
      expect(await bob.receive(message)).toMatchObject({ data: new Uint8Array(65_536).fill(2 + i) });
    }
  });
});

describe("a signer", () => {
  /** Keeps what it was given to sign, and how that looked then. */
  async function watching(borrows?: boolean) {
    const { borrows: _, ...own } = await generateSigner(crypto, SUITE);
    const given: { message: Uint8Array; before: Uint8Array }[] = [];
    const signer: Signer = {
      ...own,
      ...(borrows !== undefined && { borrows }),
      sign(message) {
        given.push({ message, before: message.slice() });
        return own.sign(message);
      },
    };
    const { alice, bob } = await pair(signer);
    given.length = 0;
    expect(await bob.receive(await alice.encrypt(new Uint8Array(65_536).fill(5)))).toMatchObject({
      data: new Uint8Array(65_536).fill(5),
    });
    await bob.receive((await alice.update()).commit);
    expect(given.length).toBeGreaterThan(1);
    return given;
  }

  it.each([undefined, false])("with borrows: %s keeps the messages that it was given", async (borrows) => {
    for (const { message, before } of await watching(borrows)) {
      expect(message).toEqual(before);
      expect(message.buffer.byteLength).toBe(message.length);
    }
  });

  it("that borrows is lent a buffer for an application message, which is overwritten when it has answered", async () => {
    const [{ message, before } = expect.fail("nothing was signed")] = await watching(true);
    expect(before.includes(5)).toBe(true);
    expect(message.length).toBe(before.length);
    expect(message.every((byte) => byte === 0)).toBe(true);
  });

  it("with a key of a provider borrows", async () => {
    expect((await generateSigner(crypto, SUITE)).borrows).toBe(true);
  });
});
