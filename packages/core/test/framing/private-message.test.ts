// RFC 9420 §6.3: invalid private messages, the cost of valid ones, and the end of their keys.

import { toHex, utf8 } from "@copse/test-support/bytes";
import { nodeSuite } from "@copse/test-support/providers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { decode, encode, opaque } from "../../src/codec/codec.js";
import { MlsError } from "../../src/errors.js";
import { signContent, verifyContent } from "../../src/framing/authentication.js";
import { openPrivate, sealPrivate, senderDataKeyAndNonce } from "../../src/framing/private-message.js";
import { CIPHER_SUITES } from "../../src/provider/suites.js";
import { DEFAULT_RATCHET_LIMITS } from "../../src/schedule/ratchet-limits.js";
import {
  type AuthenticatedContent,
  framedContentAuthData,
  SenderType,
  WireFormat,
} from "../../src/wire/framed-content.js";
import { PrivateContentAAD, PrivateMessage, SenderData, SenderDataAAD } from "../../src/wire/message.js";
import { counting, failing, later } from "../schedule/providers.js";
import { stateOf } from "../schedule/secret-trees.js";
import { application, commit, member, party, removal } from "./party.js";

const provider = nodeSuite(1);
const group = await party(provider);
const PRIVATE = WireFormat.privateMessage;
const seal = async (content: AuthenticatedContent, keys = group.keys(), padding = 0) =>
  sealPrivate(provider, content, keys, padding);
const open = async (message: PrivateMessage, keys = group.keys()) => openPrivate(provider, message, keys);

/**
 * A message put together from primitives, which need not be one that `sealPrivate` makes.
 * @param content PrivateMessageContent as bytes
 */
async function forge(
  content: Uint8Array,
  senderData: { leafIndex?: number; generation?: number; encoded?: (bytes: Uint8Array) => Uint8Array } = {},
): Promise<PrivateMessage> {
  const keys = group.keys();
  const { key, nonce } = await keys.secretTree.next(1, "application");
  const framed = group.framed(application(""));
  const aad = {
    groupId: framed.groupId,
    epoch: framed.epoch,
    contentType: 1 as const,
    authenticatedData: framed.authenticatedData,
  };
  const ciphertext = await provider.aead.seal(key, nonce, encode(PrivateContentAAD, aad), content);
  const outer = await senderDataKeyAndNonce(provider, keys.senderDataSecret, ciphertext);
  const plain = encode(SenderData, {
    leafIndex: senderData.leafIndex ?? 1,
    generation: senderData.generation ?? 0,
    reuseGuard: new Uint8Array(4),
  });
  const encryptedSenderData = await provider.aead.seal(
    outer.key,
    outer.nonce,
    encode(SenderDataAAD, aad),
    senderData.encoded === undefined ? plain : senderData.encoded(plain),
  );
  return { ...aad, encryptedSenderData, ciphertext };
}

/** PrivateMessageContent of an application message, as bytes, with these bytes as its padding. */
async function plaintext(padding: Uint8Array): Promise<Uint8Array> {
  const { content, auth } = await group.authenticate(PRIVATE, application("hello"));
  return concat(
    encode(opaque, utf8("hello")),
    encode(framedContentAuthData(content.content.contentType), auth),
    padding,
  );
}

