// RFC 9420 §9.2: a page that ends at any moment, and another one that comes and goes. `npm run test:crash` ends many more.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Group, toHex } from "@copse/core";
import { type Site, serve } from "@copse/test-support/browsers";
import { text } from "@copse/test-support/bytes";
import { CHROMIUM, type LastingBrowser, launchWith } from "@copse/test-support/chromium";
import { type Party, party } from "@copse/test-support/clients";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

const TIMES = Number(process.env.COPSE_PAGE_CRASHES ?? 3);
const SUITE = 2;

/**
 * Alice's pages. `main` sends, receives, commits, joins groups and makes key packages as fast as it can; `visitor`, like a
 * notification extension, receives and answers. What is asked has been answered by the client before.
 */
const ALICE = {
  imports: `
    import { insecureAcceptAll, toHex } from "@copse/core";
    import { openClient } from "@copse/core/storage";
    import { webCryptoProvider } from "@copse/provider-webcrypto";
    import { indexedDbStorage } from "@copse/storage-indexeddb";`,
  code: `
    const role = text("role"), life = text("life"), id = new Uint8Array([6]);
    const client = await openClient({
      storage: indexedDbStorage({ name: "alice" }), crypto: await webCryptoProvider(), suite: ${SUITE},
      credential: "alice", authentication: insecureAcceptAll(),
    });
    const again = async (work) => {
      for (;;) {
        try { return await work(); } catch (error) { if (error.code !== "stale-state") throw error; }
      }
    };
    const main = () => client.group(id);
    if (role === "first") {
      const group = await client.createGroup({ groupId: id });
      const { welcome } = await group.add(fromBase64(await ask({ wants: "keyPackage" })));
      await group.mergePendingCommit();
      return ask({ welcome: toBase64(welcome) });
    }
    if (role === "last") {
      await merge();
      const groups = [];
      for (const { groupId } of client.knownGroups())
        groups.push([toHex(groupId), toHex((await client.group(groupId)).epochAuthenticator)]);
      return ask({ groups, keyPackages: client.keyPackages().map(({ reference }) => toHex(reference)) });
    }
    async function merge() {
      // What was staged and perhaps not sent is sent again.
      for (const { commit } of (await main()).staged) {
        await ask({ commit: toBase64(commit) });
        await again(async () => { const group = await main(); if (group.hasPendingCommit) await group.mergePendingCommit(); });
      }
    }
    async function send(what) {
      await ask({ message: toBase64(await again(async () => (await main()).encrypt(what))) });
    }
    async function receive() {
      const { number, message } = await ask({ wants: "message" });
      const outcome = await again(async () => (await main()).receive(fromBase64(message))).then(
        ({ data }) => new TextDecoder().decode(data), ({ code }) => code);
      // Not merged yet: later.
      if (outcome !== "future-epoch") await ask({ number, outcome });
    }
    async function join() {
      const keyPackage = await again(() => client.createKeyPackage());
      const { welcome, groupId } = await ask({ joining: toBase64(keyPackage) });
      await again(() => client.join(fromBase64(welcome)));
      const group = fromBase64(groupId);
      const message = await again(async () => (await client.group(group)).encrypt("here I am"));
      await ask({ joined: toHex(group), message: toBase64(message) });
    }
    if (role === "main") await merge();
    for (let i = 0; ; i++) {
      await send(role + " " + life + " " + i);
      if (i % 3 === 1) await receive();
      if (role === "visitor") { if (i === 4) return ask({ left: life }); continue; }
      if (i % 7 === 1) {
        const made = await again(() => client.createKeyPackage());
        await ask({ keyPackage: toHex((await client.readKeyPackage(made)).reference) });
      }
      if (i % 11 === 3) await join();
      if (i % 5 === 2) { await again(async () => (await main()).update()); await merge(); }
    }`,
};

