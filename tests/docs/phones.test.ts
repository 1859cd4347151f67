// docs/keys.md: its code for keys in a phone's chip, with a native module that plays iOS and Android.
import { createPublicKey, sign } from "node:crypto";
import type { Group } from "@copse/core";
import type { CryptoProvider, Signer } from "@copse/core/provider";
import { toDer } from "@copse/provider-kit";
import { send } from "@copse/test-support/clients";
import { programs, readDocument } from "@copse/test-support/documents";
import { code } from "@copse/test-support/errors";
import { type Phone, startPhone } from "@copse/test-support/phone";
import { afterAll, describe, expect, it } from "vitest";

const bytes = (text: string) => new TextEncoder().encode(text);

/** The page's code and our packages in one bundle: a program has one copy of each class. */
const ALL = `
  export { Client, insecureAcceptAll } from "@copse/core";
  export { testProvider } from "@copse/provider-conformance";
  export { nodeProvider } from "@copse/provider-node";
  export * from "./phone.js";
  export * from "./phone-keys.js";
`;
type All = Pick<typeof import("@copse/core"), "Client" | "insecureAcceptAll"> &
  Pick<typeof import("@copse/provider-conformance"), "testProvider"> &
  Pick<typeof import("@copse/provider-node"), "nodeProvider"> & {
    phoneSigner(phone: Phone, name: string): Promise<Signer>;
    phoneProvider(inner: CryptoProvider, phone: Phone): CryptoProvider;
  };

const { blocks } = await readDocument("docs/keys.md");
const page = await programs({
  ...Object.fromEntries(blocks.map(({ file, code }) => [file, code])),
  "all.ts": ALL,
});
afterAll(() => page.remove());
const { Client, insecureAcceptAll, nodeProvider, testProvider, phoneProvider, phoneSigner } = (await import(
  await page.bundled("all.ts")
)) as All;
const node = nodeProvider();
const common = { suite: 2, authentication: insecureAcceptAll() };

async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => expect.unreachable("accepted"),
    (error: unknown) => error,
  );
}

