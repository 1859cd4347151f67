// What a commit costs a large group: its bytes, what comes with it, and the time until a member has followed it.
import { Client, type Group, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { livedInGroup } from "../lived-in-tree.js";
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

export interface Followed {
  /** Bytes of the commit, of the GroupInfo with the tree, and milliseconds to make and to take the commit. */
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

async function joined(groupInfo: Uint8Array, name: string): Promise<{ group: Group; commit: Uint8Array }> {
  const client = await Client.create({ ...common, credential: name });
  const { group, staged, commit } = await joinByExternalCommit(client, groupInfo);
  await staged.merge();
  return { group, commit };
}

/** Two real members of a group of this size, whose parents are all filled: each commits in turn. */
export async function follow(members: number, rounds: number, progress: Progress): Promise<Followed> {
  const { groupInfo } = await livedInGroup(crypto.suite(SUITE), members + 1, (made) => {
    if (made % 1000 === 0) progress(`a group of ${members}: member ${made}`);
  });
  const { group: a } = await joined(groupInfo, "a");
  const { group: b, commit } = await joined(await a.groupInfo(), "b");
  await a.receive(commit);
  const [makes, takes]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (let round = -1; round < rounds; round++) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const made = await timed(makes, async () => {
        const { commit } = await from.update();
        await from.mergePendingCommit();
        return commit;
      });
      await timed(takes, () => to.receive(made));
      bytes = Math.max(bytes, made.length);
    }
    // The first round warms up.
    if (round < 0) for (const times of [makes, takes]) times.length = 0;
  }
  return {
    commit: bytes,
    groupInfo: (await a.groupInfo()).length,
    make: median(makes),
    take: median(takes),
  };
}
