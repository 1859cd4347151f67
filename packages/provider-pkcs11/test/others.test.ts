// PKCS#11 v2.40 §5.4: others in the same process use, finalise and initialise the same library, and the same token.
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Options, pkcs11Provider } from "@copse/provider-pkcs11";
import { beforeAll, expect, it } from "vitest";
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

  it("tells tokens apart whose serial numbers are zeros", async () => {
    hsm.addToken("twin", "1111");
    const slots = raw
      .C_GetSlotList(true)
      .filter((slot) => /shared|twin/.test(raw.C_GetTokenInfo(slot).label));
    const { library } = tapped(raw, {
      C_GetTokenInfo: (slot) => {
        const info = raw.C_GetTokenInfo(slot);
        return {
          ...info,
          serialNumber: "0000000000000000",
          label: /shared|twin/.test(info.label) ? "twins" : info.label,
        };
      },
    });
    const shared = hsm.slotOf("shared");
    expect(slots).toHaveLength(2);
    const provider = await make({ library, tokenLabel: "twins", slot: Number(shared.readBigUInt64LE()) });
    const signer = await provider.generateSigner(2, { label: "of the right twin" });
    raw.C_CloseAllSessions(shared);
    await Promise.resolve(signer.sign(Uint8Array.of(1))).catch(() => undefined);
    expect((await signer.sign(Uint8Array.of(1))).length).toBeGreaterThan(0);
    await provider.destroyKey(signer);
    await provider.close();
  });
});