describe("round trips", () => {
  it.each(CIPHER_SUITES)("in $name, over the wire, synchronous or not", async (suite) => {
    const sync = nodeSuite(suite.id);
    const other = await party(sync);
    for (const crypto of [sync, later(sync)]) {
      const sender = other.keys(DEFAULT_RATCHET_LIMITS, crypto);
      const receiver = other.keys(DEFAULT_RATCHET_LIMITS, crypto);
      for (const content of [application("hello"), application(""), removal, commit]) {
        const authenticated = await other.authenticate(PRIVATE, content);
        const sealed = await sealPrivate(crypto, authenticated, sender, 0);
        const message = decode(PrivateMessage, encode(PrivateMessage, sealed));
        const opened = await openPrivate(crypto, message, receiver);
        expect(opened.content).toEqual(authenticated);
        await verifyContent(crypto, opened.content, other.groupContext, other.signer.publicKey);
        opened.consume();
      }
    }
  });

  it("padding of any size is taken off, and hides the length of the content", async () => {
    for (const padding of [0, 1, 63, 64, 5000]) {
      const authenticated = await group.authenticate(PRIVATE, application("hello"));
      const message = await seal(authenticated, group.keys(), padding);
      expect((await open(message)).content).toEqual(authenticated);
      const short = await seal(await group.authenticate(PRIVATE, application("")), group.keys(), padding + 5);
      expect(short.ciphertext.length).toBe(message.ciphertext.length);
    }
  });

  it("large content and large authenticated data", async () => {
    const applicationData = new Uint8Array(100_000).fill(9);
    for (const length of [63, 64, 16_383, 16_384]) {
      const content = {
        ...group.framed({ contentType: 1, applicationData }),
        authenticatedData: new Uint8Array(length).fill(1),
      };
      const signature = await signContent(group.signer, PRIVATE, content, group.groupContext);
      const authenticated = { wireFormat: PRIVATE, content, auth: { signature, confirmationTag: undefined } };
      expect((await open(await seal(authenticated))).content).toEqual(authenticated);
    }
  });
});

