// RFC 9420 §14: how members agree on a commit, where nobody orders them.
import { type Bytes, MlsError } from "@copse/core";
import { keepEpochs } from "@copse/core/rewind";
import type { Outbox } from "../conversation/outbox.js";
import type { Room } from "../conversation/room.js";
import type { Settling } from "../conversation/settling.js";
import type { Wishes } from "../conversation/wishes.js";
import { MessengerError } from "../messenger/errors.js";
import type { Contender } from "./branches.js";
import { UnorderedFollower } from "./follower.js";

/** The options of {@link settleBranches}. */
export interface SettleBranchesOptions {
  /**
   * Compares two commits of one epoch: below 0 if the first one counts. It must be an order, and the same for all members.
   * Default: {@link byHash}.
   */
  readonly compare?: (a: Contender, b: Contender) => number;
  /**
   * For how many milliseconds after a commit others of the same epoch are waited for. Meanwhile nothing is sent. Longer than
   * entries usually take from one member to another: whatever comes later is settled too, at a greater cost. Default: 2000.
   */
  readonly after?: number;
  /**
   * For how many milliseconds a commit may wait for the one that it follows. Then this client looks whether the others are
   * in a branch that it can't take any more, and joins again there. Default: 60,000.
   */
  readonly patience?: number;
  /** How many epochs before the present one can still be left for another commit: 1 to 32. Default: 4. */
  readonly epochs?: number;
  /** For how many seconds after it ended an epoch can still be left. Default: 600. */
  readonly age?: number;
}

const compareBytes = (a: Bytes, b: Bytes): number => {
  const i = a.findIndex((byte, at) => byte !== b[at]);
  return i < 0 ? 0 : (a[i] as number) - (b[i] as number);
};

const removes = ({ commit: { external, removed } }: Contender): number =>
  !external && removed.length > 0 ? 1 : 0;

/**
 * A commit that removes members counts before one that doesn't, and otherwise the one with the smaller transcript hash. No time is
 * compared, which a sender could choose. Whoever commits can make many commits and send the one with the smallest hash.
 */
export const byHash = (a: Contender, b: Contender): number =>
  removes(b) - removes(a) || compareBytes(a.hash, b.hash);

/**
 * For the option `settle` of `openMessenger`, with a service whose `ordering` is `none`: of several commits of one epoch, all members
 * take the one that counts by a comparison, in whatever order they come, and change over to it if they took another one.
 *
 * Past epochs are kept for that: whoever takes the device while they are there can read all messages since the oldest of them.
 * @throws MessengerError `usage`
 * @example
 * const settle = settleBranches({ after: 3000, epochs: 4, age: 10 * 60 });
 * const messenger = await openMessenger({ storage, crypto, credential: "alice", authentication, delivery, settle });
 */
export function settleBranches(options: SettleBranchesOptions = {}): Settling {
  const { compare = byHash, after = 2000, patience = 60_000, epochs = 4, age = 600 } = options;
  if (typeof compare !== "function")
    throw new MessengerError("usage", `expected options.compare: a function, got ${typeof compare}`);
  for (const [name, time] of Object.entries({ after, patience }))
    if (!(Number.isFinite(time) && time >= 0))
      throw new MessengerError("usage", `expected options.${name} of 0 or more milliseconds, got ${time}`);
  return {
    rewind: kept(epochs, age),
    follow: (room: Room, outbox: Outbox, wishes: Wishes) =>
      new UnorderedFollower(room, outbox, wishes, { compare, after, patience }),
  };
}

function kept(epochs: number, age: number): Settling["rewind"] {
  try {
    return keepEpochs({ epochs, age });
  } catch (error) {
    throw error instanceof MlsError ? new MessengerError("usage", error.message, error) : error;
  }
}
