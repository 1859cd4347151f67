// What the chat says of what happened, in plain words.
import { DeliveryError, type MembersEntry, MessengerError, type Person } from "@copse/delivery";
import { describe, expect, test } from "vitest";
import { hueOf, listed, namesOf } from "../../chat/src/page/words.js";
import { explain } from "../../chat/src/worker/explain.js";
import {
  deedOf,
  lastWords,
  wordsForCommit,
  wordsForMembers,
  wordsForMessage,
} from "../../chat/src/worker/words.js";

const person = (user: string, own = false): Person => ({ user, own, signatureKey: new Uint8Array(65) });
const [me, bob, carol] = [person("Alice", true), person("Bob"), person("Carol")] as const;
const entry = (by: Person, parts: Partial<MembersEntry>): MembersEntry => ({
  kind: "members",
  place: 1,
  time: 0,
  epoch: 3n,
  by,
  added: [],
  removed: [],
  left: [],
  rejoined: [],
  ...parts,
});

describe("who comes and goes", () => {
  test.each([
    [entry(me, { epoch: 1n, added: [bob, carol] }), "You started the group with Bob and Carol"],
    [entry(bob, { epoch: 1n, added: [me, bob] }), "Bob invited you, and you joined"],
    [entry(bob, { added: [carol, carol] }), "Bob added Carol"],
    [entry(bob, { removed: [carol], left: [carol] }), "Carol left"],
    [entry(bob, { removed: [me] }), "Bob removed you"],
    [entry(bob, { rejoined: [carol] }), "Carol came back with new keys"],
    [entry(me, { added: [bob], removed: [carol] }), "You added Bob; you removed Carol"],
    [entry(bob, {}), ""],
  ])("%#: %s", (members, words) => expect(wordsForMembers(members)).toBe(words));
});

test("a commit is told with its size, and with the nodes that it renewed", () => {
  const commit = { epoch: "3", by: bob, bytes: 1019, path: { renewed: [4, 5, 3], reached: [6, 1] } };
  expect(wordsForCommit(commit, undefined)).toBe(
    "Bob made new keys. The commit of 1,019 bytes started epoch 3. It has new keys for 3 nodes, and 2 ciphertexts for the others.",
  );
  const added = { ...commit, path: { renewed: [], reached: [] } };
  expect(wordsForCommit(added, entry(bob, { added: [carol] }))).toContain(
    "Bob added Carol. The commit of 1,019 bytes",
  );
  expect(deedOf({ by: me }, undefined)).toBe("You made new keys");
});

test("a message is told by its characters, as people count them, and its bytes", () => {
  expect(wordsForMessage(bob, "Grüße 👋", 171)).toBe("Bob wrote 7 characters: 171 bytes on the wire.");
  expect(wordsForMessage(me, "a", undefined)).toBe("You wrote 1 character.");
  expect(lastWords(undefined)).toBe("");
});

test("names are listed with oneself at the end, each once", () => {
  const devices = [
    { name: "Alice", isMe: true },
    { name: "Bob", isMe: false },
    { name: "Bob", isMe: false },
  ];
  expect(listed(namesOf(devices))).toBe("Bob and you");
  expect(hueOf("Bob")).not.toBe(hueOf("Carol"));
});

test("an error says what went wrong, and what to do", () => {
  expect(explain(new MessengerError("unknown-user", 'the service has no key package of "Nemo"'))).toEqual({
    what: 'The service has no key package of "Nemo".',
    advice: "Check the name. Who is invited must have opened this page once, with exactly this name.",
  });
  expect(explain(new DeliveryError("forbidden", "the name is somebody's already"))).toEqual({
    what: "The name is somebody's already.",
    advice:
      "Choose another one. If it is yours: the device that has it must be open in another tab of this browser, and let this one in.",
  });
  expect(explain(new Error("boom")).advice).toContain("Load the page again");
});
