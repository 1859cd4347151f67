// RFC 9420 §9, §12.4: a group's only member, whose commits nobody receives.
import { party } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { HANDSHAKE_GENERATIONS } from "../../src/schedule/ratchet-limits.js";
import { SUITE } from "../proposals.js";

it("a sole member who had 1,000 commits refused can never commit again", async () => {
  const [alice, bob] = [await party("alice", { suite: SUITE }), await party("bob", { suite: SUITE })];
  const group = await alice.client.createGroup();
  for (let i = 0; i <= HANDSHAKE_GENERATIONS; i++) {
    await group.commit();
    await group.clearPendingCommit();
  }
  const restored = await (await alice.again()).restore(await group.save());
  const { welcome } = await restored.add([await bob.client.createKeyPackage()]);
  await restored.mergePendingCommit();
  const joined = await bob.client.join(welcome as Uint8Array);
  expect(await joined.receive(await restored.encrypt("hi"))).toMatchObject({ kind: "application" });
}, 60_000);