interface Asked {
  readonly wants?: "keyPackage" | "message";
  readonly welcome?: string;
  readonly commit?: string;
  readonly message?: string;
  readonly number?: number;
  readonly outcome?: string;
  readonly joining?: string;
  readonly joined?: string;
  readonly keyPackage?: string;
  readonly keyPackages?: readonly string[];
  readonly groups?: readonly (readonly [string, string])[];
  readonly left?: string;
  readonly error?: string;
}

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const base64 = (value: Uint8Array) => Buffer.from(value).toString("base64");

/** Bob, who takes each message once, and notes all that Alice's pages have answered. */
class Bob {
  readonly #party: Party;
  main!: Group;
  readonly groups = new Map<string, Group>();
  readonly joined = new Set<string>();
  readonly keyPackages: string[] = [];
  readonly #seen = new Set<string>();
  /** The message that no page has confirmed yet. */
  #offered: { readonly number: number; readonly message: string } | undefined;
  #read = new Set<number>();
  found: Asked | undefined;
  readonly problems: string[] = [];
  readonly counts = { messages: 0, commits: 0, again: 0, received: 0, answersLost: 0, joins: 0, visits: 0 };

  constructor(own: Party) {
    this.#party = own;
  }

  async answer(asked: Asked): Promise<unknown> {
    if (asked.error !== undefined) this.problems.push(asked.error);
    else if (asked.wants === "keyPackage") return base64(await this.#party.client.createKeyPackage());
    else if (asked.wants === "message") return this.#next();
    else if (asked.welcome !== undefined) this.main = await this.#party.client.join(bytes(asked.welcome));
    else if (asked.commit !== undefined) await this.take(bytes(asked.commit));
    else if (asked.joining !== undefined) return this.#invite(bytes(asked.joining));
    else if (asked.joined !== undefined) {
      await this.#read1(this.groups.get(asked.joined) as Group, asked.message as string);
      this.joined.add(asked.joined);
      this.counts.joins++;
    } else if (asked.message !== undefined) {
      const said = await this.#read1(this.main, asked.message);
      if (this.#seen.has(said)) this.problems.push(`twice: ${said}`);
      this.#seen.add(said);
      this.counts.messages++;
    } else if (asked.number !== undefined) this.#confirm(asked.number, asked.outcome as string);
    else if (asked.keyPackage !== undefined) this.keyPackages.push(asked.keyPackage);
    else if (asked.left !== undefined) this.counts.visits++;
    else this.found = asked;
    return null;
  }

  /** A key that was used twice would be refused. */
  async #read1(group: Group, message: string): Promise<string> {
    const received = await group.receive(bytes(message));
    return received.kind === "application" ? text(received.data) : received.kind;
  }

  /** One may come twice: it was sent before the end, and again after it. */
  async take(commit: Uint8Array): Promise<void> {
    const code = await this.main.receive(commit).then(
      () => "taken",
      (error: { code: string }) => error.code,
    );
    if (code === "taken") this.counts.commits++;
    else if (code === "past-epoch" || code === "duplicate") this.counts.again++;
    else this.problems.push(`a commit that ended as ${code}`);
  }

  async #next() {
    const number = this.#offered?.number ?? this.counts.received;
    this.#offered ??= { number, message: base64(await this.main.encrypt(`answer ${number}`)) };
    return this.#offered;
  }

  /** `duplicate`: a page took it, and ended before it said so. */
  #confirm(number: number, outcome: string): void {
    if (outcome === `answer ${number}` && !this.#read.has(number)) this.#read.add(number);
    else if (!["duplicate", "forgotten", "past-epoch"].includes(outcome))
      this.problems.push(`answer ${number} was read as ${outcome}`);
    if (number !== this.#offered?.number) return;
    if (!this.#read.has(number)) this.counts.answersLost++;
    this.#offered = undefined;
    this.counts.received++;
  }

  async #invite(keyPackage: Uint8Array) {
    const group = await this.#party.client.createGroup();
    const { welcome } = await group.add(keyPackage);
    await group.mergePendingCommit();
    this.groups.set(toHex(group.groupId), group);
    return { welcome: base64(welcome as Uint8Array), groupId: base64(group.groupId) };
  }
}

/** Alice's browser, whose pages end in one of three ways. */
class Ends {
  readonly #profile: string;
  readonly #site: Site;
  #running: LastingBrowser | undefined;
  readonly counts = { closed: 0, crashed: 0, killed: 0 };

