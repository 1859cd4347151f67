// Two members of one group, of whom one does and the other processes.

import { equal } from "./bytes.js";
import type { Crowd } from "./crowd.js";
import type { Implementation, Member } from "./implementation.js";
import { memoryOf } from "./memory.js";
import type { Stopwatch } from "./stopwatch.js";

export interface Session {
  readonly implementation: Implementation;
  readonly suite: number;
  /** Members, those two included. */
  readonly members: number;
  readonly committer: Member;
  readonly receiver: Member;
  readonly watch: Stopwatch;
}

/** Groups below this are too small for what a member more or less holds to be told from chance. */
const MEMORY_FROM = 1000;

/** Joins, and finds out what the group that comes of it holds. */
export async function timedJoin(
  member: Member,
  welcome: Uint8Array | undefined,
  members: number,
  watch: Stopwatch,
  ratchetTree?: Uint8Array,
): Promise<void> {
  if (welcome === undefined) throw new Error(`${watch.name}: a commit with an Add gave no Welcome`);
  const join = () => watch.time("join", () => member.join(welcome, ratchetTree));
  // Once: the collections that are forced for it leave the engine a heap that must grow again, in the join's time.
  if (members < MEMORY_FROM || watch.warmingUp || watch.has("memory per member")) return join();
  const bytes = await memoryOf(join);
  watch.note("memory per member", bytes / members);
  watch.note("encoded tree per member", member.ratchetTree().length / members);
}

/**
 * A new group, of which one member adds all others in one commit, so that the parents above the leaves are blank:
 * a commit's path is encrypted to every leaf, which is the most that it can cost. The committer has the first
 * leaf, the receiver the last one.
 */
export async function freshSession(
  implementation: Implementation,
  suite: number,
  members: number,
  crowd: Crowd,
  watch: Stopwatch,
): Promise<Session> {
  if (implementation.hosted) return hostedSession(implementation, suite, members, crowd, watch);
  const others = await crowd.keyPackages(suite, members - 2);
  let committer!: Member;
  let receiver!: Member;
  await watch.repeat(
    async () => {
      committer = await implementation.createMember(suite, "committer");
      receiver = await implementation.createMember(suite, "receiver");
      const keyPackage = await receiver.keyPackage();
      await watch.time("create group", () => committer.createGroup());
      const addAll = () => committer.commit({ add: [...others, keyPackage] });
      const { welcome } = await watch.time("add all others", addAll);
      await timedJoin(receiver, welcome, members, watch);
    },
    { large: true },
  );
  return { implementation, suite, members, committer, receiver, watch };
}

/** The same group, made by one who can: both join it, with the tree beside the Welcome. */
async function hostedSession(
  implementation: Implementation,
  suite: number,
  members: number,
  crowd: Crowd,
  watch: Stopwatch,
): Promise<Session> {
  const others = await crowd.keyPackages(suite, members - 3);
  let committer!: Member;
  let receiver!: Member;
  await watch.repeat(
    async () => {
      committer = await implementation.createMember(suite, "committer");
      receiver = await implementation.createMember(suite, "receiver");
      const maker = await crowd.groupMaker(suite);
      await maker.createGroup();
      const add = [await committer.keyPackage(), ...others, await receiver.keyPackage()];
      const { welcome } = await maker.commit({ add, ratchetTreeInWelcome: false });
      const ratchetTree = maker.ratchetTree();
      await committer.join(welcome as Uint8Array, ratchetTree);
      await watch.time("join", () => receiver.join(welcome as Uint8Array, ratchetTree));
    },
    { large: true },
  );
  return { implementation, suite, members, committer, receiver, watch };
}

/**
 * A group in which every member has committed, so that no parent is blank. The rest of it is made directly
 * (lived-in-tree.ts): a host joins it by an external commit and adds these two, who join by a Welcome and commit once
 * each. They are a third of the leaves apart, so that their paths meet at the root or near it, as those of most pairs
 * of members do.
 */
export async function livedInSession(
  implementation: Implementation,
  suite: number,
  members: number,
  crowd: Crowd,
  watch: Stopwatch,
): Promise<Session> {
  const committer = await implementation.createMember(suite, "committer");
  const receiver = await implementation.createMember(suite, "receiver");
  if (members < 4) {
    await committer.createGroup();
    const rest = await crowd.keyPackages(suite, members - 2);
    const { welcome } = await committer.commit({ add: [await receiver.keyPackage(), ...rest] });
    await timedJoin(receiver, welcome, members, watch);
  } else {
    const host = await crowd.host(suite, await crowd.livedIn(suite, members));
    // One after the other and without paths: ts-mls joins no tree in which not all nodes above an unmerged leaf,
    // up to the root, have the same unmerged leaves.
    const first = await host.commit({ add: [await committer.keyPackage()] });
    await timedJoin(committer, first.welcome, members - 1, watch);
    await host.receive((await committer.commit()).commit);
    const second = await host.commit({ add: [await receiver.keyPackage()] });
    await committer.receive(second.commit);
    await timedJoin(receiver, second.welcome, members, watch);
  }
  await committer.receive((await receiver.commit()).commit);
  await receiver.receive((await committer.commit()).commit);
  return { implementation, suite, members, committer, receiver, watch };
}

/** @throws Error if the two aren't in the same epoch: then the times mean nothing */
export function checkAgreement({ implementation, committer, receiver }: Session): void {
  const [a, b] = [committer.epochAuthenticator(), receiver.epochAuthenticator()];
  if (a.length === 0 || !equal(a, b)) {
    throw new Error(`${implementation.name}: the committer and the receiver are not in the same epoch`);
  }
}
