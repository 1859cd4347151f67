// Handles of keys beside bytes, for a storage that says that it keeps them: they come and go with their entry.
import type { ClientStorage } from "@copse/core/storage";
import type { Body } from "../check.js";
import { fail } from "../check.js";
import { bytes, drop, lists, make, put, refuse, same, step } from "../tools.js";

/** The part of WebCrypto that is used here, where there is one. */
interface Subtle {
  generateKey(algorithm: object, extractable: boolean, usages: readonly string[]): Promise<object>;
  sign(algorithm: string, key: object, data: Uint8Array): Promise<ArrayBuffer>;
}

const { crypto } = globalThis as { crypto?: { subtle?: Subtle } };

/** A key that can't be extracted; a plain object where there are no keys. */
async function newHandle(): Promise<object> {
  const algorithm = { name: "HMAC", hash: "SHA-256", length: 256 };
  return (await crypto?.subtle?.generateKey(algorithm, false, ["sign"])) ?? { number: Math.random() };
}

/** What tells one handle from another. */
async function traceOf(handle: object): Promise<Uint8Array> {
  const signed = await crypto?.subtle?.sign("HMAC", handle, bytes("message"));
  return signed === undefined ? bytes(JSON.stringify(handle)) : new Uint8Array(signed);
}

/** @param handle `undefined`: there must be none */
async function keeps(storage: ClientStorage, key: string, handle: object | undefined): Promise<void> {
  const found = (await storage.list(key)).find((entry) => entry.key === key)?.handle;
  if ((found === undefined) !== (handle === undefined))
    fail(`list(${key}): expected ${handle ? "a" : "no"} handle, got ${found ? "one" : "none"}`);
  if (found === undefined || handle === undefined) return;
  const trace = await traceOf(found).catch((error) =>
    fail(`list(${key}): the handle fails: ${String(error)}`),
  );
  same(trace, await traceOf(handle), `list(${key}): what its handle does`);
}

/** The check of a storage that keeps handles. One that doesn't is never given any. */
const ifKept =
  (body: Body): Body =>
  async (storage, room) => {
    if (storage.handles === true) await body(storage, room);
  };

export const handleChecks: Readonly<Record<string, Body>> = {
  "handles: each is listed with its bytes, for all openers": ifKept(async (storage, { open }) => {
    const [one, two] = [await newHandle(), await newHandle()];
    await make(storage, [
      { ...put("one", "1"), handle: one },
      put("plain", "2"),
      { ...put("two", ""), handle: two },
    ]);
    for (const opener of [storage, await open()]) {
      await keeps(opener, "one", one);
      await keeps(opener, "two", two);
      await keeps(opener, "plain", undefined);
      same(await opener.get("one"), bytes("1"), "get(one)");
      same(await opener.get("two"), bytes(""), "get(two)");
      await lists(opener, "", ["one", "plain", "two"]);
    }
  }),

  "handles: one goes with its entry": ifKept(async (storage) => {
    const [one, two] = [await newHandle(), await newHandle()];
    await make(storage, [{ ...put("one", "1"), handle: one }]);
    await make(storage, [{ ...put("one", "1"), handle: two }]);
    await keeps(storage, "one", two);
    await make(storage, [put("one", "1")]);
    await keeps(storage, "one", undefined);
    await make(storage, [{ ...put("one", "1"), handle: one }]);
    await make(storage, [drop("one")]);
    await make(storage, [put("one", "1")]);
    await keeps(storage, "one", undefined);
  }),

  "handles: a refused write leaves them as they were": ifKept(async (storage) => {
    const [one, two] = [await newHandle(), await newHandle()];
    await make(storage, [{ ...put("one", "1"), handle: one }], step("version", undefined, "v1"));
    await refuse(
      storage,
      [
        { ...put("one", "1"), handle: two },
        { ...put("two", "2"), handle: two },
      ],
      step("version", "v0", "v2"),
    );
    await refuse(storage, [drop("one")], step("version", "v0", "v2"));
    await keeps(storage, "one", one);
    await keeps(storage, "two", undefined);
  }),
};
