// PKCS#11 v2.40 §5.1: a token has room for so many keys. What it answers when it is full, and what is left of a key that
// it didn't make.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Options, type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Handle } from "../src/cryptoki.js";
import { describeWithSoftHsm, objects, tapped } from "./softhsm.js";
import { describeWithTpm } from "./tpm.js";

const SUITE = 2;
const inner = nodeProvider();

/** A file system of a given size at a folder, which keeps what is in it; `undefined` where this user can't mount one. */
function smallDisk(folder: string, size: string): { fill(leave: number): void; unmount(): void } | undefined {
  const aside = `${folder}-aside`;
  const filler = join(folder, "filler");
  try {
    renameSync(folder, aside);
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    rmSync(folder, { recursive: true });
    renameSync(aside, folder);
    return undefined;
  }
  cpSync(aside, folder, { recursive: true });
  rmSync(aside, { recursive: true });
  return {
    /** Fills it, except for some blocks. */
    fill(leave) {
      rmSync(filler, { force: true });
      const { bavail, bsize } = statfsSync(folder);
      if (bavail > leave) writeFileSync(filler, Buffer.alloc((bavail - leave) * bsize));
    },
    unmount: () => execFileSync("umount", ["-l", folder]),
  };
}

/** As pkcs11js throws it. */
const full = () => Object.assign(new Error("CKR_DEVICE_MEMORY"), { code: 0x31 });

/** A client fails by its full token, and is as it was. */
async function failsWhole(provider: Pkcs11Provider, fill: () => void, empty: () => void): Promise<void> {
  const signer = await provider.generateSigner(SUITE, { label: "client" });
  const options = { crypto: provider, suite: SUITE, signer, authentication: insecureAcceptAll() };
  const client = await Client.create({ ...options, credential: "alice" });
  const group = await client.createGroup();
  const before = await group.save();
  fill();
  await expect(client.createKeyPackage()).rejects.toMatchObject({ code: "crypto", name: "TokenError" });
  expect(client.keyPackages()).toEqual([]);
  await expect(group.update()).rejects.toMatchObject({ code: "crypto", name: "TokenError" });
  expect(group.hasPendingCommit).toBe(false);
  expect(await group.save()).toEqual(before);
  empty();
  await client.createKeyPackage();
  await group.update();
  await group.mergePendingCommit();
}

