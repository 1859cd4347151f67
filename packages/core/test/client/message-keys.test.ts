// RFC 9420 §6.3.2, §9: the keys of messages, their generations, and the sender data that names them.
import type { Group } from "@copse/core";
import { holds, text } from "@copse/test-support/bytes";
import { four, gather, type Meeting, type Party, party } from "@copse/test-support/clients";
import { failure, refused } from "@copse/test-support/errors";
import { insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { deriveTreeSecrets } from "../../src/crypto/labelled.js";
import { senderDataKeyAndNonce } from "../../src/framing/private-message.js";
import { deriveLeafSecrets } from "../../src/schedule/leaf-secrets.js";
import { loadSecretTree } from "../../src/schedule/secret-tree-state.js";
import { SenderData, SenderDataAAD } from "../../src/wire/message.js";
import { type MlsMessage as Message, MlsMessage } from "../../src/wire/mls-message.js";

const SUITE = 1;

type PrivateIn = Extract<Message, { wireFormat: 2 }>["privateMessage"];

/** A private message, with other sender data under the same key: an insider can do this. */
async function withSenderData(
  { parties, groups }: Meeting,
  bytes: Uint8Array,
  change: Partial<{ leafIndex: number; generation: number }>,
): Promise<Uint8Array> {
  const { config, epoch } = await insider(parties[0] as Party, groups[0] as Group);
  const { provider } = config;
  const message = decode(MlsMessage, bytes);
  const { privateMessage } = message as { privateMessage: PrivateIn };
  const { key, nonce } = await senderDataKeyAndNonce(
    provider,
    epoch.secrets.senderDataSecret,
    privateMessage.ciphertext,
  );
  const aad = encode(SenderDataAAD, privateMessage);
  const opened = await provider.aead.open(key, nonce, aad, privateMessage.encryptedSenderData);
  const senderData = { ...decode(SenderData, opened), ...change };
  const encryptedSenderData = await provider.aead.seal(key, nonce, aad, encode(SenderData, senderData));
  return encode(MlsMessage, {
    version: 1,
    wireFormat: 2,
    privateMessage: { ...privateMessage, encryptedSenderData },
  });
}

describe("skipped generations keep only key and nonce", () => {
  it("no consumed key can be derived from a saved state", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const [{ config }] = parties as [Party];
    const { provider } = config;
    // Before she sends, Alice's secret tree gives all keys.
    const { epoch } = await insider(parties[0] as Party, alice);
    const { Nh } = provider.suite.hash;
    const { Nk, Nn } = provider.suite.aead;
    const contents = loadSecretTree(epoch.tree.width, epoch.secretTree.pieces.all(), { Nh, Nk, Nn });
    const leafSecrets = await deriveLeafSecrets(provider, contents, 0);
    const ratchet = [leafSecrets.application];
    const keys: Uint8Array[] = [];
    for (let generation = 0; generation < 6; generation++) {
      const secret = ratchet[generation] as Uint8Array;
      const outputs = [
        ["key", Nk],
        ["secret", Nh],
      ] as const;
      const [key, next] = await deriveTreeSecrets(provider, secret, generation, outputs);
      keys.push(key as Uint8Array);
      ratchet.push(next as Uint8Array);
    }
    const sent: Uint8Array[] = [];
    for (let i = 0; i < 6; i++) sent.push(await alice.encrypt(`message ${i}`));
    for (const i of [4, 2]) await bob.receive(sent[i] as Uint8Array);
    const snapshot = await bob.save();
    for (const i of [2, 4]) expect(holds(snapshot, keys[i] as Uint8Array), `key ${i}`).toBe(false);
    for (const i of [0, 1, 3]) expect(holds(snapshot, keys[i] as Uint8Array), `key ${i}`).toBe(true);
    for (let i = 0; i <= 4; i++) expect(holds(snapshot, ratchet[i] as Uint8Array), `secret ${i}`).toBe(false);
    expect(holds(snapshot, ratchet[5] as Uint8Array), "the next secret").toBe(true);
    // Nor the secrets of the nodes above Alice's leaf, from which those are derived.
    for (const { secret } of contents.nodes.values()) expect(holds(snapshot, secret)).toBe(false);
    const restored = await (await (parties[1] as Party).again()).restore(snapshot);
    for (const i of [2, 4])
      expect((await failure(restored.receive(sent[i] as Uint8Array))).code).toBe("duplicate");
    for (const i of [5, 0, 3, 1]) {
      expect(await restored.receive(sent[i] as Uint8Array)).toMatchObject({ kind: "application" });
    }
  });
});

