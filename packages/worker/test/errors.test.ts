// RFC 9420 §5.3.1, §5.1.2, §8.4: what goes wrong in a worker, what a worker asks of a page, and how a worker ends.
import type { Worker } from "node:worker_threads";
import {
  type AuthenticationService,
  type CredentialClaim,
  DecodeError,
  type ErrorDetails,
  generateSigner,
  insecureAcceptAll,
  isBasicCredential,
  MlsError,
  type Signer,
  ValidationError,
} from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { connectClient, WorkerError } from "@copse/worker";
import { afterEach, describe, expect, test } from "vitest";
import { PackedError, packError, unpackError } from "../src/errors.js";
import { closePorts, connected, makeClient, type Options, startWorker } from "./workers.js";

const workers: Worker[] = [];
afterEach(async () => {
  closePorts();
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

async function thread(): Promise<Worker> {
  const worker = await startWorker();
  workers.push(worker);
  return worker;
}

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("errors", () => {
  test("have the same class, code, rule and message as without a worker", async () => {
    const remote = await connectClient<Options>(await thread(), {});
    const local = await makeClient();
    const bob = await makeClient({ credential: "bob" });
    const keyPackage = await bob.createKeyPackage();
    const wrong: ((client: typeof remote | typeof local) => Promise<unknown>)[] = [
      (client) => client.join(new Uint8Array([0, 1, 0])),
      (client) => client.restore(new Uint8Array(4)),
      async (client) => (await client.createGroup()).remove(0),
      async (client) => (await client.createGroup()).remove(9),
      async (client) => (await client.createGroup()).mergePendingCommit(),
      async (client) => (await client.createGroup()).add([keyPackage, keyPackage]),
      async (client) => (await client.createGroup()).encrypt(7 as unknown as string),
      async (client) => (await client.createGroup()).exportSecret("", new Uint8Array(), -1),
      async (client) => (await client.createGroup()).commit({ psks: [{ external: new Uint8Array(2) }] }),
    ];
    const codes = new Set<string>();
    for (const call of wrong) {
      const here = (await caught(call(local))) as ValidationError;
      const there = (await caught(call(remote))) as ValidationError;
      expect(there).toBeInstanceOf(MlsError);
      expect(Object.getPrototypeOf(there)).toBe(Object.getPrototypeOf(here));
      for (const field of ["name", "message", "code", "rule", "offset"] as const) {
        expect(there[field as "code"]).toEqual(here[field as "code"]);
      }
      expect(there.proposal?.index).toBe(here.proposal?.index);
      expect(there.proposal?.name).toBe(here.proposal?.name);
      codes.add(there.code);
    }
    expect([...codes].sort()).toEqual(["decode", "missing", "state", "usage", "validation"].sort());
  });

  test("keep all that they know", () => {
    const bytes = new Uint8Array(3);
    const details: Required<ErrorDetails> = {
      ...{ groupId: bytes, epoch: 4n, sender: 5, alone: true, leadsTo: bytes },
      references: [bytes],
    };
    const packed: unknown = structuredClone(packError(new MlsError("crypto", "wrong", details)));
    if (!PackedError(packed)) throw new Error("expected an error as it is posted");
    expect(unpackError(packed)).toMatchObject(details);
  });

  test("say which proposal is invalid", async () => {
    const { client } = await connected();
    const error = await caught((await client.createGroup()).remove(0));
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).proposal).toMatchObject({ index: 0, name: "remove" });
    expect(await caught(client.join(new Uint8Array(1)))).toBeInstanceOf(DecodeError);
  });
});

test("values that can't be cloned are refused, in both directions", async () => {
  const symbol = Symbol("of nothing") as unknown as string;
  const { client } = await connected();
  const group = await client.createGroup();
  await expect(group.encrypt(symbol)).rejects.toMatchObject({ code: "usage" });
  const authentication = { validate: () => symbol as unknown as boolean };
  const { client: other } = await connected({ authentication });
  const bob = await makeClient({ credential: "bob" });
  const keyPackage = await bob.createKeyPackage();
  await expect((await other.createGroup()).add(keyPackage)).rejects.toMatchObject({ code: "try-again" });
  expect((await group.encrypt("goes on")).length).toBeGreaterThan(0);
});