  constructor(profile: string, site: Site) {
    this.#profile = profile;
    this.#site = site;
  }

  async page(role: string, life: number): Promise<Page> {
    this.#running ??= await launchWith(this.#profile);
    const context = this.#running.browser.contexts()[0];
    if (context === undefined) throw new Error("a browser without a context");
    const page = await context.newPage();
    await page.goto(`${this.#site.address}?role=${role}&life=${life}`);
    return page;
  }

  async end(page: Page, way: number): Promise<void> {
    if (way === 0) {
      this.counts.killed++;
      await this.kill();
    } else if (way < 5) {
      this.counts.crashed++;
      const session = await page.context().newCDPSession(page);
      // It never answers.
      void session.send("Page.crash").catch(() => undefined);
      await new Promise((resolve) => page.once("crash", resolve));
      await page.close();
    } else {
      this.counts.closed++;
      await page.close({ runBeforeUnload: false });
    }
  }

  async kill(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
  }
}

const random = (below: number) => Math.floor(Math.random() * below);
const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** In milliseconds. A page takes two seconds, and many times that beside the other tests that kill. */
const TIME = 60_000 + 20_000 * TIMES;

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  it(
    `a page uses no key twice and loses nothing that it answered, ended ${TIMES} times`,
    async () => {
      const bob = new Bob(await party("bob", { suite: SUITE }));
      // One after the other, as a server takes them: who asks may be gone before the answer.
      let queue: Promise<unknown> = Promise.resolve();
      const answer = (asked: Asked) => {
        const answered = queue.then(() => bob.answer(asked));
        queue = answered.catch((error) => bob.problems.push(String(error)));
        return answered;
      };
      const site = await serve(ALICE, answer);
      const profile = mkdtempSync(join(tmpdir(), "copse-profile-"));
      const alice = new Ends(profile, site);
      const until = (isDone: () => boolean) => expect.poll(isDone, { timeout: 60_000 }).toBe(true);
      try {
        const first = await alice.page("first", 0);
        await until(() => bob.main !== undefined);
        await first.close();
        for (let i = 0; i < TIMES; i++) {
          const before = bob.counts.messages;
          const page = await alice.page("main", i);
          const visitor = i % 3 === 1 ? await alice.page("visitor", i) : undefined;
          // The last one lives until something was committed, however slow the machine is.
          const hasDone = () => bob.counts.messages > before && (i < TIMES - 1 || bob.counts.commits > 0);
          await until(() => hasDone() || bob.problems.length > 0);
          await pause(random(300));
          await alice.end(page, TIMES < 10 ? 4 * i : random(10));
          await visitor?.close().catch(() => undefined);
        }
        const last = await alice.page("last", TIMES);
        await until(() => bob.found !== undefined || bob.problems.length > 0);
        await last.close();
      } finally {
        await alice.kill();
        await site.close();
        rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      }
      expect(bob.problems).toEqual([]);
      const groups = new Map(bob.found?.groups);
      expect(groups.get(toHex(bob.main.groupId))).toBe(toHex(bob.main.epochAuthenticator));
      for (const id of bob.joined)
        expect(groups.get(id)).toBe(toHex((bob.groups.get(id) as Group).epochAuthenticator));
      expect(bob.found?.keyPackages).toEqual(expect.arrayContaining(bob.keyPackages));
      expect(bob.counts.messages).toBeGreaterThan(TIMES);
      expect(bob.counts.commits).toBeGreaterThan(0);
      if (TIMES >= 100)
        console.log(
          `pages ended ${TIMES} times ${JSON.stringify(alice.counts)}: ${JSON.stringify(bob.counts)}, ${bob.keyPackages.length} key packages`,
        );
    },
    TIME,
  );
});
