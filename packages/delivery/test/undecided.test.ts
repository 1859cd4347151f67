// RFC 9420 §5.3.1: an authentication service that can't tell for a while: what depends on it waits, and nothing else.
import { type AuthenticationService, insecureAcceptAll, isBasicCredential } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import {
  agree,
  conversationOf,
  heard,
  problems,
  type Someone,
  said,
  together,
  until,
  World,
} from "./support/people.js";

/** One that can't be asked about somebody, so many times. */
function unsure(whom: string, times: number) {
  const state = { left: times };
  const authentication: AuthenticationService = {
    ...insecureAcceptAll(),
    validate: ({ credential }) => {
      const name = isBasicCredential(credential) ? new TextDecoder().decode(credential.identity) : "";
      if (name === whom && state.left > 0) {
        state.left--;
        throw new Error("the directory can't be reached");
      }
      return true;
    },
  };
  return { state, authentication };
}

it("waits with all that follows a commit of which can't be told yet whether it is valid", async () => {
  const people = (await new World().people("alice", "bob", "carol")) as [Someone, Someone, Someone];
  const [alice, bob, carol] = people;
  const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
  await bob.messenger.close();
  await a.invite(["carol"]);
  const c = await conversationOf(carol, a.id);
  for (const text of ["one", "two", "three", "four"]) {
    await (await a.send(text)).sent;
    await a.update();
  }
  await agree([alice, carol], [a, c]);
  const { state, authentication } = unsure("carol", 3);
  const again = await bob.reopen({ authentication });
  const b2 = await conversationOf(again, b.id);
  await agree([alice, carol, again], [a, c, b2]);
  await heard(again, b2, 4);
  expect(state.left).toBe(0);
  expect(await said(b2)).toEqual(["one", "two", "three", "four"].map((text) => `alice: ${text}`));
  // It is told that it can't be read yet, and nobody is blamed.
  expect(problems(again).filter((one) => !one.startsWith("delivery"))).toEqual([]);
  expect(await again.messenger.client.listEntries(`app/delivery-c-${a.id}/e/`)).toEqual([]);
  await (await b2.send("here")).sent;
});

it("opens, and shows what it was invited to when it can be told whether that is valid", async () => {
  const world = new World();
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", { accept: () => undefined });
  await bob.messenger.settled();
  const a = await alice.messenger.start(["bob"], { name: "Birds" });
  await bob.until(({ kind }) => kind === "invitation");
  const { state, authentication } = unsure("alice", 3);
  const again = await bob.reopen({ authentication });
  await again.until(({ kind }) => kind === "invitation");
  expect(state.left).toBe(0);
  expect(again.messenger.invitations.map(({ name }) => name)).toEqual(["Birds"]);
  const b = await again.messenger.invitations[0]?.accept();
  await agree([alice, again], [a, b as Conversation]);
});

it("reads other invitations while it can't be told whether one is valid, and forgets none over a restart", async () => {
  const world = new World();
  const [alice, mallory] = (await world.people("alice", "mallory")) as [Someone, Someone];
  const never = unsure("mallory", Number.POSITIVE_INFINITY);
  const bob = await world.person("bob", { authentication: never.authentication });
  await bob.messenger.settled();
  const m = await mallory.messenger.start(["bob"], { name: "Moles" });
  const a = await alice.messenger.start(["bob"], { name: "Birds" });
  await agree([alice, bob], [a, await conversationOf(bob, a.id)]);
  expect(bob.messenger.conversation(m.id)).toBeUndefined();
  const again = await bob.reopen();
  await again.messenger.settled();
  expect(again.messenger.conversation(m.id)).toBeUndefined();
  never.state.left = 0;
  await until([again], () => again.messenger.conversation(m.id) !== undefined);
  await agree([mallory, again], [m, await conversationOf(again, m.id)]);
});

it("has room for others' invitations when it can't be told whether many are valid", async () => {
  const world = new World({ engine: { invitations: 4 } });
  const [alice, mallory] = (await world.people("alice", "mallory")) as [Someone, Someone];
  const { authentication } = unsure("mallory", Number.POSITIVE_INFINITY);
  const bob = await world.person("bob", { authentication });
  await bob.messenger.settled();
  for (let i = 0; i < 4; i++) await mallory.messenger.start(["bob"]);
  const a = await alice.messenger.start(["bob"]);
  await agree([alice, bob], [a, await conversationOf(bob, a.id)]);
  expect(problems(bob).filter((one) => one.startsWith("dropped"))).toHaveLength(2);
});
