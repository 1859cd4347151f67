// What only a real browser shows: other tabs, refusals, quotas, keys that can't be exported.
import { IndexedDbError, indexedDbStorage } from "@copse/storage-indexeddb";
import { CHROMIUM } from "@copse/test-support/chromium";
import { code, failure } from "@copse/test-support/errors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LOADED, run, Tabs } from "./pages.js";

it("says where there is no IndexedDB", async () => {
  const storage = indexedDbStorage({ name: "test" });
  for (const call of [
    () => storage.get("a"),
    () => storage.list(""),
    () => storage.write([], []),
    () => storage.masterKey(),
    () => storage.delete(),
  ]) {
    const error = await Promise.resolve()
      .then<unknown>(call)
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(IndexedDbError);
    expect(error).toMatchObject({ reason: expect.stringMatching(/^(unavailable|deleted)$/) });
  }
});

it("refuses options that it doesn't know, and no name", async () => {
  for (const options of [{}, { name: "" }, { name: 1 }, { name: "a", durability: "relaxed" }])
    expect(await failure(async () => indexedDbStorage(options as never))).toEqual(code("usage"));
});

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let tabs: Tabs;
  beforeAll(async () => {
    tabs = await Tabs.open();
  });
  afterAll(() => tabs?.close());

  it("what it wrote is there after the page was loaded again", async () => {
    const page = await tabs.one();
    await run(page, `await storage.write([{ key: "a", value: bytes("kept") }], [step(undefined, "1")])`);
    await page.reload();
    await page.waitForFunction(LOADED);
    expect(await run(page, `return new TextDecoder().decode(await storage.get("a"))`)).toBe("kept");
  });

  it("waits for the disk at each write, which is one transaction", async () => {
    const page = await tabs.one();
    const seen = await run<unknown[]>(
      page,
      `await storage.get("a");
      const seen = [], { transaction } = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = function (...args) { seen.push(args); return transaction.apply(this, args); };
      const changes = Array.from({ length: 20 }, (_, i) => ({ key: "a" + i, value: bytes("x") }));
      await storage.write(changes, [step(undefined, "1")]);
      await storage.list("");
      return seen;`,
    );
    const strict = { durability: "strict" };
    expect(seen).toEqual([
      [["entries"], "readwrite", strict],
      [["entries"], "readonly", strict],
    ]);
  });

  it("makes nothing of a write of which a part can't be made", async () => {
    const page = await tabs.one();
    for (const bad of [
      `{ key: "b", value: bytes("b"), handle: () => 1 }`, // can't be cloned
      `{ key: null, value: bytes("b") }`, // no key
      `{ key: "b", value: Symbol() }`,
      "undefined",
    ]) {
      const found = await run(
        page,
        `const reason = await failure(() => storage.write([{ key: "a", value: bytes("a") }, ${bad}], [step(undefined, "1")]));
        return [reason, (await storage.list("")).length];`,
      );
      expect(found).toEqual(["failed", 0]);
    }
  });

  it("gives way to a tab that deletes all, and doesn't go on with another state", async () => {
    const [page, other] = await tabs.two();
    await run(page, `await storage.write([{ key: "a", value: bytes("a") }], [step(undefined, "1")])`);
    await run(other, `await storage.get("a"); await storage.delete()`);
    const write = `storage.write([{ key: "b", value: bytes("b") }], [step(undefined, "2")])`;
    for (const tab of [page, other]) {
      expect(await run(tab, `return failure(() => ${write})`)).toBe("deleted");
      expect(await run(tab, `return failure(() => storage.get("a"))`)).toBe("deleted");
    }
    expect(await run(page, `return (await open().list("")).length`)).toBe(0);
  });

  it("notices that the user has deleted the site's data", async () => {
    const page = await tabs.one();
    await run(page, `await storage.write([{ key: "a", value: bytes("a") }], [step(undefined, "1")])`);
    const session = await page.context().newCDPSession(page);
    const origin = tabs.address.slice(0, -1);
    await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await expect.poll(() => run(page, `return failure(() => storage.get("a"))`)).toBe("deleted");
    expect(await run(page, `return (await open().list("")).length`)).toBe(0);
  });

  it("gives way to a newer version, and says so", async () => {
    const [page, other] = await tabs.two();
    await run(page, `await storage.get("a")`);
    const upgrade = `await new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 2);
      request.onblocked = () => reject(new Error("blocked"));
      request.onsuccess = () => { request.result.close(); resolve(); };
    })`;
    await run(other, upgrade);
    expect(await run(page, `return failure(() => storage.get("a"))`)).toBe("newer");
    expect(await run(other, `return failure(() => storage.get("a"))`)).toBe("newer");
  });

  it("says that somebody doesn't give way, and deletes when they are gone", async () => {
    const [page, other] = await tabs.two();
    await run(other, `await storage.write([{ key: "a", value: bytes("a") }], [])`);
    await run(
      page,
      `await new Promise((resolve) => { const request = indexedDB.open(name); request.onsuccess = resolve; globalThis.held = request; })`,
    );
    expect(await run(other, "return failure(() => storage.delete())")).toBe("blocked");
    await page.goto("about:blank");
    expect(await run(other, `return (await open().list("")).length`)).toBe(0);
  });

  it("is unavailable in a sandboxed frame", async () => {
    const page = await tabs.one();
    await run(
      page,
      `const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts";
      frame.src = "/frame" + location.search;
      document.body.append(frame);
      await new Promise((resolve) => { frame.onload = resolve; });`,
    );
    const frame = page.frames().find((one) => one.url().includes("/frame"));
    await frame?.waitForFunction(LOADED);
    expect(await frame?.evaluate(`failure(() => storage.get("a"))`)).toBe("unavailable");
  });

  it("says that the site's storage is full, and has written nothing", async () => {
    const page = await tabs.one();
    const session = await page.context().newCDPSession(page);
    // Another origin: Chromium remembers for a while how much the one of the other tests may have.
    const address = page.url().replace("127.0.0.1", "localhost");
    const { origin } = new URL(address);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 2e5 });
    await page.goto(address);
    await page.waitForFunction(LOADED);
    await run(
      page,
      `await storage.write([{ key: "a", value: bytes("before") }], [step(undefined, "1")]);
      // The browser compresses what it can.
      globalThis.noise = new Uint8Array(1e6);
      for (let i = 0; i < 1e6; i += 5e4) crypto.getRandomValues(noise.subarray(i, i + 5e4));`,
    );
    const large = `[{ key: "a", value: bytes("after") }, { key: "b", value: noise }]`;
    expect(await run(page, `return failure(() => storage.write(${large}, [step("1", "2")]))`)).toBe("full");
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    const found = await run(
      page,
      `return [new TextDecoder().decode(await storage.get("a")), await storage.get("b"), await storage.write(${large}, [step("1", "2")])]`,
    );
    expect(found).toEqual(["before", undefined, true]);
  });

  it("refuses calls after it was closed, and lets those go on that were made before", async () => {
    const page = await tabs.one();
    const found = await run(
      page,
      `await storage.get("a");
      const made = storage.write([{ key: "a", value: bytes("a") }], []);
      await storage.close();
      return [await made, await failure(() => storage.get("a")), (await open().list("")).length];`,
    );
    expect(found).toEqual([true, "closed", 1]);
  });

  it("has one master key for all tabs, which nobody can export", async () => {
    const [page, other] = await tabs.two();
    const derive = `const key = await storage.masterKey();
      const exported = await crypto.subtle.exportKey("raw", key).then(() => "exported", () => "refused");
      const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes("test") };
      const derived = await crypto.subtle.deriveKey(algorithm, key, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
      return [exported, key.extractable, (await crypto.subtle.exportKey("jwk", derived)).k];`;
    const found = await Promise.all([page, other, page].map((tab) => run<unknown[]>(tab, derive)));
    expect(found[0]?.slice(0, 2)).toEqual(["refused", false]);
    expect(found[1]).toEqual(found[0]);
    await page.reload();
    await page.waitForFunction(LOADED);
    expect(await run(page, derive)).toEqual(found[0]);
    expect(await run(page, `return (await storage.list("")).length`)).toBe(0);
    await run(page, "await storage.delete()");
    expect(await run(other, `const storage = open(); ${derive}`)).not.toEqual(found[0]);
  });

  it("keeps keys that can't be exported beside bytes, in the same write", async () => {
    const page = await tabs.one();
    const found = await run(
      page,
      `const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
      const row = { key: "row", value: bytes("beside"), handle: pair.privateKey };
      const refused = await storage.write([row], [step("other", "1")]);
      const before = (await storage.list("row")).length;
      await storage.write([row], [step(undefined, "1")]);
      const [{ value, handle }] = await open().list("row");
      const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, handle, value);
      const isRight = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pair.publicKey, signature, bytes("beside"));
      const got = await storage.get("row");
      await storage.write([{ key: "row", value: bytes("alone") }], []);
      const [alone] = await storage.list("row");
      return [refused, before, isRight, got instanceof Uint8Array, Object.keys(alone)];`,
    );
    expect(found).toEqual([false, 0, true, true, ["key", "value"]]);
  });

  it("gives each tab its turn, and tells it what another one has written", async () => {
    const [page, other] = await tabs.two();
    await run(
      page,
      `globalThis.heard = 0;
      storage.changes(() => heard++);
      // Before the other one asks for it: in another process, that may be faster.
      await new Promise((has) => {
        globalThis.turn = storage.turn("one", () => new Promise((resolve) => { globalThis.end = resolve; has(); }));
      });`,
    );
    await run(
      other,
      `globalThis.heard = 0;
      globalThis.stop = storage.changes(() => heard++);
      globalThis.isTurn = false;
      void storage.turn("one", async () => { isTurn = true; });`,
    );
    const failed = `storage.turn("another", async () => { throw new Error("its own") }).catch(({ message }) => message)`;
    expect(await run(other, `return [await ${failed}, isTurn]`)).toEqual(["its own", false]);
    await run(page, "end(); await turn");
    await expect.poll(() => run(other, "return isTurn")).toBe(true);
    const write = `await storage.write([{ key: "a", value: bytes("a") }], [])`;
    await run(page, write);
    await expect.poll(() => run(other, "return heard")).toBe(1);
    await run(other, `stop(); ${write}`);
    await expect.poll(() => run(page, "return heard")).toBe(1);
    expect(await run(other, "return heard")).toBe(1);
  });

  it("stores of a view its own bytes alone", async () => {
    const page = await tabs.one();
    const size = await run(
      page,
      `await storage.write([{ key: "a", value: new Uint8Array(1e6).subarray(5, 8) }], []);
      const found = await new Promise((resolve) => { const request = indexedDB.open(name); request.onsuccess = () => {
        const get = request.result.transaction("entries").objectStore("entries").get("a");
        get.onsuccess = () => { request.result.close(); resolve(get.result); };
      }; });
      return [found.length, found.buffer.byteLength];`,
    );
    expect(size).toEqual([3, 3]);
  });
});