describe("what can't be sent", () => {
  it.each([
    [
      "a sender outside of the group",
      { content: group.framed(removal, { senderType: SenderType.external, senderIndex: 0 }) },
    ],
    ["a content signed for a public message", { wireFormat: WireFormat.publicMessage }],
    ["a commit without its tag", { content: group.framed(commit) }],
    ["a tag on what is no commit", { auth: { signature: utf8("s"), confirmationTag: utf8("t") } }],
  ])("%s", async (_, change) => {
    const keys = group.keys();
    const before = stateOf(keys.secretTree);
    const authenticated = { ...(await group.authenticate(PRIVATE, application("hello"))), ...change };
    await expect(seal(authenticated, keys)).rejects.toMatchObject({ code: "usage" });
    expect(stateOf(keys.secretTree)).toBe(before);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("a padding of %s", async (padding) => {
    const authenticated = await group.authenticate(PRIVATE, application("hello"));
    await expect(seal(authenticated, group.keys(), padding)).rejects.toMatchObject({ code: "usage" });
  });
});

describe("what is refused", () => {
  it("any bit of any field changed", async () => {
    const message = await seal(await group.authenticate(PRIVATE, application("hello")));
    const keys = group.keys();
    const before = stateOf(keys.secretTree);
    for (const field of ["groupId", "authenticatedData", "encryptedSenderData", "ciphertext"] as const) {
      for (let bit = 0; bit < message[field].length * 8; bit++) {
        const changed = message[field].slice();
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        await expect(open({ ...message, [field]: changed }, keys)).rejects.toMatchObject({
          code: expect.stringMatching(/^crypto$/),
        });
      }
      for (const changed of [
        message[field].slice(1),
        concat(message[field], Uint8Array.of(0)),
        new Uint8Array(0),
      ]) {
        await expect(open({ ...message, [field]: changed }, keys)).rejects.toMatchObject({
          code: expect.stringMatching(/^crypto$/),
        });
      }
    }
    for (const change of [{ epoch: 8n }, { contentType: 2 as const }, { contentType: 3 as const }]) {
      await expect(open({ ...message, ...change }, keys)).rejects.toMatchObject({
        code: expect.stringMatching(/^crypto$/),
      });
    }
    // Refusals leave the receiver as it was, and the message itself is accepted afterwards.
    expect(stateOf(keys.secretTree)).toBe(before);
    await open(message, keys);
  });

  it("another epoch's secrets", async () => {
    const message = await seal(await group.authenticate(PRIVATE, application("hello")));
    const keys = { ...group.keys(), senderDataSecret: new Uint8Array(32).fill(99) };
    await expect(open(message, keys)).rejects.toMatchObject({ code: "crypto" });
  });

  it("a padding with a byte that isn't zero, wherever it stands", async () => {
    expect((await open(await forge(await plaintext(new Uint8Array(20))))).content.content.content).toEqual(
      application("hello"),
    );
    for (const at of [0, 7, 19]) {
      const padding = new Uint8Array(20);
      padding[at] = 1;
      const keys = group.keys();
      const before = stateOf(keys.secretTree);
      await expect(open(await forge(await plaintext(padding)), keys)).rejects.toMatchObject({
        code: "validation",
        rule: "6.3.1: there must be no non-zero bytes in the padding",
      });
      expect(stateOf(keys.secretTree)).toBe(before);
    }
  });

  it("content that isn't one", async () => {
    const whole = await plaintext(new Uint8Array(0));
    for (const length of [0, 1, 5, whole.length - 1]) {
      await expect(open(await forge(whole.slice(0, length)))).rejects.toMatchObject({ code: "decode" });
    }
  });

  it("a blank leaf, and a leaf outside of the tree", async () => {
    for (const leafIndex of [3, 4, 2 ** 32 - 1]) {
      const message = await forge(await plaintext(new Uint8Array(0)), { leafIndex });
      await expect(open(message)).rejects.toMatchObject({ code: "unknown-sender" });
      const careless = { ...group.keys(), isMember: () => true };
      await expect(open(message, careless)).rejects.toMatchObject({
        code: leafIndex === 3 ? "crypto" : "unknown-sender",
      });
    }
  });

  it("another member's leaf, generation or ratchet", async () => {
    const content = await plaintext(new Uint8Array(0));
    for (const senderData of [{ leafIndex: 0 }, { leafIndex: 2 }, { generation: 1 }]) {
      await expect(open(await forge(content, senderData))).rejects.toMatchObject({ code: "crypto" });
    }
  });

  it("sender data of another length", async () => {
    const content = await plaintext(new Uint8Array(0));
    for (const encoded of [(b: Uint8Array) => b.slice(1), (b: Uint8Array) => concat(b, Uint8Array.of(0))]) {
      await expect(open(await forge(content, { encoded }))).rejects.toMatchObject({ code: "decode" });
    }
  });

  it("a generation far ahead, at no cost beyond the sender data", async () => {
    const message = await forge(await plaintext(new Uint8Array(0)), { generation: 2 ** 32 - 1 });
    const { provider: counted, take } = counting(provider);
    const keys = group.keys(DEFAULT_RATCHET_LIMITS, counted);
    await expect(async () => openPrivate(counted, message, keys)).rejects.toMatchObject({ code: "limit" });
    expect(take()).toEqual({ expand: 2, open: 1 });
  });

  it("random bytes, with an MlsError", async () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (encryptedSenderData, ciphertext) => {
        const message = { ...(await forge(utf8(""))), encryptedSenderData, ciphertext };
        await expect(open(message)).rejects.toBeInstanceOf(MlsError);
      }),
    );
  });

  it("a signature of another key, context or wire format", async () => {
    const { content } = await open(await seal(await group.authenticate(PRIVATE, application("hello"))));
    const verify = async (
      c: AuthenticatedContent,
      context = group.groupContext,
      key = group.signer.publicKey,
    ) => verifyContent(provider, c, context, key);
    await verify(content);
    const refused = { code: "validation", rule: expect.stringMatching(/^6\.1: /) };
    const stranger = await party(provider);
    await expect(verify(content, group.groupContext, stranger.signer.publicKey)).rejects.toMatchObject(
      refused,
    );
    await expect(verify(content, group.groupContext.slice(1))).rejects.toMatchObject(refused);
    await expect(verify({ ...content, wireFormat: WireFormat.publicMessage })).rejects.toMatchObject(refused);
    await expect(
      verify({ ...content, content: { ...content.content, sender: member(0) } }),
    ).rejects.toMatchObject(refused);
    await expect(async () =>
      verifyContent(provider, content, undefined, group.signer.publicKey),
    ).rejects.toMatchObject({ code: "usage" });
  });
});

