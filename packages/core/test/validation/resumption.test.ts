// RFC 9420 §11.2, §11.3, §12.4.3.1: groups that falsely claim to resume another one are refused, each by its rule.
import type { Group } from "@copse/core";
import { gather, type Party, party } from "@copse/test-support/clients";
import { failure, named, saying } from "@copse/test-support/errors";
import { insider } from "@copse/test-support/insiders";
import { beforeAll, describe, expect, it } from "vitest";
import { checkResumption, type ResumptionPskId } from "../../src/group/join/resumption.js";
import type { GroupState } from "../../src/group/state.js";
import { loadState } from "../../src/group/storage/saved-group.js";
import { PSKType } from "../../src/wire/psk.js";
import { data, filled, SUITE, unknown } from "../proposals.js";

type Successor = Parameters<typeof checkResumption>[3];

let old: GroupState;
let people: readonly Party[];
let follower: Successor;
let stranger: Successor;

beforeAll(async () => {
  people = await Promise.all(["alice", "bob"].map((name) => party(name, { suite: SUITE })));
  const { groups } = await gather(people);
  old = (await loadState((people[0] as Party).config, await (groups[0] as Group).save())).state;
  const after = await gather(people);
  const epoch = (await insider(people[0] as Party, after.groups[0] as Group)).epoch;
  follower = { groupContext: epoch.groupContext, tree: epoch.tree };
  const meeting = await gather([people[0] as Party, await party("carol", { suite: SUITE })]);
  const other = (await insider(people[0] as Party, meeting.groups[0] as Group)).epoch;
  stranger = { groupContext: other.groupContext, tree: other.tree };
});

const id = (usage: 2 | 3, pskEpoch = old.current.groupContext.epoch): ResumptionPskId => ({
  pskType: PSKType.resumption,
  usage,
  pskGroupId: old.current.groupContext.groupId,
  pskEpoch,
  pskNonce: filled(),
});
const REINIT = 2;
const BRANCH = 3;
/** The old group, after a ReInit that asks for what the follower is. */
const reinitialized = (): GroupState => {
  const { groupId, version, cipherSuite, extensions } = follower.groupContext;
  return { ...old, reinit: { groupId, version, cipherSuite, extensions } };
};
const context = (change: object, of = follower): Successor => ({
  ...of,
  groupContext: { ...of.groupContext, ...change },
});
const check = (psk: ResumptionPskId, before: GroupState, next: Successor) => async () =>
  checkResumption((people[0] as Party).config, psk, before, next);

describe("a new group", () => {
  const wrong: [string, string, () => () => Promise<void>][] = [
    [
      "of a later epoch, by branch",
      "12.4.3.1: with a resumption PSK for reinit or branch, the epoch",
      () => check(id(BRANCH), old, context({ epoch: 2n })),
    ],
    [
      "of a later epoch, by reinit",
      "12.4.3.1: with a resumption PSK for reinit or branch, the epoch",
      () => check(id(REINIT), reinitialized(), context({ epoch: 0n })),
    ],
    [
      "of another suite, by branch",
      "11.3: the version and cipher suite",
      () => check(id(BRANCH), old, context({ cipherSuite: 2 })),
    ],
    [
      "of another version, by branch",
      "11.3: the version and cipher suite",
      () => check(id(BRANCH), old, context({ version: 2 })),
    ],
    [
      "with somebody else in it, by branch",
      "11.3: each member of a subgroup",
      () => check(id(BRANCH), old, stranger),
    ],
    [
      "of a group that no ReInit ended",
      "12.4.3.1: the last commit to the referenced group",
      () => check(id(REINIT), old, follower),
    ],
    [
      "of an epoch before the ReInit",
      "12.4.3.1: the last commit to the referenced group",
      () => check(id(REINIT, 0n), reinitialized(), follower),
    ],
    [
      "with another ID than the ReInit's",
      "11.2: the group ID",
      () => check(id(REINIT), reinitialized(), context({ groupId: data })),
    ],
    [
      "with another version than the ReInit's",
      "11.2: the group ID",
      () => check(id(REINIT), reinitialized(), context({ version: 2 })),
    ],
    [
      "with another suite than the ReInit's",
      "11.2: the group ID",
      () => check(id(REINIT), reinitialized(), context({ cipherSuite: 2 })),
    ],
    [
      "with other extensions than the ReInit's",
      "11.2: the group ID",
      () => check(id(REINIT), reinitialized(), context({ extensions: [unknown] })),
    ],
    [
      "without a member of the old one",
      "12.4.3.1: all members of the old group",
      () => {
        const { tree } = follower;
        return check(id(REINIT), reinitialized(), { ...follower, tree: tree.remove(1) });
      },
    ],
  ];
  it.each(wrong)("%s is refused by %s", async (_, rule, make) => {
    expect(saying(await failure(make()))).toMatch(named(rule));
  });

  it("with fewer leaves than devices is refused also where the application says who is the same", async () => {
    const { config } = people[0] as Party;
    const same = { ...config, authentication: { validate: () => true, sameClient: () => true } };
    const fewer = { ...follower, tree: follower.tree.remove(1) };
    const error = await failure(async () => checkResumption(same, id(REINIT), reinitialized(), fewer));
    expect(saying(error)).toMatch(named("12.4.3.1: all members of the old group"));
    checkResumption(same, id(REINIT), reinitialized(), follower);
  });

  it("of another group than its PSK says is refused by 11.3", async () => {
    const elsewhere = { ...id(BRANCH), pskGroupId: data };
    expect(saying(await failure(check(elsewhere, old, follower)))).toMatch(named("11.3: the resumption PSK"));
  });

  it("is accepted if valid", async () => {
    await check(id(BRANCH), old, follower)();
    await check(id(REINIT), reinitialized(), follower)();
  });
});
