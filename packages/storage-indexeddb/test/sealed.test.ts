// RFC 9420 §16.2: sealed with the storage's own master key, a client is found again, and nobody reads its state in the database.
import { BROWSERS, deferred, serve } from "@copse/test-support/browsers";
import { expect, test } from "vitest";

const SCRIPT = {
  imports: `
    import { insecureAcceptAll } from "@copse/core";
    import { openClient, sealedStorage } from "@copse/core/storage";
    import { webCryptoProvider } from "@copse/provider-webcrypto";
    import { webCryptoStorageCipher } from "@copse/provider-webcrypto/storage";
    import { indexedDbStorage } from "@copse/storage-indexeddb";`,
  code: `
    const secret = "a name that nobody reads";
    const holds = (value) => new TextDecoder("latin1").decode(value).includes(secret);
    const open = async (storage) => openClient({
      storage, crypto: await webCryptoProvider(), suite: 2, credential: secret,
      authentication: insecureAcceptAll(),
    });
    const sealed = async (storage) => sealedStorage(storage, await webCryptoStorageCipher(await storage.masterKey()));
    const count = async (storage) => (await storage.list("")).filter(({ value }) => holds(value)).length;
    const plain = indexedDbStorage({ name: "plain" });
    await (await open(plain)).createGroup();

    const below = indexedDbStorage({ name: "sealed" });
    const { groupId } = await (await open(await sealed(below))).createGroup();
    const again = await open(await sealed(indexedDbStorage({ name: "sealed" })));
    const group = await again.group(groupId);
    const message = await group.encrypt("still here");
    // Another master key opens nothing.
    const foreign = await webCryptoStorageCipher(await plain.masterKey());
    const refused = await open(sealedStorage(below, foreign)).then(() => "opened", ({ code }) => code);
    await ask({ plain: await count(plain), sealed: await count(below), sent: message.length > 0, refused });`,
};

test.each(BROWSERS.map((one) => [one.name, one] as const))("in %s", async (_, browser) => {
  const over = deferred<object>();
  const site = await serve(SCRIPT, (asked: { error?: string }) =>
    asked.error === undefined ? over.resolve(asked) : over.reject(new Error(asked.error)),
  );
  const found = await browser.show([site.address], over.promise).finally(site.close);
  expect(found).toEqual({ plain: expect.any(Number), sealed: 0, sent: true, refused: "state" });
  expect(found).not.toMatchObject({ plain: 0 });
});