describe("what the page is asked", () => {
  const bobOnly = (asked: CredentialClaim[]): AuthenticationService => ({
    validate(claim) {
      asked.push(claim);
      const { credential } = claim;
      if (!isBasicCredential(credential)) return false;
      const name = new TextDecoder().decode(credential.identity);
      if (name === "mallory") throw new TypeError("known for it");
      return name !== "eve";
    },
  });

  test("an authentication service on the page decides", async () => {
    const asked: CredentialClaim[] = [];
    const alice = await connectClient<Options>(await thread(), { authentication: bobOnly(asked) });
    const [bob, eve, mallory] = await Promise.all(
      ["bob", "eve", "mallory"].map(async (credential) =>
        (await makeClient({ credential })).createKeyPackage(),
      ),
    );
    const group = await alice.createGroup();
    await group.add(bob as Uint8Array);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.at(-1)?.signatureKey).toHaveLength(32);
    await group.mergePendingCommit();
    // A service that throws has given no verdict.
    for (const [refused, code] of [
      [eve, "authentication"],
      [mallory, "try-again"],
    ] as const) {
      await expect(group.add(refused as Uint8Array)).rejects.toMatchObject({ code });
    }
    expect(group).toMatchObject({ epoch: 1n, hasPendingCommit: false });
  });

  test("many credentials at once come in batches, so that the page stays responsive", async () => {
    let asked = 0;
    let most = 0;
    const authentication: AuthenticationService = {
      validate() {
        asked++;
        most = Math.max(most, asked);
        setImmediate(() => {
          asked = 0;
        });
        return true;
      },
    };
    const alice = await connectClient<Options>(await thread(), { authentication });
    const group = await alice.createGroup();
    const others = await Promise.all(
      Array.from({ length: 200 }, (_, i) => makeClient({ credential: `${i}` })),
    );
    await group.add(await Promise.all(others.map((one) => one.createKeyPackage())));
    expect(most).toBeGreaterThan(0);
    await group.mergePendingCommit();
    expect(group.members).toHaveLength(201);
  });

  test("a signer and pre-shared keys on the page are used, instances of a class too", async () => {
    const inner = await generateSigner(nodeProvider(), 1);
    class Token implements Signer {
      signed = 0;
      get algorithm() {
        return inner.algorithm;
      }
      get publicKey() {
        return inner.publicKey;
      }
      sign(message: Uint8Array) {
        this.signed++;
        return inner.sign(message);
      }
    }
    const signer = new Token();
    const psk = new Uint8Array(32).fill(5);
    const externalPsk = (id: Uint8Array) => (id[0] === 1 ? psk : undefined);
    const alice = await connectClient<Options>(await thread(), { signer, externalPsk });
    expect(alice.signatureKey).toEqual(inner.publicKey);
    const bob = await makeClient({ credential: "bob", externalPsk });
    const group = await alice.createGroup();
    const before = signer.signed;
    const psks = [{ external: new Uint8Array([1]) }];
    const { welcome } = await group.commit({ add: [await bob.createKeyPackage()], psks });
    expect(signer.signed).toBeGreaterThan(before);
    await group.mergePendingCommit();
    expect((await bob.join(welcome as Uint8Array)).epochAuthenticator).toEqual(group.epochAuthenticator);

    const next = new Token();
    await group.update({ signer: next });
    await group.mergePendingCommit();
    await group.encrypt("signed on the page");
    expect(next.signed + signer.signed).toBeGreaterThan(before + 2);
  });

  test("a function that must answer synchronously is refused, and its promise isn't taken for a yes", async () => {
    const authentication = { ...insecureAcceptAll(), sameClient: () => false };
    await expect(connected({ authentication })).rejects.toMatchObject({ code: "usage" });
    await expect(connected({ policy: { now: () => 0 } })).rejects.toMatchObject({ code: "usage" });
  });
});

