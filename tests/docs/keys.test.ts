// docs/keys.md: its code is compiled and run, with a key service, a passkey, and the figures that it gives.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, type Group, generateSigner, insecureAcceptAll } from "@copse/core";
import type { Signer } from "@copse/core/provider";
import { nodeProvider } from "@copse/provider-node";
import { bundle } from "@copse/test-support/bundle";
import { CHROMIUM, launch } from "@copse/test-support/chromium";
import { type Programs, programs, promised, readDocument, run } from "@copse/test-support/documents";
import { code, failure } from "@copse/test-support/errors";
import { type KeyService, startKeyService } from "@copse/test-support/key-service";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

const { text, blocks } = await readDocument("docs/keys.md");
const files = Object.fromEntries(blocks.map(({ file, code }) => [file, code]));
const common = { crypto: nodeProvider(), suite: 2, authentication: insecureAcceptAll() };

let programsOfPage: Programs;
beforeAll(async () => {
  programsOfPage = await programs(files);
});
afterAll(() => programsOfPage.remove());

test("the page's code compiles", async () => {
  expect(Object.keys(files)).toEqual([
    ...["kms.ts", "chat.ts", "passkey.ts", "passkey-storage.ts", "phone.ts", "phone-keys.ts"],
  ]);
  expect(await programsOfPage.errors()).toEqual([]);
});

describe("a key service", () => {
  let service: KeyService;
  let kmsSigner: (url: string, keyId: string) => Promise<Signer>;
  beforeAll(async () => {
    ({ kmsSigner } = (await import(await programsOfPage.bundled("kms.ts"))) as {
      kmsSigner: typeof kmsSigner;
    });
  });
  beforeEach(async () => {
    service = await startKeyService();
  });
  afterEach(() => service.close());

  async function groupOf(signer: Signer): Promise<{ own: Group; other: Group }> {
    const alice = await Client.create({ ...common, credential: "alice", signer });
    const bob = await Client.create({ ...common, credential: "bob" });
    const own = await alice.createGroup();
    const { welcome } = await own.add([await bob.createKeyPackage()]);
    await own.mergePendingCommit();
    return { own, other: await bob.join(welcome as Uint8Array) };
  }

  test("signs in the page's program, which prints what it says", async () => {
    const program = await programsOfPage.bundled("chat.ts");
    const { stdout } = await run(process.execPath, [program, service.url, service.keyId]);
    expect(stdout.trimEnd().split("\n")).toEqual(promised(files["chat.ts"] as string));
  });

  test("is asked again when it is too busy, fails, or cuts the connection", async () => {
    const { own, other } = await groupOf(await kmsSigner(service.url, service.keyId));
    const fates = ["throttle", "fail", "cut", "answer"] as const;
    let call = 0;
    service.fate = () => fates[call++ % fates.length] as (typeof fates)[number];
    expect(await other.receive(await own.encrypt("at last"))).toMatchObject({ kind: "application" });
    expect(call).toBe(4);
  });

  test("isn't asked again for a key that isn't there", async () => {
    await expect(kmsSigner(service.url, "alias/nobody")).rejects.toThrow("NotFoundException");
    expect(service.calls).toEqual({ GetPublicKey: 1 });
  });

  test("that stays away refuses an operation, which changes nothing and can be called again", async () => {
    const { own, other } = await groupOf(await kmsSigner(service.url, service.keyId));
    const before = own.epoch;
    service.fate = () => "throttle";
    const error = await failure(own.update());
    expect(error).toEqual(code("try-again"));
    expect((error as Error).cause).toMatchObject({ message: expect.stringContaining("ThrottlingException") });
    expect([own.epoch, own.staged.length]).toEqual([before, 0]);
    service.fate = () => "answer";
    const { commit } = await own.update();
    expect(await other.receive(commit)).toMatchObject({ kind: "commit", epoch: before + 1n });
  });

  test("that never answers can be given up by a signal", async () => {
    const { own, other } = await groupOf(await kmsSigner(service.url, service.keyId));
    service.fate = () => "hang";
    const given = own.encrypt("never", { signal: AbortSignal.timeout(100) });
    expect(await failure(given)).toEqual(code("try-again"));
    service.fate = () => "answer";
    expect(await other.receive(await own.encrypt("then"))).toMatchObject({ kind: "application" });
  });
});

test("each operation takes as many signatures as the page's table says", async () => {
  const signer = await generateSigner(common.crypto, common.suite);
  let signatures = 0;
  const counting: Signer = {
    algorithm: signer.algorithm,
    publicKey: signer.publicKey,
    sign(message) {
      signatures++;
      return signer.sign(message);
    },
  };
  async function count(work: () => Promise<unknown>): Promise<number> {
    signatures = 0;
    await work();
    return signatures;
  }
  const alice = await Client.create({ ...common, credential: "alice", signer: counting });
  const bob = await Client.create({ ...common, credential: "bob" });
  const [own, bobs] = [await alice.createGroup(), await bob.createGroup()];
  const { welcome } = await bobs.add([await alice.createKeyPackage()]);
  await bobs.mergePendingCommit();
  const joined = await alice.join(welcome as Uint8Array);
  const message = await bobs.encrypt("hi");
  const keyPackage = await bob.createKeyPackage();
  const fresh = { replacePending: true };

  // Before anything is proposed that they would include.
  const commits = [
    await count(() => joined.update(fresh)),
    await count(() => joined.remove(0, fresh)),
    await count(() => joined.commit(fresh)),
  ];

  const counted: Record<string, number[]> = {
    "create a key package": [await count(() => alice.createKeyPackage())],
    "create a group": [await count(() => alice.createGroup())],
    "send a message, or propose something else than an Update": [
      await count(() => joined.encrypt("hi")),
      await count(() => joined.propose({ add: keyPackage })),
    ],
    "propose an Update": [await count(() => joined.propose({ update: true }))],
    "commit with new keys, as `update`, `remove` and an empty `commit` do": commits,
    "add members: the commit, and the GroupInfo in its Welcome": [await count(() => own.add([keyPackage]))],
    "join by a Welcome, receive anything, save, restore": [
      await count(() => joined.receive(message)),
      await count(() => joined.save()),
    ],
  };
  const table = text.slice(text.indexOf("## What it costs"), text.indexOf("## A key service"));
  const rows = Array.from(table.matchAll(/^\| (.+?) \| (\d) \|$/gm), ([, what, number]) => [
    what,
    Number(number),
  ]);
  expect(Object.keys(counted)).toEqual(rows.map(([what]) => what));
  for (const [what, number] of rows) {
    expect(new Set(counted[what as string]), String(what)).toEqual(new Set([number]));
  }
});

