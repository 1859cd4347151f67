// A large group, of which a few members are real: each holds the whole tree, makes commits, and takes those of the others.
import { Client, type Group, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { livedInGroup, vacantLeaves } from "../lived-in-tree.js";
import type { Progress } from "../progress.js";

const SUITE = 1;
const crypto = nodeProvider();
const MAX_MEMBERS = 101_000;
const common = {
  crypto,
  suite: SUITE,
  authentication: insecureAcceptAll(),
  policy: { maxMembers: MAX_MEMBERS, maxJoinSize: MAX_MEMBERS * 1024 },
};

/** How many members are real. */
const SAMPLE = 4;

export interface LargeGroup {
  readonly members: number;
  /** Those that are real. Of the others there is what members see of them: the leaves of the tree. */
  readonly sample: readonly Group[];
}

/** What a member makes: the commit, and the GroupInfo with the tree that goes with it. */
export interface MadeCommit {
  readonly commit: Uint8Array;
  readonly groupInfo: Uint8Array;
}

export interface Followed {
  /** Bytes of the commit, of the GroupInfo with the tree, and milliseconds to make the two, and to take the commit. */
  readonly commit: number;
  readonly groupInfo: number;
  readonly make: number;
  readonly take: number;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  times.push(performance.now() - start);
  return result;
}

/** A group whose parents are all filled, and its real members, who have joined one after the other. */
export async function largeGroup(members: number, progress: Progress): Promise<LargeGroup> {
  const leaves = Math.max(4, members - SAMPLE + vacantLeaves(members).length);
  const made = await livedInGroup(crypto.suite(SUITE), leaves, (count) => {
    if (count % 1000 === 0) progress(`a group of ${members}: member ${count}`);
  });
  const sample: Group[] = [];
  for (let n = 0; n < SAMPLE; n++) {
    progress(`a group of ${members}: real member ${n + 1} of ${SAMPLE} verifies the tree`);
    const client = await Client.create({ ...common, credential: `real-${n}` });
    const groupInfo = n === 0 ? made.groupInfo : await (sample[0] as Group).groupInfo();
    const { group, staged, commit } = await joinByExternalCommit(client, groupInfo);
    await staged.merge();
    for (const other of sample) await other.receive(commit);
    sample.push(group);
  }
  return { members: leaves - made.vacant.length + SAMPLE, sample };
}

/** A commit with a path, which is in force for its maker. */
export async function commitOf(group: Group): Promise<MadeCommit> {
  const { commit } = await group.update();
  await group.mergePendingCommit();
  return { commit, groupInfo: await group.groupInfo() };
}

/** Each real member commits in turn, and the others take it, with nothing else to do. */
export async function follow({ sample }: LargeGroup, rounds: number): Promise<Followed> {
  const [makes, takes]: [number[], number[]] = [[], []];
  let [commit, groupInfo] = [0, 0];
  for (let round = -1; round < rounds; round++) {
    for (const from of sample) {
      const made = await timed(makes, () => commitOf(from));
      for (const to of sample) if (to !== from) await timed(takes, () => to.receive(made.commit));
      commit = Math.max(commit, made.commit.length);
      groupInfo = Math.max(groupInfo, made.groupInfo.length);
    }
    // The first round warms up.
    if (round < 0) for (const times of [makes, takes]) times.length = 0;
  }
  return { commit, groupInfo, make: median(makes), take: median(takes) };
}