test("a function that chooses members or proposals is refused: the error says what to pass in its place", async () => {
  const { client } = await connected({});
  const group = await client.createGroup();
  const everybody = (() => true) as unknown as never;
  for (const call of [group.remove(everybody), group.dropProposals(everybody)]) {
    const error = await caught(call);
    expect(error).toMatchObject({ code: "usage" });
    expect((error as Error).message).toMatch(/leaf indices or references/);
  }
});

describe("the end", () => {
  test.each([
    ["is terminated", (worker: Worker) => void worker.terminate(), /gone/],
    ["throws", (worker: Worker) => worker.postMessage("throw"), /thrown on purpose/],
    ["exits", (worker: Worker) => worker.postMessage("exit"), /code 3/],
  ])("of a worker that %s rejects what is open, and what comes after", async (_, kill, words) => {
    const worker = await thread();
    worker.on("error", () => undefined);
    const never = { validate: () => new Promise<boolean>(() => undefined) };
    const client = await connectClient<Options>(worker, { authentication: never });
    const bob = await makeClient({ credential: "bob" });
    const open = caught(client.createGroup());
    const other = caught(client.join(await bob.createKeyPackage()));
    await other;
    kill(worker);
    for (const error of [await client.ended, await caught(client.createKeyPackage())]) {
      expect(error).toBeInstanceOf(WorkerError);
      expect((error as WorkerError).message).toMatch(words);
      expect((error as WorkerError).code).toBe("closed");
    }
    void open;
  });

  test("of a worker rejects calls that it never answered", async () => {
    const worker = await thread();
    const never = { validate: () => new Promise<boolean>(() => undefined) };
    const client = await connectClient<Options>(worker, { authentication: never });
    const bob = await makeClient({ credential: "bob" });
    const group = await client.createGroup();
    const open = [group.add(await bob.createKeyPackage()), group.encrypt("behind it")].map(caught);
    await worker.terminate();
    for (const error of await Promise.all(open)) expect(error).toBeInstanceOf(WorkerError);
  });

  test("before the beginning: a script that isn't there, a client that can't be made", async () => {
    const worker = await thread();
    const starting = caught(connectClient<Options & { hang: boolean }>(worker, { hang: true }));
    await worker.terminate();
    expect(await starting).toBeInstanceOf(WorkerError);
    await expect(connected({ suite: 77 })).rejects.toMatchObject({ code: "unsupported" });
  });

  test("by close() comes after the open calls, and overwrites the groups' secrets", async () => {
    const { client, serving } = await connected();
    const group = await client.createGroup();
    const open = group.encrypt("still answered");
    const closing = client.close();
    const late = caught(group.encrypt("too late"));
    expect((await open).length).toBeGreaterThan(0);
    await closing;
    await client.close();
    await serving.closed;
    expect(await client.ended).toBeUndefined();
    for (const error of [await late, await caught(client.createGroup())]) {
      expect(error).toBeInstanceOf(WorkerError);
      expect((error as WorkerError).message).toMatch(/closed/);
    }
  });

  test("of the page closes the client in the worker", async () => {
    const { client, serving, port } = await connected();
    await client.createGroup();
    port.close();
    await serving.closed;
    expect(await client.ended).toBeInstanceOf(WorkerError);
  });

  test("of a group leaves other groups open", async () => {
    const { client } = await connected();
    const [one, other] = [await client.createGroup(), await client.createGroup()];
    await one.close();
    expect(one.active).toBe(false);
    await expect(one.encrypt("x")).rejects.toMatchObject({ code: "closed" });
    expect((await other.encrypt("x")).length).toBeGreaterThan(0);
  });
});
