// RFC 9420 §12.1.5: a ReInit ends a group for all. A conversation goes on in no other one, so nobody takes it.
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { epochKey } from "../src/messenger/epoch-key.js";
import { withMallory } from "./support/insider.js";
import { newId, provider, Schemer } from "./support/outlaw.js";
import { agree, type Someone } from "./support/people.js";

it("a member doesn't end a conversation for all by a ReInit, and is blamed for it", async () => {
  const { people, all, service, copy } = await withMallory(["alice", "bob"], {});
  const [alice] = people as [Someone];
  const [a] = all as [Conversation];
  const schemer = await Schemer.at(service, copy);
  await copy.commit({ reinit: { cipherSuite: 2, extensions: [], groupId: provider.random(16) } });
  const { publicKey, suite } = await epochKey(provider, copy.epoch, copy);
  const answer = await schemer.submit({
    id: newId(),
    groupId: copy.groupId,
    epoch: copy.epoch,
    after: schemer.after,
    message: copy.staged[0]?.commit as Uint8Array,
    groupInfo: (await a.group?.groupInfo()) as Uint8Array,
    welcomes: [],
    nextKey: { epoch: copy.epoch + 1n, suite, publicKey },
  });
  expect(answer).toBe("accepted");
  const junk = await alice.until((one) => one.kind === "problem" && one.problem.code === "junk");
  expect(junk).toMatchObject({ problem: { who: { user: "mallory" } } });
  await a.update();
  await agree(people, all);
  expect(all.map(({ state }) => state)).toEqual(["active", "active"]);
});
