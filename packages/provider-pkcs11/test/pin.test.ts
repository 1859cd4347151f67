// PKCS#11 v2.40 §5.6: a wrong PIN is tried once, and never where one more locks the token.
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Options, pkcs11Provider } from "@copse/provider-pkcs11";
import { describe, expect, it } from "vitest";
import { describeWithSoftHsm, tapped } from "./softhsm.js";

const USER_PIN_COUNT_LOW = 0x10000;
const USER_PIN_FINAL_TRY = 0x20000;
const USER_PIN_LOCKED = 0x40000;

describeWithSoftHsm("a PIN", (hsm) => {
  const { raw } = hsm;
  const inner = nodeProvider();
  let count = 0;
  const newToken = (): string => {
    const label = `pin ${++count}`;
    hsm.addToken(label, "right-5678");
    return label;
  };
  const open = (tokenLabel: string, pin: Pkcs11Options["pin"], more: Partial<Pkcs11Options> = {}) =>
    pkcs11Provider({ library: raw, tokenLabel, pin, inner, suites: [2], ...more });
  const flags = (label: string) => raw.C_GetTokenInfo(hsm.slotOf(label)).flags;
  const showsNo = (secret: string) => (error: unknown) => {
    const seen = `${(error as Error).stack} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
    expect(seen).not.toContain(secret);
    return error;
  };

  it("that is wrong is tried once, however often and by whom it is given", async () => {
    const label = newToken();
    const { library, pins } = tapped(raw);
    const refused = { code: "crypto", ckr: "CKR_PIN_INCORRECT" };
    const first = await open(label, "wrong-1234", { library }).catch(showsNo("wrong-1234"));
    expect(first).toMatchObject(refused);
    expect((first as Error).message).toContain("counts wrong ones");
    expect(flags(label) & USER_PIN_COUNT_LOW).not.toBe(0);
    for (const pin of ["wrong-1234", () => "wrong-1234", async () => "wrong-1234"]) {
      const again = await open(label, pin, { library }).catch(showsNo("wrong-1234"));
      expect(again).toMatchObject({ ...refused, message: expect.stringContaining("isn't tried again") });
    }
    expect(pins).toEqual(["wrong-1234"]);
    // Another PIN is another matter, and so is the same one at another token.
    const provider = await open(label, "right-5678", { library });
    expect(flags(label) & USER_PIN_COUNT_LOW).toBe(0);
    await provider.close();
    await expect(open(newToken(), "wrong-1234", { library })).rejects.toMatchObject(refused);
    expect(pins).toEqual(["wrong-1234", "right-5678", "wrong-1234"]);
  });

  it("that became wrong is tried once after a loss, also by many calls at once", async () => {
    const label = newToken();
    const { library, pins } = tapped(raw);
    const provider = await open(label, "right-5678", { library });
    const { privateKey } = await provider.suite(2).signature.generateKeyPair();
    const sign = async () => provider.suite(2).signature.sign(privateKey, Uint8Array.of(1));
    const session = raw.C_OpenSession(hsm.slotOf(label), 6);
    raw.C_SetPIN(session, "right-5678", "changed-9999");
    raw.C_CloseAllSessions(hsm.slotOf(label));
    await expect(sign()).rejects.toMatchObject({ lost: true });
    for (let round = 0; round < 3; round++) {
      for (const outcome of await Promise.allSettled(Array.from({ length: 10 }, sign))) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { ckr: "CKR_PIN_INCORRECT" } });
        showsNo("right-5678")((outcome as PromiseRejectedResult).reason);
      }
    }
    expect(pins).toEqual(["right-5678", "right-5678"]);
    await provider.close();
  });

  it("is asked for once at a time, and again after a loss", async () => {
    const label = newToken();
    let asked = 0;
    const provider = await open(label, async () => {
      asked++;
      return "right-5678";
    });
    const { privateKey } = await provider.suite(2).signature.generateKeyPair();
    const sign = async () => provider.suite(2).signature.sign(privateKey, Uint8Array.of(1));
    await Promise.all([sign(), sign(), sign(), sign(), sign(), sign()]);
    expect(asked).toBe(1);
    raw.C_CloseAllSessions(hsm.slotOf(label));
    await expect(sign()).rejects.toMatchObject({ lost: true });
    await Promise.all([sign(), sign(), sign(), sign(), sign(), sign()]);
    expect(asked).toBe(2);
    await provider.close();
    await expect(sign()).rejects.toMatchObject({ code: "closed" });
  });

  describe.each([
    ["is locked", USER_PIN_LOCKED, /locked/],
    ["locks at the next wrong one", USER_PIN_FINAL_TRY, /one more wrong PIN locks/],
  ])("of a token that %s", (_name, flag, message) => {
    it("isn't tried, nor asked for", async () => {
      const label = newToken();
      const { library, pins } = tapped(raw, {
        C_GetTokenInfo(slot) {
          const info = raw.C_GetTokenInfo(slot);
          return { ...info, flags: info.flags | flag };
        },
      });
      const ask = () => {
        throw new Error("asked");
      };
      await expect(open(label, ask, { library })).rejects.toMatchObject({
        code: "crypto",
        message: expect.stringMatching(message),
      });
      const allowed = open(label, "right-5678", { library, allowFinalTry: true });
      if (flag === USER_PIN_FINAL_TRY) await (await allowed).close();
      else await expect(allowed).rejects.toMatchObject({ code: "crypto", ckr: "CKR_PIN_LOCKED" });
      expect(pins).toHaveLength(flag === USER_PIN_FINAL_TRY ? 1 : 0);
    });
  });

  it("isn't tried where another's wrong one, meanwhile, left one try", async () => {
    const label = newToken();
    let flag = 0;
    const { library, pins } = tapped(raw, {
      C_GetTokenInfo(slot) {
        const info = raw.C_GetTokenInfo(slot);
        return { ...info, flags: info.flags | flag };
      },
    });
    const ask = async () => {
      flag = USER_PIN_FINAL_TRY;
      return "wrong-4321";
    };
    await expect(open(label, ask, { library })).rejects.toThrow("one more wrong PIN locks");
    expect(pins).toEqual([]);
  });

  it("and the other options are checked", async () => {
    const label = newToken();
    await expect(open("no such token", "x")).rejects.toMatchObject({ code: "missing" });
    await expect(open(label, "")).rejects.toMatchObject({ code: "usage" });
    await expect(open(label, "right-5678", { poolSize: 0 })).rejects.toMatchObject({ code: "usage" });
    await expect(open(label, "x", { suites: [99] })).rejects.toMatchObject({ code: "unsupported" });
    await expect(open(label, "x", { library: "/no/such/library.so" })).rejects.toMatchObject({
      code: "missing",
    });
    const { tokenLabel: _, ...unnamed } = { tokenLabel: label, library: raw, pin: "x", inner };
    await expect(pkcs11Provider(unnamed)).rejects.toMatchObject({ code: "usage" });
    const slot = Number(hsm.slotOf(label).readBigUInt64LE());
    const bySlot = await pkcs11Provider({ ...unnamed, slot, pin: "right-5678", suites: [2] });
    expect(bySlot.token).toMatchObject({ label, manufacturer: "SoftHSM project" });
    await bySlot.close();
  });

  it("isn't needed for suites that the token has no scheme for: they aren't served", async () => {
    const label = newToken();
    const { library } = tapped(raw, {
      C_GetMechanismList: (slot) =>
        raw.C_GetMechanismList(slot).filter((mechanism) => mechanism !== 0x1057 && mechanism !== 0x1050),
    });
    const provider = await pkcs11Provider({ library, tokenLabel: label, pin: "right-5678", inner });
    expect(provider.suites.map(({ id }) => id)).toEqual([2, 5, 7]);
    expect(provider.places(2)).toEqual({ signature: "token", hpke: "inner" });
    expect(() => provider.places(1)).toThrow(expect.objectContaining({ code: "unsupported" }));
    await provider.close();
    const strict = pkcs11Provider({
      library,
      tokenLabel: label,
      pin: "right-5678",
      inner,
      keys: { hpke: true },
    });
    await expect(strict).rejects.toMatchObject({ code: "unsupported" });
  });
});