describe.skipIf(CHROMIUM === undefined)("a passkey, in Chromium", () => {
  const GLUE = `
    import { Client, insecureAcceptAll } from "@copse/core";
    import { memoryStorage, openClient } from "@copse/core/storage";
    import { webCryptoProvider } from "@copse/provider-webcrypto";
    const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
    const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const provider = webCryptoProvider();
    let client, group, wrapped;
    const disk = memoryStorage();
    const open = async (id) => openClient({
      storage: await openStorage(disk, bytes(id), wrapped),
      crypto: await webCryptoProvider({ extractable: true }),
      suite: 1, credential: "alice", authentication: insecureAcceptAll(),
    });
    Object.assign(globalThis, {
      create: async () => base64(await createPasskey("alice")),
      publicKey: async (id, suite) => base64((await passkeySigner(await provider, suite, bytes(id))).publicKey),
      invite: async (id) => {
        const signer = await passkeySigner(await provider, 1, bytes(id));
        const authentication = insecureAcceptAll();
        client = await Client.create({ crypto: await provider, suite: 1, credential: "alice", signer, authentication });
        return base64(await client.createKeyPackage());
      },
      join: async (welcome) => {
        group = await client.join(bytes(welcome));
        return base64(await group.encrypt("signed by what a passkey knows"));
      },
      begin: async (id) => {
        wrapped = await newWrappedKey(bytes(id));
        const { groupId } = await (await open(id)).createGroup();
        return base64(groupId);
      },
      goOn: async (id, groupId) => {
        const found = await (await open(id)).group(bytes(groupId));
        await found.encrypt("sealed by what a passkey knows");
        return found.epoch.toString();
      },
      onDisk: async () => (await disk.list("")).map(({ key, value }) => key + " " + base64(value)).join(" "),
    });
  `;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let forget: () => Promise<unknown>;
  const ask = (call: string, ...args: (string | number)[]): Promise<string> =>
    page.evaluate(`${call}(${args.map((one) => JSON.stringify(one)).join(", ")})`);

  beforeAll(async () => {
    const script = await bundle(`${files["passkey.ts"]}\n${files["passkey-storage.ts"]}\n${GLUE}`, "neutral");
    server = createServer(({ url }, response) => {
      response.setHeader("content-type", url === "/page.js" ? "text/javascript" : "text/html");
      const html = '<!doctype html><link rel="icon" href="data:,"><script src="/page.js"></script>';
      response.end(url === "/page.js" ? script : html);
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    browser = await launch();
    page = await browser.newPage();
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        ...{ protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasPrf: true },
        ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
        automaticPresenceSimulation: true,
      },
    });
    // It has room for three passkeys.
    forget = () => cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  });
  beforeEach(() => forget());
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test("gives the same signer each time, another for another suite, another for another passkey", async () => {
    const [one, two] = [await ask("create"), await ask("create")];
    const key = await ask("publicKey", one, 1);
    expect(Buffer.from(key, "base64")).toHaveLength(32);
    expect(await ask("publicKey", one, 1)).toBe(key);
    expect(new Set([key, await ask("publicKey", one, 3), await ask("publicKey", two, 1)]).size).toBe(3);
  });

  test("signs in a group with a member on Node", async () => {
    const id = await ask("create");
    const bob = await Client.create({ ...common, suite: 1, credential: "bob" });
    const group = await bob.createGroup();
    const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
    const { welcome } = await group.add([bytes(await ask("invite", id))]);
    await group.mergePendingCommit();
    const message = await ask("join", Buffer.from(welcome as Uint8Array).toString("base64"));
    expect(await group.receive(bytes(message))).toMatchObject({ kind: "application" });
    expect(Buffer.from(group.members[1]?.signatureKey as Uint8Array).toString("base64")).toBe(
      await ask("publicKey", id, 1),
    );
  });

  test("opens a sealed storage again, and another passkey doesn't", async () => {
    const [one, two] = [await ask("create"), await ask("create")];
    const groupId = await ask("begin", one);
    const before = await ask("onDisk");
    expect(await ask("goOn", one, groupId)).toBe("0");
    const after = await ask("onDisk");
    expect(after).not.toBe(before);
    // "alice", in base64 at each of its three places.
    for (const name of ["YWxpY2", "FsaWNl", "hbGljZ"]) expect(after).not.toContain(name);
    await expect(ask("goOn", two, groupId)).rejects.toThrow("OperationError");
    expect(await ask("onDisk")).toBe(after);
  });
});