describe("the leaf index in SenderData is checked", () => {
  it.each([2, 4, 77, 2 ** 31, 2 ** 32 - 1])(
    "leaf %i is blank or out of range, and refused",
    async (leafIndex) => {
      const meeting = await four(SUITE);
      const [alice, bob] = meeting.groups as [Group, Group];
      const { commit } = await alice.remove(2);
      await bob.receive(commit);
      await alice.mergePendingCommit();
      const message = await alice.encrypt("from nobody");
      const error = await refused(bob, await withSenderData(meeting, message, { leafIndex }));
      expect(error.code).toBe("unknown-sender");
      const received = await bob.receive(message);
      expect(received.kind === "application" && text(received.data)).toBe("from nobody");
    },
  );
});

describe("a generation far ahead", () => {
  it("is refused without deriving the keys up to it", async () => {
    const meeting = await four(SUITE);
    const [alice, bob] = meeting.groups as [Group, Group];
    const message = await alice.encrypt("far ahead");
    const start = performance.now();
    for (const generation of [1001, 2 ** 16, 2 ** 31, 2 ** 32 - 1]) {
      const error = await refused(bob, await withSenderData(meeting, message, { generation }));
      expect(error.code).toBe("limit");
    }
    // Within the limit the key is derived, and decryption fails.
    const error = await refused(bob, await withSenderData(meeting, message, { generation: 900 }));
    expect(error.code).toBe("crypto");
    expect(performance.now() - start).toBeLessThan(10_000);
    await bob.receive(message);
    const back = await refused(bob, await withSenderData(meeting, message, { generation: 0 }));
    expect(back.code).toBe("duplicate");
  });
});

describe("a message that is too large", () => {
  it("is refused before it takes a key, by its exact size", async () => {
    const { groups } = await gather([
      await party("alice", { suite: SUITE, policy: { handshake: "private", maxApplicationSize: 700 } }),
      await party("bob", { suite: SUITE, policy: { handshake: "private" } }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    const before = await alice.save();
    const authenticatedData = new Uint8Array(1024 * 1024);
    for (const work of [
      () => alice.encrypt(new Uint8Array(700)),
      () => alice.propose({ update: true }, { authenticatedData }),
      () => alice.commit({ authenticatedData }),
    ]) {
      expect((await failure(work())).code).toBe("limit");
    }
    expect(await alice.save()).toEqual(before);
    for (const length of [0, 10, 30, 100, 300]) {
      const { length: size } = await alice.encrypt(new Uint8Array(length));
      const exact = await limitedTo(size);
      expect((await exact.encrypt(new Uint8Array(length))).length).toBe(size);
      expect((await failure((await limitedTo(size - 1)).encrypt(new Uint8Array(length)))).message).toBe(
        `expected a message of at most ${size - 1} bytes, got ${size}`,
      );
    }
    expect(await bob.receive(await alice.propose({ update: true }))).toMatchObject({ kind: "proposal" });
  });
});

/** A new group whose messages may have this many bytes. */
async function limitedTo(maxApplicationSize: number): Promise<Group> {
  const { groups } = await gather([await party("alice", { suite: SUITE, policy: { maxApplicationSize } })]);
  return groups[0] as Group;
}