describeWithSoftHsm("a full token of SoftHSM", (hsm) => {
  const { raw } = hsm;
  let session: Handle;
  const open = (more: Partial<Pkcs11Options> = {}) =>
    pkcs11Provider({
      ...{ library: hsm.library, tokenLabel: "full", pin: "5678", inner, suites: [SUITE] },
      ...more,
    });
  beforeAll(() => {
    hsm.addToken("full", "5678");
  });
  const count = () => objects(raw, session, []).length;

  describe("whose disk is full", () => {
    let disk: ReturnType<typeof smallDisk>;
    let provider: Pkcs11Provider;
    beforeAll(async () => {
      raw.C_Finalize();
      const [folder] = readdirSync(hsm.folder).filter((name) => !name.includes("."));
      disk = smallDisk(join(hsm.folder, folder as string), "256k");
      provider = await open();
      session = raw.C_OpenSession(hsm.slotOf("full"), 6);
    });
    afterAll(async () => {
      await provider?.close();
      disk?.unmount();
    });

    it("leaves nothing of a key, whether there is room for no file of it or for some", async ({ skip }) => {
      if (disk === undefined) return skip("this user can't mount a file system");
      let failures = 0;
      for (let leave = 0; leave < 6; leave++) {
        for (const make of [
          () => provider.suite(SUITE).hpke.generateKeyPair(),
          () => provider.generateSigner(SUITE, { label: `signer ${leave}` }),
        ]) {
          disk.fill(leave);
          const before = count();
          try {
            await make();
          } catch (error) {
            failures++;
            expect(error).toMatchObject({ name: "TokenError", ckr: "CKR_FUNCTION_FAILED", lost: false });
            expect((error as Error).message).toMatch(
              /^generating a key of P-256: .*, as some do when they are full$/,
            );
            expect(count(), `with ${leave} blocks`).toBe(before);
          }
        }
      }
      expect(failures).toBeGreaterThan(2);
      disk.fill(Number.POSITIVE_INFINITY);
    });

    it("fails a client's call, and serves again when there is room", async ({ skip }) => {
      if (disk === undefined) return skip("this user can't mount a file system");
      const { fill } = disk;
      const keys = count();
      await failsWhole(
        provider,
        () => fill(0),
        () => fill(Number.POSITIVE_INFINITY),
      );
      // The signer, whose public key has an object too; the group's leaf key and the one before it, which the saved
      // state needs; and the two of the key package.
      expect(count() - keys).toBeLessThanOrEqual(6);
    });
  });

  describe("whose slots are all used", () => {
    const openToken = (more: Partial<Pkcs11Options>) => open({ tokenLabel: "slots", ...more });
    beforeAll(() => hsm.addToken("slots", "5678"));

    it("says so, and what was made of a key is deleted", async () => {
      let room = Number.POSITIVE_INFINITY;
      // A token whose slots are used up in the middle of a pair: one object of it is there.
      const { library } = tapped(raw, {
        C_GenerateKeyPair: (...args) => {
          if (room-- > 0) return raw.C_GenerateKeyPair(...args);
          const { publicKey, privateKey } = raw.C_GenerateKeyPair(...args);
          raw.C_DestroyObject(args[0], room % 2 === 0 ? publicKey : privateKey);
          throw full();
        },
      });
      const provider = await openToken({ library });
      session = raw.C_OpenSession(hsm.slotOf("slots"), 6);
      const before = count();
      room = 0;
      for (const make of [
        () => provider.suite(SUITE).hpke.generateKeyPair(),
        () => provider.suite(SUITE).signature.generateKeyPair(),
        () => provider.generateSigner(SUITE, { label: "one too many" }),
        () => provider.generateSigner(SUITE, { label: "two too many" }),
      ]) {
        const error = await (async () => make())().catch((reason: unknown) => reason);
        expect(error).toMatchObject({
          name: "TokenError",
          code: "crypto",
          full: true,
          ckr: "CKR_DEVICE_MEMORY",
        });
        expect((error as Error).message).toContain(
          "is full (CKR_DEVICE_MEMORY): delete keys that nothing needs",
        );
        expect(count()).toBe(before);
      }
      room = Number.POSITIVE_INFINITY;
      await failsWhole(
        provider,
        () => {
          room = 0;
        },
        () => {
          room = Number.POSITIVE_INFINITY;
        },
      );
      await provider.close();
    });

    it("is told from one that can't do what is asked of it", async () => {
      const { library } = tapped(raw, {
        C_GenerateKeyPair: () => {
          throw full();
        },
      });
      await expect(openToken({ library })).rejects.toMatchObject({ name: "TokenError", full: true });
    });

    it("leaves what somebody else has under the id that a signer was to get", async () => {
      let isFull = false;
      const { library } = tapped(raw, {
        C_GenerateKeyPair: (...args) => {
          if (isFull) throw full();
          return raw.C_GenerateKeyPair(...args);
        },
      });
      const provider = await openToken({ library });
      session = raw.C_OpenSession(hsm.slotOf("slots"), 6);
      const id = Uint8Array.of(9, 9, 9);
      await provider.generateSigner(SUITE, { label: "first", id });
      const ofId = [{ type: 0x102, value: Buffer.from(id) }];
      // Of the first key only its public key's object is left.
      for (const object of objects(raw, session, [{ type: 0, value: 3 }, ...ofId]))
        raw.C_DestroyObject(session, object);
      expect(objects(raw, session, ofId)).toHaveLength(1);
      isFull = true;
      await expect(provider.generateSigner(SUITE, { label: "second", id })).rejects.toMatchObject({
        full: true,
      });
      expect(objects(raw, session, ofId)).toHaveLength(1);
      await provider.close();
    });
  });
});

describeWithTpm("a full store of a TPM's keys", (tpm) => {
  it("leaves nothing of a key, and serves again when there is room", async ({ skip }) => {
    const disk = smallDisk(process.env.TPM2_PKCS11_STORE as string, "512k");
    if (disk === undefined) return skip("this user can't mount a file system");
    const provider = await pkcs11Provider({ ...tpm, inner, suites: [SUITE] });
    const there = async (label: string) =>
      provider.findSigner(SUITE, { label }).then(
        () => true,
        () => false,
      );
    const first = await provider.generateSigner(SUITE, { label: "first" });
    let failed: unknown;
    let made = 0;
    disk.fill(0);
    for (; failed === undefined && made < 40; made++) {
      const label = `more ${made}`;
      failed = await provider.generateSigner(SUITE, { label }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(await there(label)).toBe(failed === undefined);
    }
    expect(failed).toMatchObject({
      name: "TokenError",
      code: "crypto",
      ckr: "CKR_GENERAL_ERROR",
      lost: false,
    });
    expect((failed as Error).message).toMatch(
      /refused \(CKR_GENERAL_ERROR\), as some do when they are full$/,
    );
    const message = Uint8Array.of(1);
    const signed = await first.sign(message);
    expect(inner.suite(SUITE).signature.verify(first.publicKey, message, signed)).toBe(true);
    disk.fill(Number.POSITIVE_INFINITY);
    await provider.generateSigner(SUITE, { label: `more ${made - 1}` });
    expect(await there(`more ${made - 1}`)).toBe(true);
    await provider.close();
    disk.unmount();
  });
});