describe("keys", () => {
  it("a message is accepted once, even if two copies are opened before one is accepted", async () => {
    const message = await seal(await group.authenticate(PRIVATE, application("hello")));
    const keys = group.keys();
    const [first, second] = [await open(message, keys), await open(message, keys)];
    second.consume();
    expect(() => first.consume()).toThrow(expect.objectContaining({ code: "duplicate" }));
    await expect(open(message, keys)).rejects.toMatchObject({ code: "duplicate" });
  });

  it("messages may arrive in any order, and one may be accepted after a forgery was refused", async () => {
    const sender = group.keys();
    const messages: PrivateMessage[] = [];
    for (let i = 0; i < 6; i++) {
      messages.push(await seal(await group.authenticate(PRIVATE, application(`${i}`)), sender));
    }
    const keys = group.keys();
    for (const i of [5, 2, 0, 4, 1, 3]) {
      (await open(messages[i] as PrivateMessage, keys)).discard();
      const opened = await open(messages[i] as PrivateMessage, keys);
      expect(opened.generation).toBe(i);
      expect(opened.content.content.content).toEqual(application(`${i}`));
      opened.consume();
    }
  });

  it("handshake and application messages have ratchets of their own", async () => {
    const sender = group.keys();
    const generations: number[] = [];
    for (const content of [application("a"), removal, application("b"), commit]) {
      const message = await seal(await group.authenticate(PRIVATE, content), sender);
      generations.push((await open(message)).generation);
    }
    expect(generations).toEqual([0, 0, 1, 1]);
  });

  it("the reuse guard makes two messages with one key differ", async () => {
    const authenticated = await group.authenticate(PRIVATE, application("hello"));
    const [a, b] = [await seal(authenticated), await seal(authenticated)];
    expect(toHex(a.ciphertext)).not.toBe(toHex(b.ciphertext));
    expect((await open(a)).content).toEqual((await open(b)).content);
  });

  it("many messages sent at once through an asynchronous provider have different keys", async () => {
    const slow = later(provider);
    const sender = group.keys(DEFAULT_RATCHET_LIMITS, slow);
    const contents = await Promise.all(
      Array.from({ length: 10 }, (_, i) => group.authenticate(PRIVATE, application(`${i}`))),
    );
    const messages = await Promise.all(
      contents.map(async (content) => sealPrivate(slow, content, sender, 0)),
    );
    const keys = group.keys(DEFAULT_RATCHET_LIMITS, slow);
    const opened = await Promise.all(messages.map(async (message) => openPrivate(slow, message, keys)));
    expect(new Set(opened.map(({ generation }) => generation)).size).toBe(10);
    for (const each of opened) each.consume();
    expect(opened.map(({ content }) => content)).toEqual(contents);
  });

  it("a failure of the provider at any point leaves the receiver unchanged", async () => {
    const message = await seal(await group.authenticate(PRIVATE, application("hello")));
    for (let from = 0; from < 13; from++) {
      const keys = group.keys(DEFAULT_RATCHET_LIMITS, provider);
      const before = stateOf(keys.secretTree);
      const broken = failing(provider, from);
      const tree = group.keys(DEFAULT_RATCHET_LIMITS, broken).secretTree;
      await expect(async () => openPrivate(broken, message, { ...keys, secretTree: tree })).rejects.toThrow(
        "the provider is gone",
      );
      expect(stateOf(tree)).toBe(before);
    }
  });
});

describe("cost", () => {
  it("an application message costs its primitives", async () => {
    const { provider: counted, take } = counting(provider);
    const { privateKey, publicKey } = await counted.signature.generateKeyPair();
    const signer = {
      algorithm: counted.suite.signature,
      publicKey,
      sign: (m: Uint8Array) => counted.signature.sign(privateKey, m),
    };
    const sender = group.keys(DEFAULT_RATCHET_LIMITS, counted);
    const receiver = group.keys(DEFAULT_RATCHET_LIMITS, counted);
    for (const [first, expansions] of [
      [true, 2 * 2 + 2 + 3 + 2],
      [false, 3 + 2],
    ] as const) {
      const content = group.framed(application(first ? "first" : "next"));
      const signature = await signContent(signer, PRIVATE, content, group.groupContext);
      const auth = { signature, confirmationTag: undefined };
      const message = await sealPrivate(counted, { wireFormat: PRIVATE, content, auth }, sender, 0);
      expect(take()).toEqual({ sign: 1, expand: expansions, seal: 2 });
      const opened = await openPrivate(counted, message, receiver);
      await verifyContent(counted, opened.content, group.groupContext, publicKey);
      opened.consume();
      expect(take()).toEqual({ verify: 1, expand: expansions, open: 2 });
    }
  });
});
