// The chat as it is served, used by several people in a real browser. `npm run test:chat` does all of it, in Firefox too.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveDelivery } from "@copse/delivery-http/server";
import { CHROMIUM } from "@copse/test-support/chromium";
import { HAS_NATS } from "@copse/test-support/nats";
import { FIREFOX, openChromium, openFirefox, type TabBrowser, until } from "@copse/test-support/tabs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ChatServer, serveChat } from "../../src/chat/serve.js";
import { Person } from "./person.js";

const WHOLE = process.env.COPSE_CHAT === "whole";

type Place = [browser: string, delivery: "http" | "nats", open: () => Promise<TabBrowser>];
const PLACES: Place[] = [];
if (CHROMIUM !== undefined) PLACES.push(["Chromium", "http", openChromium]);
if (WHOLE && FIREFOX !== undefined) PLACES.push(["Firefox", "http", openFirefox]);
if (WHOLE && HAS_NATS && CHROMIUM !== undefined) PLACES.push(["Chromium", "nats", openChromium]);

describe.each(PLACES)("the chat in %s over %s", (_, delivery, openBrowser) => {
  let data: string;
  let server: ChatServer;
  let browser: TabBrowser;
  let alice: Person;
  let bob: Person;
  let carol: Person;
  const everybody: Person[] = [];

  const enter = async (name: string, byKeyboard?: boolean) => {
    const person = await Person.enter(browser, server.url, name, byKeyboard);
    everybody.push(person);
    return person;
  };

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "copse-chat-test-"));
    server = await serveChat({ data, port: 0, delivery });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(data, { recursive: true, force: true });
  });
  afterEach(() => {
    for (const { name, tab } of everybody) expect(tab.complaints, name).toEqual([]);
  });

  test("people come in, and are told what to do where there is nothing yet", async () => {
    [alice, bob, carol] = [await enter("Alice", true), await enter("Bob"), await enter("Carol")];
    expect(await alice.text(".sidebar .empty")).toContain(
      "Start a group, or let somebody invite you as “Alice”",
    );
  });

  test("who invites somebody that isn't there is told what to do", async () => {
    await alice.tab.click("#new-group");
    await alice.tab.type("Nobody");
    await alice.tab.click("dialog .people-input input");
    await alice.tab.type("Nemo");
    // The first takes the name, the second starts the group.
    await alice.tab.press("Enter");
    await alice.tab.press("Enter");
    await alice.sees("dialog .problem", "must have opened this page once");
    await alice.closeDialogs();
    // The conversation that couldn't be started isn't in the list any more.
    await until(alice.tab, `document.querySelector(".sidebar .entry") === null`);
  });

  test("an invitation is looked at with its safety number before it is accepted", async () => {
    await alice.startGroup("Birds", ["Bob", "Carol"]);
    const shown = await bob.look("Birds");
    expect(shown).toContain("Alice invites you. The group has 3 members, with you.");
    for (const name of ["Alice", "Bob (you)", "Carol"]) expect(shown).toContain(name);
    const digits = await bob.safetyNumber("Alice");
    expect(digits.replace(/\s/g, "")).toMatch(/^\d{60}$/);
    await alice.openMembers();
    expect(await alice.safetyNumber("Bob")).toBe(digits);
    await alice.clickText("dialog .button", "They match");
    await alice.sees("dialog .mark.good", "Compared");
    await alice.closeDialogs();
    await bob.closeDialogs();
    await bob.join("Birds");
    await carol.join("Birds");
    await bob.sees(".notice", "Alice invited you, and you joined");
    await alice.sees(".notice", "You started the group with Bob and Carol");
  });

  test("everybody reads what one writes", async () => {
    await alice.say("Who is in for the herons?");
    await bob.hears("Alice", "Who is in for the herons?");
    await bob.say("Me");
    for (const one of [alice, carol]) await one.hears("Bob", "Me");
    await alice.sees(".message.mine", "sent");
    expect(await bob.tab.evaluate(`document.getElementById("said").textContent`)).toContain(
      "Alice: Who is in",
    );
    expect(await bob.tab.evaluate(`document.getElementById("app").scrollHeight - innerHeight`)).toBe(0);
  });

  test("the panel shows the epoch, the tree and the bytes, and lights the path of a commit", async () => {
    for (const one of [alice, bob, carol]) await one.openInside();
    await carol.sees(".log", "Alice invited you, and you joined in epoch");
    expect(await carol.text(".began")).not.toContain("before this page was loaded");
    const before = await bob.epoch();
    await bob.tab.click("#renew");
    for (const one of [alice, bob, carol]) await one.reachesEpoch(before + 1);
    for (const one of [alice, bob, carol]) {
      await until(one.tab, `document.querySelector(".node.leaf.renewed .name")?.textContent === "Bob"`);
      expect((await one.texts(".node.leaf .name")).sort()).toEqual(["Alice", "Bob", "Carol"]);
      expect(await one.tab.evaluate(`document.querySelectorAll(".edge.lit").length`)).toBeGreaterThan(0);
      expect(await one.text(".wire")).toMatch(/commit\s+(sent|received)\s+[\d,]+/);
    }
    // Keyboard and screen reader: one stop, from which arrow keys go from node to node.
    await carol.tab.click('.node[data-node="0"]');
    await carol.sees("#tree-words", "Leaf 0: Alice, with the public key …");
    for (let i = 0; i < 4; i++) await carol.tab.press("ArrowRight");
    await carol.sees("#tree-words", "Leaf 2: Carol");
    expect(await carol.tab.evaluate(`document.activeElement.ariaLabel`)).toMatch(/^Leaf 2: Carol/);
    expect(await carol.tab.evaluate(`document.querySelectorAll('.node[tabindex="0"]').length`)).toBe(1);
    const numbers = await Promise.all([alice, bob, carol].map((one) => one.text(".inside .digits")));
    expect(new Set(numbers).size).toBe(1);
    await alice.sees(".log", "Bob made new keys. The commit of");
  });

  test("what is written offline waits, and comes when one is back", async () => {
    await carol.switchOnline();
    await carol.sees(".note", "You are offline");
    await alice.say("At seven, by the lake");
    await carol.say("Is anybody there?");
    await carol.sees(".message.mine", "waits to be sent");
    expect(await carol.text(".items")).not.toContain("At seven, by the lake");
    await carol.switchOnline();
    await carol.hears("Alice", "At seven, by the lake");
    await alice.hears("Carol", "Is anybody there?");
    await carol.sees(".message.mine", "sent");
  });

  test("a page that is loaded again has all it had, and goes on", async () => {
    await bob.tab.reload();
    await bob.clickText(".entry", "Birds");
    await bob.hears("Alice", "At seven, by the lake");
    await bob.say("I bring the scope");
    await alice.hears("Bob", "I bring the scope");
  });

  test.runIf(WHOLE && delivery === "http")("a service that ends and begins again loses nothing", async () => {
    const first = server;
    await server.service.close();
    await alice.sees(".note", "The service doesn't answer");
    await alice.say("Does anybody read this?");
    await alice.sees(".message.mine", "waits to be sent");
    const { port } = new URL(server.service.url);
    const again = await serveDelivery({ data: join(data, "http"), port: Number(port) });
    try {
      await bob.hears("Alice", "Does anybody read this?");
      await bob.say("Now I do");
      await alice.hears("Bob", "Now I do");
      await alice.sees("#connection", "Connected");
    } finally {
      // Browsers themselves complain about a server that doesn't answer.
      const byBrowser =
        /Failed to load resource|WebSocket connection|can’t establish a connection|ERR_CONNECTION/;
      for (const { tab } of everybody) {
        expect(tab.complaints.filter((text) => !byBrowser.test(text))).toEqual([]);
        tab.complaints.length = 0;
      }
      server = { ...server, close: () => again.close().then(first.close) };
    }
  });

  test.runIf(WHOLE)("somebody joins later, and reads only what comes then", async () => {
    const dave = await enter("Dave");
    await bob.openMembers();
    await bob.tab.click("dialog .people-input input");
    await bob.tab.type("Dave");
    await bob.clickText("dialog .button", "Invite");
    await alice.sees(".notice", "Bob added Dave");
    await dave.join("Birds");
    await alice.say("Hello Dave");
    await dave.hears("Alice", "Hello Dave");
    expect(await dave.text(".items")).not.toContain("herons");
  });

  test.runIf(WHOLE)("who leaves is gone for all, and who is removed is told so", async () => {
    await carol.openMembers();
    await carol.clickText("dialog .button", "Leave this group");
    await carol.clickText("dialog:last-of-type .button.danger", "Leave");
    await alice.sees(".notice", "Carol left");
    await carol.sees(".note", "You left this group");
    await carol.openMembers();
    await carol.clickText("dialog .button", "Delete it from this device");
    await carol.clickText("dialog:last-of-type .button.danger", "Delete");
    await carol.sees(".sidebar .empty", "No conversations yet");
    await alice.openMembers();
    await alice.clickText("dialog .button", "Remove Dave");
    await alice.clickText("dialog:last-of-type .button.danger", "Remove Dave");
    await bob.sees(".notice", "Alice removed Dave");
    await everybody.at(-1)?.sees(".note", "You were removed from this group");
    await alice.closeDialogs();
  });

  test.runIf(WHOLE && delivery === "http")("nobody takes another's name", async () => {
    const mallory = new Person("Alice", await browser.open());
    await mallory.tab.goto(server.url);
    await mallory.tab.click("#name");
    await mallory.tab.type("Alice");
    await mallory.tab.click("#create");
    await mallory.sees(".toast", "The name is somebody's already");
  });

  test.runIf(WHOLE && delivery === "http")(
    "a further device is let in by the first one, and then invited",
    async () => {
      const phone = new Person("Bob", await browser.open(bob.tab));
      everybody.push(phone);
      await phone.tab.goto(server.url);
      await phone.tab.click("#name");
      await phone.tab.type("Bob");
      await phone.tab.evaluate(`document.querySelector("#device").select()`);
      await phone.tab.type("Phone");
      await phone.tab.click("#create");
      await phone.sees(".toast", "Bob is here with another device");
      await bob.clickText(".entry.invited", "Phone");
      await bob.clickText("dialog .button", "Let it in");
      await phone.isIn();
      await alice.startGroup("Two devices", ["Bob"]);
      await phone.join("Two devices");
      await alice.say("Hello, both of you");
      await phone.hears("Alice", "Hello, both of you");
      await bob.look("Two devices");
      await bob.closeDialogs();
    },
  );

  test.runIf(WHOLE)("an invitation can be declined", async () => {
    await alice.startGroup("Book club", ["Carol"]);
    await carol.look("Book club");
    await carol.clickText("dialog .button", "Decline");
    await until(carol.tab, `document.querySelector(".entry.invited") === null`);
  });
});
