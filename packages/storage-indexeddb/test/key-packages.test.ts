// RFC 9420 §10: key packages that were made, used, deleted and expired leave nothing in IndexedDB. `npm run test:key-packages`
// makes 10,000.
import { BROWSERS, deferred, serve } from "@copse/test-support/browsers";
import { expect, test } from "vitest";

/** A third of them is used, a third deleted, a third expires. */
const COUNT = Number(process.env.COPSE_KEY_PACKAGES ?? 60);
const AT_ONCE = 50;

const SCRIPT = {
  imports: `
    import { Client, insecureAcceptAll } from "@copse/core";
    import { openClient } from "@copse/core/storage";
    import { webCryptoProvider } from "@copse/provider-webcrypto";
    import { indexedDbStorage } from "@copse/storage-indexeddb";`,
  code: `
    let time = Date.now();
    const crypto = await webCryptoProvider();
    const options = { crypto, suite: 2, authentication: insecureAcceptAll(), policy: { now: () => time } };
    const storage = indexedDbStorage({ name: "alice" });
    const alice = await openClient({ ...options, storage, credential: "alice" });
    const bob = await Client.create({ ...options, credential: "bob" });
    const keys = async () => (await storage.list("")).map(({ key }) => key);
    const before = await keys();
    const made = [];
    for (let i = 0; i < ${COUNT}; i += ${AT_ONCE}) {
      const some = Math.min(${AT_ONCE}, ${COUNT} - i);
      made.push(...(await Promise.all(Array.from({ length: some }, () => alice.createKeyPackage()))));
    }
    const most = (await keys()).length;
    const third = Math.floor(${COUNT} / 3);
    for (const keyPackage of made.splice(0, third)) {
      const group = await bob.createGroup();
      const { welcome } = await group.add(keyPackage);
      await group.mergePendingCommit();
      const joined = await alice.join(welcome);
      await alice.deleteGroup(joined.groupId);
      await group.close();
    }
    const references = await Promise.all(made.splice(0, third).map(async (one) => (await alice.readKeyPackage(one)).reference));
    for (let i = 0; i < references.length; i += ${AT_ONCE})
      await Promise.all(references.slice(i, i + ${AT_ONCE}).map((one) => alice.deleteKeyPackage(one)));
    const expiring = alice.keyPackages().length;
    time += 365 * 24 * 3600 * 1000;
    // The next call that has to do with key packages.
    const last = (await alice.readKeyPackage(await alice.createKeyPackage())).reference;
    await alice.deleteKeyPackage(last);
    await ask({ before, most, expiring, after: await keys() });`,
};

interface Left {
  readonly before: string[];
  readonly most: number;
  readonly expiring: number;
  readonly after: string[];
}

test.each(BROWSERS.map((one) => [one.name, one] as const))(
  `${COUNT} key packages leave nothing in the IndexedDB of %s`,
  async (_, browser) => {
    const over = deferred<Left>();
    const site = await serve(SCRIPT, (asked: Left & { error?: string }) =>
      asked.error === undefined ? over.resolve(asked) : over.reject(new Error(asked.error)),
    );
    const from = performance.now();
    const { before, most, expiring, after } = await browser
      .show([site.address], over.promise)
      .finally(site.close);
    expect(most).toBeGreaterThanOrEqual(COUNT + before.length);
    expect(expiring).toBe(COUNT - 2 * Math.floor(COUNT / 3));
    expect(after).toEqual(before);
    if (COUNT >= 1000)
      console.log(
        `${browser.name}: ${COUNT} key packages in ${Math.round((performance.now() - from) / 1000)} s`,
      );
  },
);
