// RFC 9750 §7: whom a GroupInfo to follow vouches for may sign the next one, until this client is in.
import type { Member } from "@copse/core";
import { expect, it } from "vitest";
import type { JudgedGroupInfo } from "../src/conversation/host.js";
import { Trust } from "../src/conversation/trust.js";
import { crypto, SUITE } from "./support/people.js";

const member = (name: string) => ({ signatureKey: new TextEncoder().encode(name) }) as unknown as Member;
const signedBy = (name: string, epoch: bigint, ...members: readonly string[]) =>
  ({ signer: member(name), epoch, members: members.map(member) }) as unknown as JudgedGroupInfo;

it("whom a member vouches for is believed until this client is in a later epoch", async () => {
  const trust = new Trust(crypto.suite(SUITE).hash, "g");
  const known = [member("alice"), member("bob")];
  const refusal = (by: string, highest: bigint) =>
    trust.refusal(signedBy(by, 20n, "alice", "bob", "erin"), known, highest);
  expect(await refusal("erin", 3n)).toMatchObject({ reason: expect.stringContaining("member before") });
  // However late it says that it is: what an insider makes up lasts no longer.
  expect(await trust.vouch(signedBy("bob", 10n ** 15n, "bob", "erin"), 3n)).toBeDefined();
  expect(await refusal("erin", 3n)).toBeUndefined();
  expect(await refusal("frank", 3n)).toBeDefined();
  expect(await refusal("erin", 4n)).toBeDefined();
  // Nobody is kept of a large group: those who were before aren't either.
  const many = Array.from({ length: 1001 }, (_, i) => `member ${i}`);
  expect(await trust.vouch(signedBy("alice", 21n, ...many), 3n)).toBeDefined();
  expect(await trust.vouch(signedBy("alice", 21n, ...many), 3n)).toBeUndefined();
  expect(await refusal("erin", 3n)).toBeDefined();
});

it("who was removed signs nothing, but where a client was led: there others may be missing", async () => {
  const trust = new Trust(crypto.suite(SUITE).hash, "g");
  const signed = (by: string, ...known: readonly string[]) =>
    trust.refusal(signedBy(by, 9n, by, "mallory"), known.map(member), 3n);
  const noMember = { reason: expect.stringContaining("member before") };
  await trust.learn(["alice", "bob", "mallory", "rex"].map(member));
  trust.part(true, false);
  await trust.learn(["alice", "bob", "mallory"].map(member));
  expect(await signed("rex", "alice", "bob", "mallory")).toMatchObject(noMember);
  trust.part(true, true);
  await trust.learn(["mallory"].map(member));
  expect(await signed("alice", "mallory")).toMatchObject({ isForNow: true });
  expect(await signed("rex", "mallory")).toMatchObject(noMember);
  // Enough others were heard there: whoever is missing was removed.
  trust.part(true, false);
  expect(await signed("alice", "mallory")).toMatchObject(noMember);
});
