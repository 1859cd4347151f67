// PKCS#11 v2.40 §4.9: private keys can't be read out of the token, sign and agree as node's do, and are deleted.
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Handle } from "../src/cryptoki.js";
import { answerOf } from "../src/errors.js";
import { describeWithSoftHsm, objects } from "./softhsm.js";

const CKA_TOKEN = 0x1;
const CKA_PRIVATE = 0x2;
const CKA_LABEL = 0x3;
const CKA_VALUE = 0x11;
const CKA_SENSITIVE = 0x103;
const CKA_EXTRACTABLE = 0x162;
const CKA_NEVER_EXTRACTABLE = 0x164;
const CKA_ALWAYS_SENSITIVE = 0x165;
const PRIVATE_KEYS = { type: 0, value: 3 };
const SUITES = [1, 2, 3, 4, 5, 6, 7];
const hex = (handle: Handle) => handle.toString("hex");
const utf8 = (text: string) => new TextEncoder().encode(text);

describeWithSoftHsm("keys in SoftHSM", (hsm) => {
  const { raw } = hsm;
  const inner = nodeProvider();
  let provider: Pkcs11Provider;
  let session: Handle;
  const open = (more: object = {}) =>
    pkcs11Provider({ library: hsm.library, tokenLabel: "keys", pin: "5678", inner, ...more });

  beforeAll(async () => {
    hsm.addToken("keys", "5678");
    provider = await open();
    session = raw.C_OpenSession(hsm.slotOf("keys"), 6);
  });
  afterAll(() => provider?.close());

  const privateKeys = (label: string) =>
    objects(raw, session, [PRIVATE_KEYS, { type: CKA_LABEL, value: label }]);
  const flag = (object: Handle, type: number) =>
    raw.C_GetAttributeValue(session, object, [{ type }])[0]?.value[0];

  it("doesn't take a key, or delete one, by a choice that it doesn't know", async () => {
    const usage = expect.objectContaining({ code: "usage" });
    const misspelt = { lable: "mine" } as object;
    await expect(provider.findSigner(1, misspelt)).rejects.toEqual(usage);
    await expect(provider.generateSigner(1, misspelt as { label: string })).rejects.toEqual(usage);
    await expect(provider.sweep([], { inUse: "remove" } as never)).rejects.toEqual(usage);
    expect(objects(raw, session, [])).toEqual([]);
  });

  it("leaves nothing of its trials in the token", () => {
    expect(objects(raw, session, [])).toEqual([]);
  });

  describe.each(SUITES)("in suite %i", (id) => {
    it("can't be read: sensitive, not extractable, and CKA_VALUE is refused", async () => {
      const suite = provider.suite(id);
      const before = new Set([...privateKeys("copse: HPKE"), ...privateKeys("copse: signature")].map(hex));
      const hpke = await suite.hpke.generateKeyPair();
      const signature = await suite.signature.generateKeyPair();
      await provider.generateSigner(id, { label: `reading ${id}` });
      const made = [
        ...[...privateKeys("copse: HPKE"), ...privateKeys("copse: signature")].filter(
          (handle) => !before.has(hex(handle)),
        ),
        ...privateKeys(`reading ${id}`),
      ];
      expect(made).toHaveLength(3);
      for (const object of made) {
        for (const type of [
          CKA_TOKEN,
          CKA_PRIVATE,
          CKA_SENSITIVE,
          CKA_ALWAYS_SENSITIVE,
          CKA_NEVER_EXTRACTABLE,
        ]) {
          expect(flag(object, type), `attribute ${type.toString(16)}`).toBe(1);
        }
        expect(flag(object, CKA_EXTRACTABLE)).toBe(0);
        let answer: unknown;
        try {
          raw.C_GetAttributeValue(session, object, [{ type: CKA_VALUE }]);
        } catch (error) {
          answer = answerOf(error);
        }
        expect(answer).toEqual({ code: 0x11, ckr: "CKR_ATTRIBUTE_SENSITIVE" });
      }
      const refused = expect.objectContaining({ code: "key-not-extractable" });
      expect(() => suite.hpke.exportPrivateKey(hpke.privateKey)).toThrow(refused);
      expect(() => suite.signature.exportPrivateKey(signature.privateKey)).toThrow(refused);
      expect(JSON.stringify([hpke.privateKey, signature.privateKey])).toBe("[{},{}]");
    });

    it("sign and open what node verifies and seals", async () => {
      const [ours, theirs] = [provider.suite(id), inner.suite(id)];
      const signature = await ours.signature.generateKeyPair();
      const hpke = await ours.hpke.generateKeyPair();
      for (let i = 0; i < 20; i++) {
        const message = utf8(`message ${i}`);
        const signed = await ours.signature.sign(signature.privateKey, message);
        expect(await theirs.signature.verify(signature.publicKey, message, signed)).toBe(true);
        expect(await theirs.signature.verify(signature.publicKey, utf8("another"), signed)).toBe(false);
        const { kemOutput, ciphertext } = await theirs.hpke.seal(
          hpke.publicKey,
          utf8("i"),
          utf8("a"),
          message,
        );
        expect(await ours.hpke.open(hpke.privateKey, kemOutput, utf8("i"), utf8("a"), ciphertext)).toEqual(
          message,
        );
        const sent = await theirs.hpke.sendExport(hpke.publicKey, utf8("i"), utf8("c"), 40);
        expect(
          await ours.hpke.receiveExport(hpke.privateKey, sent.kemOutput, utf8("i"), utf8("c"), 40),
        ).toEqual(sent.secret);
      }
    });
  });

  it("agree on secrets that begin with zeros", async () => {
    const [ours, theirs] = [provider.suite(2), inner.suite(2)];
    const { publicKey, privateKey } = await ours.hpke.generateKeyPair();
    const nothing = new Uint8Array(0);
    const requests = Array.from({ length: 600 }, (_, i) => utf8(`${i}`));
    // One in 256 shared secrets begins with a zero byte.
    const opened = await Promise.all(
      requests.map(async (plaintext) => {
        const sealed = await theirs.hpke.seal(publicKey, nothing, nothing, plaintext);
        return ours.hpke.open(privateKey, sealed.kemOutput, nothing, nothing, sealed.ciphertext);
      }),
    );
    expect(opened).toEqual(requests);
  });

  it("are found again by another provider: HPKE keys by their saved form, signers by label, id and public key", async () => {
    const signer = await provider.generateSigner(2, { label: "alice" });
    const pair = await provider.suite(2).hpke.generateKeyPair();
    const saved = (await provider.suite(2).hpke.savePrivateKey?.(pair.privateKey)) as Uint8Array;
    const second = await open({ suites: [2, 7], poolSize: 1 });
    for (const choice of [{ label: "alice" }, { id: signer.id }, { publicKey: signer.publicKey }]) {
      const found = await second.findSigner(2, choice);
      expect(found.publicKey).toEqual(signer.publicKey);
      expect(found.id).toEqual(signer.id);
      const message = utf8("hello");
      expect(inner.suite(2).signature.verify(found.publicKey, message, await found.sign(message))).toBe(true);
    }
    const { hpke } = second.suite(2);
    const handle = (await hpke.loadPrivateKey?.(saved)) as typeof pair.privateKey;
    expect(await hpke.savePrivateKey?.(handle)).toEqual(saved);
    const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, utf8("i"), utf8("a"), utf8("hi"));
    expect(await hpke.open(handle, kemOutput, utf8("i"), utf8("a"), ciphertext)).toEqual(utf8("hi"));

    await expect(second.findSigner(2, { label: "nobody" })).rejects.toMatchObject({ code: "missing" });
    await expect(second.findSigner(7, { label: "alice" })).rejects.toMatchObject({ code: "missing" });
    await expect(second.generateSigner(2, { label: "bob", id: signer.id })).rejects.toMatchObject({
      code: "usage",
    });
    await second.generateSigner(2, { label: "alice" });
    await expect(second.findSigner(2, { label: "alice" })).rejects.toMatchObject({ code: "usage" });
    await second.close();
    await expect(second.findSigner(2, { label: "alice" })).rejects.toMatchObject({ code: "closed" });
    // Closing one provider leaves the other's sessions alone.
    await provider.findSigner(2, { id: signer.id });
  });

  it("that were derived or imported stay with the inner provider", async () => {
    const { hpke } = provider.suite(2);
    const count = privateKeys("copse: HPKE").length;
    const derived = await hpke.deriveKeyPair(utf8("a path secret"));
    const bytes = await hpke.exportPrivateKey(derived.privateKey);
    expect(bytes).toEqual(
      inner
        .suite(2)
        .hpke.exportPrivateKey((await inner.suite(2).hpke.deriveKeyPair(utf8("a path secret"))).privateKey),
    );
    const saved = (await hpke.savePrivateKey?.(derived.privateKey)) as Uint8Array;
    const loaded = (await hpke.loadPrivateKey?.(saved)) as typeof derived.privateKey;
    expect(await hpke.exportPrivateKey(loaded)).toEqual(bytes);
    expect(privateKeys("copse: HPKE")).toHaveLength(count);
    for (const wrong of [[], [2], [1, 2, 3], [0]]) {
      await expect(async () => hpke.loadPrivateKey?.(Uint8Array.from(wrong))).rejects.toMatchObject({
        code: "crypto",
      });
    }
  });

  it("are deleted at once, or swept when no saved state needs them", async () => {
    const own = await open({ label: "sweeping", suites: [2] });
    const { hpke, signature } = own.suite(2);
    const save = async (pair: Awaited<ReturnType<typeof hpke.generateKeyPair>>) =>
      (await hpke.savePrivateKey?.(pair.privateKey)) as Uint8Array;
    const pairs = await Promise.all([1, 2, 3, 4].map(() => hpke.generateKeyPair()));
    const [a, b, c] = pairs as [(typeof pairs)[0], (typeof pairs)[0], (typeof pairs)[0]];
    await signature.generateKeyPair();
    const states = [Uint8Array.from([7, 7, ...(await save(a)), ...(await save(b)), 1])];

    expect(await own.destroyKey(c.privateKey)).toBe(true);
    expect(await own.destroyKey(c.privateKey)).toBe(false);
    expect(privateKeys("sweeping: HPKE")).toHaveLength(3);
    const sealed = await hpke.seal(c.publicKey, utf8(""), utf8(""), utf8("late"));
    await expect(
      (async () => hpke.open(c.privateKey, sealed.kemOutput, utf8(""), utf8(""), sealed.ciphertext))(),
    ).rejects.toMatchObject({ code: "crypto", message: expect.stringContaining("no longer") });
    await expect((async () => hpke.loadPrivateKey?.(await save(c)))()).rejects.toMatchObject({
      code: "state",
    });
    await expect(own.destroyKey({} as never)).rejects.toMatchObject({ code: "usage" });

    // What this process holds a handle of is spared, unless told otherwise.
    expect(await own.sweep(states)).toBe(0);
    expect(pairs).toHaveLength(4);
    expect(await own.sweep(states, { inUse: "delete" })).toBe(1);
    await own.close();
    const later = await open({ label: "sweeping", suites: [2] });
    // This process has no handle of either key there, as if it had just started.
    expect(await later.sweep(states)).toBe(0);
    expect(await later.sweep([(states[0] as Uint8Array).subarray(10)])).toBe(1);
    expect(privateKeys("sweeping: HPKE")).toHaveLength(1);
    expect(await later.sweep([])).toBe(1);
    expect(privateKeys("sweeping: HPKE")).toHaveLength(0);
    expect(privateKeys("sweeping: signature")).toHaveLength(1);
    expect(privateKeys("copse: HPKE").length).toBeGreaterThan(0);
    await later.close();
  });

  it("that others made are found, with the public key given if the token doesn't have it", async () => {
    const params = Buffer.from("06082a8648ce3d030107", "hex");
    const generate = async (label: string, id: string) => {
      const common = [
        { type: CKA_LABEL, value: label },
        { type: 0x102, value: Buffer.from(id) },
        { type: 0x100, value: 3 },
      ];
      const pair = await raw.C_GenerateKeyPairAsync(
        session,
        { mechanism: 0x1040 },
        [...common, { type: 0x180, value: params }, { type: CKA_TOKEN, value: false }],
        [
          ...common,
          { type: CKA_TOKEN, value: true },
          { type: 0x108, value: true },
          { type: CKA_PRIVATE, value: true },
        ],
      );
      const [point] = raw.C_GetAttributeValue(session, pair.publicKey, [{ type: 0x181 }]);
      raw.C_DestroyObject(session, pair.publicKey);
      return Uint8Array.from((point as { value: Buffer }).value.subarray(2));
    };
    const publicKey = await generate("foreign", "x1");
    const other = await generate("other", "x2");
    await expect(provider.findSigner(2, { label: "foreign" })).rejects.toMatchObject({ code: "missing" });
    await expect(provider.findSigner(2, { publicKey })).rejects.toMatchObject({ code: "missing" });
    await expect(provider.findSigner(2, { label: "foreign", publicKey: other })).rejects.toMatchObject({
      code: "missing",
    });
    const signer = await provider.findSigner(2, { label: "foreign", publicKey });
    const signed = await signer.sign(utf8("m"));
    expect(inner.suite(2).signature.verify(publicKey, utf8("m"), signed)).toBe(true);
  });

  it("are made where the options say", async () => {
    const signing = await open({ keys: { hpke: false }, suites: [2] });
    expect(signing.places(2)).toEqual({ signature: "token", hpke: "inner" });
    expect(
      await signing
        .suite(2)
        .hpke.exportPrivateKey((await signing.suite(2).hpke.generateKeyPair()).privateKey),
    ).toHaveLength(32);
    await signing.close();
    const agreeing = await open({ keys: { signature: false, hpke: true }, suites: [2] });
    expect(agreeing.places(2)).toEqual({ signature: "inner", hpke: "token" });
    await expect(agreeing.generateSigner(2, { label: "x" })).rejects.toMatchObject({ code: "usage" });
    await agreeing.close();
  });
});
