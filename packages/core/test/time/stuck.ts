// A member whose provider, signer and hooks may never answer, and the check that an operation can be given up at each call.
import {
  type AuthenticationService,
  type Client,
  type ClientOptions,
  type CryptoProvider,
  type Group,
  generateSigner,
  type MlsError,
  type OperationOptions,
  type Signer,
} from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { keepEpochs } from "@copse/core/rewind";
import { nodeProvider } from "@copse/provider-node";
import { gather, type Party, type PartyOptions, party } from "@copse/test-support/clients";
import { expect } from "vitest";
import { toHex } from "../../src/bytes.js";
import { wrapFunctions } from "../../src/crypto/wrap.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";

export const SUITE = 1;
export const PSK = new Uint8Array([1, 2, 3]);

/** The calls that a member makes to its provider, its signer and its hooks. One of them may be stuck. */
export class Calls {
  made = 0;
  private stuckAt = Number.POSITIVE_INFINITY;
  private onStuck: () => void = () => undefined;
  private late: (() => void)[] = [];

  readonly answer = <R>(work: () => R): R => {
    this.made++;
    if (this.made !== this.stuckAt) return work();
    this.stuckAt = Number.POSITIVE_INFINITY;
    this.onStuck();
    // A function that may answer later may do so: its type says Awaitable.
    return new Promise((resolve) => this.late.push(() => resolve(work()))) as R;
  };

  /** The call with this number, counted from now, isn't answered. @returns resolves when it is made */
  stickAt(call: number): Promise<"stuck"> {
    this.made = 0;
    this.stuckAt = call;
    return new Promise((resolve) => {
      this.onStuck = () => resolve("stuck");
    });
  }

