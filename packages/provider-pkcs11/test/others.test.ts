// PKCS#11 v2.40 §5.4: others in the same process use, finalise and initialise the same library, and the same token.
import { fork } from "node:child_process";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Options, pkcs11Provider } from "@copse/provider-pkcs11";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Handle } from "../src/cryptoki.js";
import { describeWithSoftHsm, objects, tapped } from "./softhsm.js";

const CKA_CLASS = 0;
const CKA_ID = 0x102;
const PRIVATE_KEY = { type: CKA_CLASS, value: 3 };
const RW_SESSION = 6;
const CKU_USER = 1;

describeWithSoftHsm("beside others who use the library", (hsm) => {
  const { raw } = hsm;
  beforeAll(() => hsm.addToken("shared", "5678"));

  const make = (more: Partial<Pkcs11Options> = {}) =>
    pkcs11Provider({
      library: hsm.library,
      tokenLabel: "shared",
      pin: "5678",
      inner: nodeProvider(),
      suites: [2],
      ...more,
    });

  /** Another user's session, logged in. */
  function openSession(): Handle {
    const session = raw.C_OpenSession(hsm.slotOf("shared"), RW_SESSION);
    try {
      raw.C_Login(session, CKU_USER, "5678");
    } catch {
      // The login is the process's, and may be there already.
    }
    return session;
  }

  it("makes no calls in other threads of a library that was initialised without locks", async () => {
    raw.C_Finalize();
    raw.C_Initialize();
    let inThreads = 0;
    const counted =
      <A extends readonly unknown[], R>(call: (...args: A) => R) =>
      (...args: A): R => {
        inThreads++;
        return call(...args);
      };
    const { library } = tapped(raw, {
      C_SignAsync: counted((...args) => raw.C_SignAsync(...args)),
      C_GenerateKeyPairAsync: counted((...args) => raw.C_GenerateKeyPairAsync(...args)),
      C_DeriveKeyAsync: counted((...args) => raw.C_DeriveKeyAsync(...args)),
    });
    const provider = await make({ library });
    const { signature } = provider.suite(2);
    const { privateKey, publicKey } = await signature.generateKeyPair();
    const messages = Array.from({ length: 100 }, (_, i) => Uint8Array.of(i));
    const signed = await Promise.all(messages.map((message) => signature.sign(privateKey, message)));
    for (const [i, one] of signed.entries()) {
      expect(signature.verify(publicKey, messages[i] as Uint8Array, one)).toBe(true);
    }
    expect(inThreads).toBe(0);
    await provider.destroyKey(privateKey);
    await provider.close();

    const told = await make({ library, osLocking: true });
    expect(inThreads).toBeGreaterThan(0);
    await told.close();
    raw.C_Finalize();
    raw.C_Initialize({ flags: 2 });
  });

  it("makes no calls in other threads after somebody initialised it anew, without locks, since its own", async () => {
    raw.C_Finalize();
    const inThread = vi.fn<typeof raw.C_SignAsync>((...args) => raw.C_SignAsync(...args));
    const { library } = tapped(raw, { C_SignAsync: inThread });
    const provider = await make({ library });
    const signer = await provider.generateSigner(2, { label: "mine" });
    await signer.sign(Uint8Array.of(1));
    expect(inThread).toHaveBeenCalled();
    raw.C_Finalize();
    raw.C_Initialize();
    await expect(signer.sign(Uint8Array.of(2))).rejects.toMatchObject({ lost: true });
    inThread.mockClear();
    for (let i = 0; i < 3; i++) await signer.sign(Uint8Array.of(3));
    expect(inThread).not.toHaveBeenCalled();
    // Finalised again, it is initialised here, with locks.
    raw.C_Finalize();
    await expect(signer.sign(Uint8Array.of(4))).rejects.toMatchObject({ lost: true });
    await signer.sign(Uint8Array.of(5));
    expect(inThread).toHaveBeenCalledTimes(1);
    await provider.destroyKey(signer);
    await provider.close();
  });

  it("knows of locks that another provider with the same library asked for", async () => {
    raw.C_Finalize();
    let threads = 0;
    let removed = false;
    const { library } = tapped(raw, {
      C_SignInit: (...args) => {
        if (removed) throw Object.assign(new Error("CKR_DEVICE_REMOVED"), { code: 0x32 });
        raw.C_SignInit(...args);
      },
      C_SignAsync: (...args) => {
        threads++;
        return raw.C_SignAsync(...args);
      },
    });
    const [one, two] = [await make({ library }), await make({ library })];
    threads = 0;
    const signer = await two.generateSigner(2, { label: "of the second" });
    await signer.sign(Uint8Array.of(1));
    expect(threads).toBe(1);
    // A token that is taken out and put back says nothing of the library.
    removed = true;
    await expect(signer.sign(Uint8Array.of(2))).rejects.toMatchObject({ lost: true });
    removed = false;
    await signer.sign(Uint8Array.of(3));
    expect(threads).toBe(2);
    await two.destroyKey(signer);
    for (const provider of [one, two]) await provider.close();
  });

  it("uses a library that can't lock, on the caller's thread", async () => {
    raw.C_Finalize();
    const flags: unknown[] = [];
    let threads = 0;
    const { library } = tapped(raw, {
      C_Initialize: (options) => {
        flags.push(options?.flags);
        if (options?.flags === 2) throw Object.assign(new Error("CKR_CANT_LOCK"), { code: 0xa });
        raw.C_Initialize(options);
      },
      C_SignAsync: (...args) => {
        threads++;
        return raw.C_SignAsync(...args);
      },
    });
    const provider = await make({ library });
    const signer = await provider.generateSigner(2, { label: "alone" });
    expect((await signer.sign(Uint8Array.of(1))).length).toBeGreaterThan(0);
    expect([flags, threads]).toEqual([[2, undefined], 0]);
    await provider.destroyKey(signer);
    await provider.close();
    raw.C_Finalize();
    raw.C_Initialize({ flags: 2 });
  });

  it("finalises no library that another provider uses under another name", async () => {
    raw.C_Finalize();
    const link = `${hsm.folder}/link.so`;
    symlinkSync(hsm.library, link);
    const [one, two] = [await make(), await make({ library: link })];
    const signer = await two.generateSigner(2, { label: "by a link" });
    await one.close();
    expect((await signer.sign(Uint8Array.of(1))).length).toBeGreaterThan(0);
    await two.destroyKey(signer);
    await two.close();
  });

  it("never signs with another key after somebody finalised and initialised the library", async () => {
    const provider = await make();
    const signers = [];
    for (let i = 0; i < 4; i++) signers.push(await provider.generateSigner(2, { label: `signer ${i}` }));
    const { signature } = provider.suite(2);
    const message = Uint8Array.of(7);
    for (const signer of signers) await signer.sign(message);

    raw.C_Finalize();
    raw.C_Initialize({ flags: 2 });
    // The other user's sessions and objects get the numbers that this provider's had.
    const sessions = [openSession(), openSession(), openSession(), openSession()];
    for (const session of sessions) objects(raw, session, [PRIVATE_KEY]).reverse();
    for (const signer of [...signers, ...signers]) {
      const signed = await Promise.resolve(signer.sign(message)).catch((error: unknown) => error);
      if (signed instanceof Uint8Array) {
        expect(await signature.verify(signer.publicKey, message, signed)).toBe(true);
      } else expect(signed).toMatchObject({ name: "TokenError" });
    }
    for (const signer of signers) {
      expect(await signature.verify(signer.publicKey, message, await signer.sign(message))).toBe(true);
      await provider.destroyKey(signer);
    }
    for (const session of sessions) {
      try {
        raw.C_CloseSession(session);
      } catch {
        // Its number was also this provider's.
      }
    }
    await provider.close();
  });

  it("doesn't trust the number of an object that has another id by now", async () => {
    const ids: Buffer[] = [];
    let swapped = false;
    const handles: Handle[] = [];
    const { library } = tapped(raw, {
      C_SignInit: (session, mechanism, key) => {
        handles.push(key);
        raw.C_SignInit(session, mechanism, key);
      },
      C_GetAttributeValue: (session, object, template) => {
        const values = raw.C_GetAttributeValue(session, object, template);
        // As if the object with this number were another one.
        if (swapped && template[0]?.type === CKA_ID && handles[0]?.equals(object)) {
          return [{ value: ids[1] as Buffer }];
        }
        return values;
      },
    });
    const provider = await make({ library });
    const one = await provider.generateSigner(2, { label: "one" });
    const two = await provider.generateSigner(2, { label: "two" });
    ids.push(Buffer.from(one.id), Buffer.from(two.id));
    handles.length = 0;
    await one.sign(Uint8Array.of(1));
    swapped = true;
    let searches = 0;
    const find = raw.C_FindObjectsInit;
    raw.C_FindObjectsInit = (session, template) => {
      searches++;
      return find.call(raw, session, template);
    };
    await one.sign(Uint8Array.of(1));
    raw.C_FindObjectsInit = find;
    expect(searches).toBeGreaterThan(0);
    for (const signer of [one, two]) await provider.destroyKey(signer);
    await provider.close();
  });

  it("takes no key for one that was deleted, though it was made under the same id", async () => {
    const provider = await make();
    const other = await make();
    const id = Uint8Array.of(1, 2, 3, 4);
    const old = await provider.generateSigner(2, { label: "old", id });
    await old.sign(Uint8Array.of(1));
    const again = await other.findSigner(2, { id });
    expect(await other.destroyKey(again)).toBe(true);
    const fresh = await other.generateSigner(2, { label: "new", id });

    await expect(old.sign(Uint8Array.of(1))).rejects.toMatchObject({ name: "TokenError" });
    expect(await provider.destroyKey(old)).toBe(false);
    const { signature } = other.suite(2);
    const message = Uint8Array.of(2);
    expect(await signature.verify(fresh.publicKey, message, await fresh.sign(message))).toBe(true);
    expect(await other.destroyKey(fresh)).toBe(true);
    await provider.close();
    await other.close();
  });

  it("sweeps at the same time as another, who deletes the same keys", async () => {
    const [one, two] = [await make(), await make()];
    for (let i = 0; i < 6; i++) await one.suite(2).hpke.generateKeyPair();
    let behind = 0;
    const { library } = tapped(raw, {
      C_DestroyObject: (session, object) => {
        // The other one is always a little earlier.
        if (behind++ % 2 === 0) raw.C_DestroyObject(session, object);
        raw.C_DestroyObject(session, object);
      },
    });
    const late = await make({ library });
    behind = 0;
    expect(await late.sweep([], { inUse: "delete" })).toBe(3);
    expect(await two.sweep([], { inUse: "delete" })).toBe(0);
    for (const provider of [one, two, late]) await provider.close();
  });

  it("sweeps at the same time as another process", async () => {
    const provider = await make({ label: "crowded" });
    const made = 60;
    for (let i = 0; i < made; i++) await provider.suite(2).hpke.generateKeyPair();
    const program = join(import.meta.dirname, "sweeping.mjs");
    const sweeps = [1, 2, 3].map(() => fork(program, [hsm.library], { stdio: ["ignore", 1, 2, "ipc"] }));
    const heard = () => Promise.all(sweeps.map(async (one) => (await once(one, "message"))[0] as unknown));
    expect(await heard()).toEqual(["ready", "ready", "ready"]);
    const counts = heard();
    const exits = sweeps.map((one) => once(one, "exit"));
    for (const one of sweeps) one.send("sweep");
    const deleted = (await counts) as number[];
    expect(deleted.reduce((sum, count) => sum + count, 0)).toBe(made);
    expect(await provider.sweep([], { inUse: "delete" })).toBe(0);
    await Promise.all(exits);
    await provider.close();
  }, 30_000);

  it("spares the keys that another provider of this process holds handles of", async () => {
    const [one, two] = [await make({ label: "common" }), await make({ label: "common" })];
    const { hpke } = two.suite(2);
    const pair = await hpke.generateKeyPair();
    const making = hpke.generateKeyPair();
    expect(await one.sweep([])).toBe(0);
    const other = await making;
    const empty = new Uint8Array();
    for (const { publicKey, privateKey } of [pair, other]) {
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, empty, empty, Uint8Array.of(7));
      expect(await hpke.open(privateKey, kemOutput, empty, empty, ciphertext)).toEqual(Uint8Array.of(7));
    }
    await two.close();
    // A closed provider's handles are of no use.
    expect(await one.sweep([])).toBe(2);
    await one.close();
  });

  /** Two tokens that say the same of themselves, except where `apart` is true. */
  function twins(serialNumber: string) {
    const state = { apart: false, gone: [] as Handle[] };
    const { library, pins } = tapped(raw, {
      C_GetSlotList: (present) =>
        raw.C_GetSlotList(present).filter((slot) => !state.gone.some((one) => one.equals(slot))),
      C_GetTokenInfo: (slot) => {
        const info = raw.C_GetTokenInfo(slot);
        return state.apart || !/shared|twin/.test(info.label)
          ? info
          : { ...info, serialNumber, label: "twins" };
      },
    });
    return { library, pins, state };
  }

  describe.each(["0000000000000000", "4711"])("two tokens with the serial number %s", (serial) => {
    const pins = { shared: "5678", twin: "1111" } as const;
    const slotOf = (label: keyof typeof pins) => hsm.slotOf(label);
    const number = (slot: Handle) => Number(slot.readBigUInt64LE());
    beforeAll(() => {
      if (!raw.C_GetSlotList(true).some((slot) => raw.C_GetTokenInfo(slot).label.startsWith("twin ")))
        hsm.addToken("twin", "1111");
    });

    it.each(["shared", "twin"] as const)("are told apart by their slots: %s", async (label) => {
      const { library, pins: tried } = twins(serial);
      await expect(make({ library, tokenLabel: "twins" })).rejects.toMatchObject({ code: "usage" });
      const slot = slotOf(label);
      const provider = await make({ library, tokenLabel: "twins", slot: number(slot), pin: pins[label] });
      const signer = await provider.generateSigner(2, { label: "of the right twin" });
      raw.C_CloseAllSessions(slot);
      await Promise.resolve(signer.sign(Uint8Array.of(1))).catch(() => undefined);
      expect((await signer.sign(Uint8Array.of(1))).length).toBeGreaterThan(0);
      await provider.destroyKey(signer);
      await provider.close();
      expect(new Set(tried)).toEqual(new Set([pins[label]]));
    });

    it("aren't taken for each other when one is taken out: the other gets no PIN of it", async () => {
      const { library, pins: tried, state } = twins(serial);
      const slot = slotOf("shared");
      const provider = await make({ library, tokenLabel: "twins", slot: number(slot) });
      const signer = await provider.generateSigner(2, { label: "taken out" });
      tried.length = 0;
      raw.C_CloseAllSessions(slot);
      state.gone = [slot];
      for (let i = 0; i < 2; i++)
        await expect(signer.sign(Uint8Array.of(1))).rejects.toMatchObject({ name: "TokenError", lost: true });
      expect(tried).toEqual([]);
      state.gone = [];
      expect((await signer.sign(Uint8Array.of(1))).length).toBeGreaterThan(0);
      await provider.destroyKey(signer);
      await provider.close();
    });

    it("don't share what PINs they refused", async () => {
      const { library, pins: tried } = twins(serial);
      const [shared, twin] = [number(slotOf("shared")), number(slotOf("twin"))];
      const at = (slot: number) => ({ library, tokenLabel: "twins", slot });
      const wrong = `wrong ${serial}`;
      const refused = { ckr: "CKR_PIN_INCORRECT" };
      await expect(make({ ...at(shared), pin: wrong })).rejects.toMatchObject(refused);
      await expect(make({ ...at(shared), pin: wrong })).rejects.toMatchObject(refused);
      expect(tried).toEqual([wrong]);
      await expect(make({ ...at(twin), pin: wrong })).rejects.toMatchObject(refused);
      expect(tried).toEqual([wrong, wrong]);
      // Their counters start again.
      for (const [slot, pin] of [
        [shared, pins.shared],
        [twin, pins.twin],
      ] as const)
        await (await make({ ...at(slot), pin })).close();
    });

    it("get a wrong PIN once, from providers that are made at once and after the twin is gone", async () => {
      const { library, pins: tried, state } = twins(serial);
      const slot = number(slotOf("shared"));
      const at = { library, tokenLabel: "twins", slot };
      const wrong = `wrong at once ${serial}`;
      for (const gone of [[], [slotOf("twin")]]) {
        state.gone = gone;
        const made = await Promise.allSettled(Array.from({ length: 5 }, () => make({ ...at, pin: wrong })));
        for (const one of made)
          expect(one).toMatchObject({ status: "rejected", reason: { ckr: "CKR_PIN_INCORRECT" } });
        expect(tried).toEqual([wrong]);
      }
      await (await make(at)).close();
    });
  });

  it("finds a token in another slot, if no other says the same of itself", async () => {
    const { library, state } = twins("4712");
    const twin = hsm.slotOf("twin");
    state.gone = [twin];
    const provider = await make({ library, tokenLabel: "twins" });
    const signer = await provider.generateSigner(2, { label: "moved" });
    const slot = hsm.slotOf("shared");
    raw.C_CloseAllSessions(slot);
    // Its twin is put into another slot meanwhile: it stays the one in the slot where it was.
    state.gone = [];
    await Promise.resolve(signer.sign(Uint8Array.of(1))).catch(() => undefined);
    expect((await signer.sign(Uint8Array.of(1))).length).toBeGreaterThan(0);
    await provider.destroyKey(signer);
    await provider.close();
  });
});
