// PKCS#11 v2.40 §5.6: sessions are lost, tokens are taken out. Groups stay as they were.
import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Client, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Options, type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { beforeAll, expect, it } from "vitest";
import { describeWithSoftHsm, initialize, type RawCryptoki, type SoftHsm, tapped } from "./softhsm.js";

class Answer extends Error {
  constructor(
    readonly ckr: string,
    readonly code: number,
  ) {
    super(ckr);
  }
}

const DEVICE_REMOVED = () => new Answer("CKR_DEVICE_REMOVED", 0x32);

describeWithSoftHsm("when a session or the token is lost", (hsm) => {
  const { raw } = hsm;
  beforeAll(() => hsm.addToken("loss", "5678"));

  async function pair(more: Partial<Pkcs11Options> = {}) {
    const provider = await pkcs11Provider({
      library: hsm.library,
      tokenLabel: "loss",
      pin: "5678",
      inner: nodeProvider(),
      suites: [2],
      ...more,
    });
    const authentication = insecureAcceptAll();
    const signer = await provider.generateSigner(2, { label: "loss" });
    const alice = await Client.create({
      crypto: provider,
      suite: 2,
      authentication,
      signer,
      credential: "alice",
    });
    const bob = await Client.create({ crypto: nodeProvider(), suite: 2, authentication, credential: "bob" });
    const b = await bob.createGroup();
    const { welcome } = await b.add(await alice.createKeyPackage());
    await b.mergePendingCommit();
    return { provider, signer, alice, bob, a: await alice.join(welcome as Uint8Array), b };
  }

  type Parties = Awaited<ReturnType<typeof pair>>;

  /** A login that there is to lose: a loss before this was made good by the call. */
  const connected = ({ signer }: Parties) => signer.sign(Uint8Array.of(1));

  /** Nothing works while `lose` has its way; the state is the same; after `mend` everything works. */
  async function survives(
    { a, b, alice, bob }: Parties,
    lose: () => void | Promise<void>,
    mend: () => void,
    message: RegExp,
  ): Promise<void> {
    const refused = { code: "crypto", lost: true, message: expect.stringMatching(message) };
    const { commit } = await b.update();
    const invitation = await alice.createKeyPackage();
    const before = await a.save();
    const calls: [string, () => Promise<unknown>][] = [
      ["encrypt", () => a.encrypt("hello")],
      ["update", () => a.update()],
      ["propose", () => a.propose({ update: true })],
      ["receive", () => a.receive(commit)],
      ["createKeyPackage", () => alice.createKeyPackage()],
    ];
    for (const [name, call] of calls) {
      await lose();
      await expect(tokenErrorOf(call()), name).resolves.toMatchObject(refused);
    }
    const d = await bob.createGroup();
    const { welcome } = await d.add(invitation);
    await d.mergePendingCommit();
    await lose();
    await expect(tokenErrorOf(alice.join(welcome as Uint8Array))).resolves.toMatchObject(refused);
    mend();
    expect(await a.save()).toEqual(before);
    expect(await a.receive(commit)).toMatchObject({ kind: "commit" });
    await b.mergePendingCommit();
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
    expect(await b.receive(await a.encrypt("recovered"))).toMatchObject({ kind: "application" });
    await alice.join(welcome as Uint8Array);
  }

  it("recovers from sessions that were closed behind its back", async () => {
    const parties = await pair();
    await survives(
      parties,
      async () => {
        await connected(parties);
        raw.C_CloseAllSessions(hsm.slotOf("loss"));
      },
      () => {},
      /lost its session/,
    );
    await parties.provider.close();
  });

  it("recovers from a logout behind its back", async () => {
    const parties = await pair();
    const logout = () => {
      const session = raw.C_OpenSession(hsm.slotOf("loss"), 6);
      raw.C_Logout(session);
      raw.C_CloseSession(session);
    };
    const { commit } = await parties.b.update();
    const before = await parties.a.save();
    logout();
    await expect(parties.a.receive(commit)).rejects.toMatchObject({ code: "crypto" });
    expect(await parties.a.save()).toEqual(before);
    expect(await parties.a.receive(commit)).toMatchObject({ kind: "commit" });
    await parties.provider.close();
  });

  it("recovers from a library that was finalised behind its back", async () => {
    const parties = await pair();
    await survives(
      parties,
      async () => {
        await connected(parties);
        finalize(raw);
      },
      () => initialize(raw),
      /lost its session/,
    );
    await parties.provider.close();
  });

  it("recovers from a token that was taken out and put back", async () => {
    const parties = await pair();
    const place = tokenFolder(hsm, parties.provider);
    let out = false;
    const remove = () => {
      if (out) return;
      finalize(raw);
      renameSync(place, `${hsm.folder}-away`);
      out = true;
    };
    const insert = () => {
      finalize(raw);
      renameSync(`${hsm.folder}-away`, place);
      initialize(raw);
    };
    await survives(parties, remove, insert, /lost its session|isn't there any more/);
    await parties.provider.close();
  });

  it("tells that a device was removed in the middle of an operation", async () => {
    let removed = false;
    const fail = () => {
      throw DEVICE_REMOVED();
    };
    const { library } = tapped(raw, {
      C_SignInit: (...args) => (removed ? fail() : raw.C_SignInit(...args)),
      C_DeriveKeyAsync: async (...args) => (removed ? fail() : raw.C_DeriveKeyAsync(...args)),
      C_GenerateKeyPairAsync: async (...args) => (removed ? fail() : raw.C_GenerateKeyPairAsync(...args)),
    });
    const parties = await pair({ library, osLocking: true });
    await survives(
      parties,
      () => {
        removed = true;
      },
      () => {
        removed = false;
      },
      /was removed \(CKR_DEVICE_REMOVED\)/,
    );
    await parties.provider.close();
  });

  it("serves more calls at once than it may have sessions, and fails all of them if they are lost", async () => {
    for (const poolSize of [1, 3]) {
      const { library, pins } = tapped(raw);
      const provider = await pkcs11Provider({
        library,
        tokenLabel: "loss",
        pin: "5678",
        inner: nodeProvider(),
        suites: [2],
        poolSize,
      });
      const { signature } = provider.suite(2);
      const { privateKey, publicKey } = await signature.generateKeyPair();
      const messages = Array.from({ length: 50 }, (_, i) => Uint8Array.of(i));
      const signed = await Promise.all(messages.map((message) => signature.sign(privateKey, message)));
      expect(signed.every((one, i) => signature.verify(publicKey, messages[i] as Uint8Array, one))).toBe(
        true,
      );
      expect(pins).toHaveLength(1);

      raw.C_CloseAllSessions(hsm.slotOf("loss"));
      const outcomes = await Promise.allSettled(
        messages.map((message) => signature.sign(privateKey, message)),
      );
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed.length).toBeGreaterThan(0);
      for (const { reason } of failed) expect(reason).toMatchObject({ code: "crypto", lost: true });
      await signature.sign(privateKey, Uint8Array.of(1));
      expect(pins).toHaveLength(2);
      await provider.close();
    }
  });

  it("lets calls end that are under way when it is closed", async () => {
    for (let round = 0; round < 5; round++) {
      const provider = await pkcs11Provider({
        library: hsm.library,
        tokenLabel: "loss",
        pin: "5678",
        inner: nodeProvider(),
        suites: [2],
      });
      const { signature, hpke } = provider.suite(2);
      const { privateKey } = await signature.generateKeyPair();
      const calls = Array.from({ length: 12 }, (_, i) =>
        i % 3 === 0 ? hpke.generateKeyPair() : signature.sign(privateKey, Uint8Array.of(i)),
      );
      // Some calls have their sessions by now, others wait for one.
      for (let turn = 0; turn < round * 4; turn++) await Promise.resolve();
      const closing = provider.close();
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "closed" });
      }
      await closing;
      await provider.close();
    }
  });
});

/** The error of the token: that of a failed call, or the cause why a signer has given no verdict. */
async function tokenErrorOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: unknown };
    return code === "try-again" ? cause : error;
  }
}

function finalize(raw: RawCryptoki): void {
  try {
    raw.C_Finalize();
  } catch {
    // It is already.
  }
}

/** Where SoftHSM keeps a token: the folder's name ends as its serial number does. */
function tokenFolder(hsm: SoftHsm, provider: Pkcs11Provider): string {
  const { serialNumber } = provider.token;
  const name = readdirSync(hsm.folder).find((entry) => entry.replaceAll("-", "").endsWith(serialNumber));
  return join(hsm.folder, name as string);
}
