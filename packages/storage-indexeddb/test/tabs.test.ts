// RFC 9420 §9.2: two tabs that send at once through one state use no key twice. `npm run test:tabs` sends many more.
import type { Group } from "@copse/core";
import { BROWSERS, deferred, serve } from "@copse/test-support/browsers";
import { text } from "@copse/test-support/bytes";
import { party } from "@copse/test-support/clients";
import { expect, test } from "vitest";

const EACH = Number(process.env.COPSE_TABS ?? 50);
/** Its keys are kept by all browsers, and can't be exported. */
const SUITE = 2;

/** What a tab does: the first one makes the group. Then both send, as fast as they can. */
const TAB = {
  imports: `
    import { insecureAcceptAll } from "@copse/core";
    import { openClient } from "@copse/core/storage";
    import { webCryptoProvider } from "@copse/provider-webcrypto";
    import { indexedDbStorage } from "@copse/storage-indexeddb";`,
  code: `
    const name = text("tab"), id = new Uint8Array([6]);
    const open = async () => openClient({
      storage: indexedDbStorage({ name: "alice" }), crypto: await webCryptoProvider(), suite: ${SUITE},
      credential: "alice", authentication: insecureAcceptAll(),
    });
    if (name === "left") {
      const group = await (await open()).createGroup({ groupId: id });
      const { welcome } = await group.add(fromBase64(await ask({ wants: "keyPackage" })));
      await group.mergePendingCommit();
      await ask({ welcome: toBase64(welcome) });
    }
    await ask({ ready: name });
    const client = await open();
    let stale = 0;
    for (let i = 0; i < ${EACH}; ) {
      try {
        const message = await (await client.group(id)).encrypt(name + " " + i);
        await ask({ message: toBase64(message) });
        i++;
      } catch (error) {
        if (error.code !== "stale-state") throw error;
        stale++;
      }
    }
    await ask({ sent: name, stale });`,
};

interface Asked {
  readonly wants?: string;
  readonly welcome?: string;
  readonly ready?: string;
  readonly message?: string;
  readonly sent?: string;
  readonly stale?: number;
  readonly error?: string;
}

test.each(BROWSERS.map((one) => [one.name, one] as const))(
  `two tabs of %s send ${EACH} messages each at once, and each arrives once`,
  async (_, browser) => {
    const bob = await party("bob", { suite: SUITE });
    let b: Group;
    const received: string[] = [];
    const stale: Record<string, number> = {};
    const [ready, over, joined] = [new Set<string>(), deferred<void>(), deferred<void>()];
    const both = deferred<void>();
    const answer = async (asked: Asked) => {
      if (asked.error !== undefined) over.reject(new Error(asked.error));
      else if (asked.wants !== undefined)
        return Buffer.from(await bob.client.createKeyPackage()).toString("base64");
      else if (asked.welcome !== undefined) {
        b = await bob.client.join(Buffer.from(asked.welcome, "base64"));
        joined.resolve();
      } else if (asked.ready !== undefined) {
        if (ready.add(asked.ready).size === 2) both.resolve();
        await both.promise;
        await joined.promise;
      } else if (asked.message !== undefined) {
        // A generation that was used twice would be refused.
        const one = await b.receive(Buffer.from(asked.message, "base64"));
        received.push(one.kind === "application" ? text(one.data) : one.kind);
      } else if (asked.sent !== undefined) {
        stale[asked.sent] = asked.stale ?? 0;
        if (Object.keys(stale).length === 2) over.resolve();
      }
    };
    const site = await serve(TAB, async (asked: Asked) => {
      try {
        return await answer(asked);
      } catch (error) {
        over.reject(error as Error);
        throw error;
      }
    });
    const tabs = ["left", "right"];
    const pages = tabs.map((name) => `${site.address}?tab=${name}`);
    const from = performance.now();
    await browser.show(pages, over.promise).finally(site.close);
    const expected = tabs.flatMap((name) => Array.from({ length: EACH }, (_, i) => `${name} ${i}`));
    expect(received.sort()).toEqual(expected.sort());
    if (EACH >= 500)
      console.log(
        `${browser.name}: ${received.length} messages of two tabs in ${Math.round(performance.now() - from)} ms, stale ${JSON.stringify(stale)}`,
      );
  },
);