describe.each(["ios", "android"] as const)("keys in the chip, in the formats of %s", (kind) => {
  /** Alice's keys are in the chip; Bob's aren't. */
  async function meet(inChip: boolean) {
    const phone = startPhone(kind);
    const crypto = inChip ? phoneProvider(node, phone) : node;
    const again = async () =>
      Client.create({ ...common, crypto, signer: await phoneSigner(phone, "alice"), credential: "alice" });
    const alice = await again();
    const bob = await Client.create({ ...common, crypto: node, credential: "bob" });
    const b = await bob.createGroup();
    const { welcome } = await b.add([await alice.createKeyPackage()]);
    await b.mergePendingCommit();
    const a = await alice.join(welcome as Uint8Array);
    return { phone, alice, again, a, b };
  }

  /** A commit of each, and a message of each. */
  async function goOn(a: Group, b: Group): Promise<void> {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const { commit } = await from.update();
      await to.receive(commit);
      await from.mergePendingCommit();
      await send(from, [to], "still here");
    }
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  }

  it("a signer is found again by its name, and signs what node verifies", async () => {
    const phone = startPhone(kind);
    const [one, two] = [await phoneSigner(phone, "alice"), await phoneSigner(phone, "alice")];
    expect(two.publicKey).toEqual(one.publicKey);
    expect(one.publicKey).toHaveLength(65);
    const { signature } = node.suite(2);
    for (const message of [new Uint8Array(0), bytes("hello"), new Uint8Array(200_000).fill(7)]) {
      const signed = await one.sign(message);
      expect(signed[0]).toBe(0x30);
      expect(signature.verify(one.publicKey, message, signed)).toBe(true);
      expect(signature.verify(one.publicKey, bytes("another"), signed)).toBe(false);
    }
  });

  it.each([false, true])(
    "a member adds, updates and is restored; init and leaf keys in the chip: %s",
    async (inChip) => {
      const { a, b, again } = await meet(inChip);
      await send(a, [b], "hello");
      await goOn(a, b);
      const restored = await (await again()).restore(await a.save());
      await goOn(restored, b);
    },
  );

  it("a user who says no gives an operation up, and nothing changes", async () => {
    const { phone, a, b } = await meet(false);
    const before = await a.save();
    phone.fate = () => "cancel";
    for (const call of [() => a.encrypt("hi"), () => a.update(), () => a.propose({ update: true })]) {
      const error = await failure(call());
      expect(error).toEqual(code("try-again"));
      expect((error as Error).cause).toMatchObject({
        code: expect.stringMatching(/^(errSecUserCanceled|ERROR_USER_CANCELED)$/),
      });
    }
    expect(await a.save()).toEqual(before);
    phone.fate = undefined;
    await goOn(a, b);
  });

  it("a question that nobody answers is given up by a signal", async () => {
    const { phone, a, b } = await meet(false);
    phone.fate = () => "hang";
    expect(await failure(a.encrypt("never", { signal: AbortSignal.timeout(50) }))).toEqual(code("try-again"));
    phone.fate = undefined;
    await goOn(a, b);
  });

  it("a Welcome and a commit that the chip doesn't open now are opened later", async () => {
    const { phone, alice, a, b } = await meet(true);
    const keys = phone.names.length;
    const bob = await Client.create({ ...common, crypto: node, credential: "bob" });
    const other = await bob.createGroup();
    const { welcome } = await other.add([await alice.createKeyPackage()]);
    await other.mergePendingCommit();
    const { commit } = await b.update();
    phone.fate = () => "cancel";
    expect(await failure(alice.join(welcome as Uint8Array))).toEqual(code("try-again"));
    expect(await failure(a.receive(commit))).toEqual(code("try-again"));
    phone.fate = undefined;
    expect((await alice.join(welcome as Uint8Array)).epochAuthenticator).toEqual(other.epochAuthenticator);
    await a.receive(commit);
    await b.mergePendingCommit();
    await goOn(a, b);
    // The init key was used; of the leaf keys, each group has one.
    expect(phone.names.length).toBe(keys + 1);
  });

  it("keys end in the chip as groups use them up", async () => {
    const { phone, a, b } = await meet(true);
    // The signer, and the leaf key: the init key ended with the join.
    expect(phone.names).toHaveLength(2);
    for (let i = 0; i < 3; i++) {
      await goOn(a, b);
      expect(phone.names).toHaveLength(2);
    }
    await a.save();
    const first = phone.names[1];
    await goOn(a, b);
    // The saved state needs its own.
    expect(phone.names).toHaveLength(3);
    expect(phone.names[1]).toBe(first);
    // And the save before, as long as the last one may not be stored yet.
    await a.save();
    expect(phone.names).toHaveLength(3);
    await a.save();
    expect(phone.names).toHaveLength(2);
  });

  it("a state is restored on no other phone, nor with another key in the place of its own", async () => {
    const { phone, again, a } = await meet(true);
    const saved = await a.save();
    const elsewhere = startPhone(kind);
    const stranger = await Client.create({
      ...common,
      crypto: phoneProvider(node, elsewhere),
      signer: await phoneSigner(phone, "alice"),
      credential: "alice",
    });
    expect(await failure(stranger.restore(saved))).toEqual(code("state"));
    phone.swap(phone.names[1] as string, "alice");
    expect(await failure((await again()).restore(saved))).toEqual(code("state"));
  });

  it("a chip that makes no key leaves nothing", async () => {
    const { phone, alice } = await meet(true);
    const before = [...phone.names];
    phone.forgets = true;
    expect(await failure(alice.createKeyPackage())).toEqual(code("try-again"));
    expect(phone.names).toEqual(before);
    expect(await failure(phoneSigner(phone, "bob"))).toMatchObject({
      message: expect.stringContaining("no key"),
    });
  });

  it("passes the checks of HPKE and its keys", async () => {
    const phone = startPhone(kind);
    const report = await testProvider(phoneProvider(node, phone), {
      effort: "short",
      areas: ["hpke", "hpke keys", "handles", "concurrency"],
      second: node,
    });
    expect(report.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(report.passed).toBeGreaterThan(20);
    expect(phone.names).toEqual([]);
  });
});

it("a public key of another curve or form is refused", async () => {
  const phone = startPhone("ios");
  for (const wrong of [
    new Uint8Array(33).fill(2),
    new Uint8Array(97).fill(4),
    new Uint8Array(65),
    new Uint8Array(91),
  ]) {
    phone.publicKey = async () => Buffer.from(wrong).toString("base64");
    await expect(phoneSigner(phone, "alice")).rejects.toThrow("expected an uncompressed point of P-256");
  }
});

it("a signature as r || s becomes DER by the kit", async () => {
  const { publicKey, privateKey } = node.suite(2).signature.generateKeyPair() as never as {
    publicKey: Uint8Array;
    privateKey: never;
  };
  const scalar = node.suite(2).signature.exportPrivateKey(privateKey) as Uint8Array;
  const jwk = {
    ...{ kty: "EC", crv: "P-256", d: Buffer.from(scalar).toString("base64url") },
    x: Buffer.from(publicKey.subarray(1, 33)).toString("base64url"),
    y: Buffer.from(publicKey.subarray(33)).toString("base64url"),
  };
  const key = { key: jwk, format: "jwk", dsaEncoding: "ieee-p1363" } as const;
  expect(createPublicKey({ key: jwk, format: "jwk" }).asymmetricKeyType).toBe("ec");
  for (let i = 0; i < 300; i++) {
    const message = bytes(`${i}`);
    const raw = sign("sha256", message, key);
    expect(raw).toHaveLength(64);
    expect(node.suite(2).signature.verify(publicKey, message, toDer(raw))).toBe(true);
  }
});
