// The storage does in real browsers what a client needs. COPSE_BROWSERS=all runs it in all that are here.
import { memoryStorage } from "@copse/core/storage";
import { checksForStorage, type StorageCheckResult } from "@copse/storage-conformance";
import { BROWSERS, deferred, serve } from "@copse/test-support/browsers";
import { expect, test } from "vitest";

const NAMES = checksForStorage({ name: "memory", open: memoryStorage }).map(({ name }) => name);

test.each(BROWSERS.map((one) => [one.name, one] as const))("conforms in %s", async (_, browser) => {
  const results: StorageCheckResult[] = [];
  const done = deferred<void>();
  const site = await serve(
    {
      imports: `
        import { checksForStorage } from "@copse/storage-conformance";
        import { indexedDbStorage } from "@copse/storage-indexeddb";`,
      code: `
        const open = (name) => indexedDbStorage({ name });
        const close = (storage) => storage.close();
        for (const check of checksForStorage({ name: "indexeddb", open, close })) await ask(await check.result());
        await ask("end");`,
    },
    (asked: StorageCheckResult | "end" | { error: string }) => {
      if (asked === "end") done.resolve();
      else if ("error" in asked) done.reject(new Error(asked.error));
      else results.push(asked);
    },
  );
  await browser.show([site.address], done.promise).finally(site.close);
  expect(results.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
  expect(results.map(({ name }) => name)).toEqual(NAMES);
});