  /** Answers what is stuck, the oldest first, and waits for what comes of it. */
  async answerLate(count = this.late.length): Promise<void> {
    for (const answer of this.late.splice(0, count)) answer();
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** An object each of whose functions is called by `call`. */
export function through<T extends object>(target: T, call: <R>(work: () => R) => R): T {
  return wrapFunctions(
    target,
    (work) =>
      (...args) =>
        call(() => work(...args)),
  );
}

/** A provider whose asynchronous functions go through `calls`. */
export function stickyProvider(calls: Calls, inner = nodeProvider()): CryptoProvider {
  const suites = new Map<number, CipherSuiteProvider>();
  return {
    ...inner,
    suite(id) {
      const { hash, kdf, aead, hpke, signature, ...rest } = inner.suite(id);
      const wrap = <T extends object>(part: T): T => through(part, calls.answer);
      const wrapped: CipherSuiteProvider = {
        suite: rest.suite,
        random: (length) => rest.random(length),
        hash: wrap(hash),
        kdf: wrap(kdf),
        aead: wrap(aead),
        hpke: {
          ...wrap(hpke),
          // It destroys the key, but nothing waits for its answer.
          destroyPrivateKey: (key) => {
            void hpke.destroyPrivateKey(key);
            return new Promise(() => undefined);
          },
        },
        signature: wrap(signature),
      };
      const known = suites.get(id) ?? wrapped;
      suites.set(id, known);
      return known;
    },
  };
}

export function stickySigner(calls: Calls, signer: Signer): Signer {
  return { ...signer, sign: (message) => calls.answer(() => signer.sign(message)) };
}

export function stickyAuthentication(calls: Calls): AuthenticationService {
  return {
    validate: () => calls.answer(() => true),
    isSuccessor: () => calls.answer(() => true),
  };
}

export interface World {
  readonly calls: Calls;
  /** All that Alice depends on may be stuck; Bob's never is. */
  readonly aliceOptions: PartyOptions & Pick<ClientOptions, "crypto" | "authentication">;
  readonly alice: Client;
  readonly bob: Party;
  readonly carol: Party;
  readonly a: Group;
  readonly b: Group;
}

export async function world(
  handshake: "private" | "public" = "private",
  provider = nodeProvider(),
): Promise<World> {
  const calls = new Calls();
  const aliceOptions: World["aliceOptions"] = {
    suite: SUITE,
    crypto: stickyProvider(calls, provider),
    signer: stickySigner(calls, await generateSigner(nodeProvider(), SUITE)),
    authentication: stickyAuthentication(calls),
    externalPsk: () => calls.answer(() => PSK),
    policy: {
      handshake,
      maxPastExporters: 1,
      authorize: () => calls.answer(() => true),
      rewind: keepEpochs({ epochs: 3, age: 3600 }),
    },
  };
  const plain = { suite: SUITE, externalPsk: () => PSK, policy: { handshake } };
  const bob = await party("bob", plain);
  const carol = await party("carol", plain);
  const { parties, groups } = await gather([await party("alice", aliceOptions), bob]);
  const [a, b] = groups as [Group, Group];
  return { calls, aliceOptions, alice: (parties[0] as Party).client, bob, carol, a, b };
}

export async function follower({ calls, a }: World): Promise<PublicGroup> {
  return PublicGroup.follow({
    crypto: stickyProvider(calls),
    authentication: stickyAuthentication(calls),
    groupInfo: await a.groupInfo(),
  });
}

/** What an operation that was given up must not change. */
async function facts({ a, alice }: World, followed: PublicGroup | undefined) {
  return {
    epoch: a.epoch,
    active: a.active,
    authenticator: toHex(a.epochAuthenticator),
    pending: a.hasPendingCommit,
    staged: a.staged.map(({ commit }) => toHex(commit)),
    proposals: a.proposals.length,
    tree: toHex(a.treeHash),
    keyPackages: toHex(await alice.saveKeyPackages()),
    followed: followed && [followed.epoch, toHex(followed.treeHash), followed.proposals.length],
  };
}

/** The members still understand each other. */
async function talk({ a, b }: World): Promise<void> {
  if (a.active && a.proposals.length === 0) {
    expect(await b.receive(await a.encrypt("from Alice"))).toMatchObject({ kind: "application" });
  }
  if (b.active && b.epoch === a.epoch && b.proposals.length === 0) {
    expect(await a.receive(await b.encrypt("from Bob"))).toMatchObject({ kind: "application" });
  }
}

/** An operation to give up, and what must hold once it succeeds. */
export interface Attempt {
  run(options: OperationOptions): Promise<unknown>;
  succeeded?(result: never): Promise<unknown>;
  readonly followed?: PublicGroup;
}

/**
 * Runs an operation again and again: at first its first call is stuck, then its second, until it makes no more calls.
 * Each time it is given up. The world must be as before, also when the stuck call is answered late.
 * @returns how many calls can be stuck
 */
export async function giveUpAtEachCall(here: World, attempt: Attempt): Promise<number> {
  const { calls } = here;
  const before = await facts(here, attempt.followed);
  for (let call = 1; ; call++) {
    const controller = new AbortController();
    const stuck = calls.stickAt(call);
    const running = attempt.run({ signal: controller.signal });
    const first = await Promise.race([stuck, running.then(() => "succeeded" as const)]);
    if (first === "succeeded") {
      void calls.stickAt(Number.POSITIVE_INFINITY);
      await attempt.succeeded?.((await running) as never);
      return call - 1;
    }
    controller.abort("enough");
    const error: MlsError = await running.then(
      () => expect.fail(`call ${call}: wasn't given up`),
      (failed) => failed,
    );
    expect({ code: error.code, cause: error.cause }, `call ${call}`).toEqual({
      code: "try-again",
      cause: "enough",
    });
    expect(await facts(here, attempt.followed), `after call ${call} was given up`).toEqual(before);
    await talk(here);
    await calls.answerLate();
    expect(await facts(here, attempt.followed), `after call ${call} was answered late`).toEqual(before);
    await talk(here);
  }
}
