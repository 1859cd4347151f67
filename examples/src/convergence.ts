// RFC 9420 §14: members agree on one branch without anybody who orders commits: whoever has the same messages, in any order,
// ends in the same epoch. The application says which of two commits of an epoch counts.
import { type Group, MlsError, type Received, toHex } from "@copse/core";
import { readMessage } from "@copse/core/message";
import {
  type Adoption,
  adopt,
  type KeptCommit,
  keptCommits,
  type PeekedMessage,
  type PlaceOptions,
  peek,
  stageOn,
  stageProposal,
} from "@copse/core/rewind";

/** A message as it came from a relay: with what all members see of it. */
export interface Sent {
  readonly message: Uint8Array;
  readonly createdAt: number;
  readonly id: string;
}

/** Compares two commits of the same epoch: the first one counts. The result must be the same for all members. */
export type InOrder = (a: Sent, b: Sent) => number;

/** The earlier one counts; of two at the same time, the one with the smaller ID. */
export const earliest: InOrder = (a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);

/** What a message that was offered has become. */
export type Outcome =
  | { readonly kind: "message"; readonly received: Received | PeekedMessage }
  /** A commit or a proposal was placed, or waits for what it needs; and the changes of branches that it led to. */
  | { readonly kind: "handshake"; readonly adopted: readonly Adoption[] }
  /** It can't be read now: of an epoch that isn't reached, or of one that is over. */
  | { readonly kind: "unread"; readonly cause: MlsError };

/** Another place won't help. */
const FINAL = new Set([
  "duplicate",
  "forgotten",
  "past-epoch",
  "own-message",
  "limit",
  "try-again",
  "storage",
]);

function headerOf({ message }: Pick<Sent, "message">) {
  const read = readMessage(message);
  if ("contentType" in read) return read;
  throw new Error(`expected a message of a group, got a ${read.kind}`);
}

export class Convergence {
  readonly #group: Group;
  readonly #inOrder: InOrder;
  /** The commits that were offered, by their bytes: own ones only after they were sent. */
  readonly #commits = new Map<string, Sent>();
  /** Commits whose epoch, or whose proposals, aren't there yet. */
  #waiting: Sent[] = [];
  /** Proposals, for branches that come later. */
  readonly #proposals: Sent[] = [];

  /** @param known what another object was offered, of the same group before a restart */
  constructor(group: Group, inOrder: InOrder = earliest, known: readonly Sent[] = []) {
    this.#group = group;
    this.#inOrder = inOrder;
    for (const one of known) this.#note(one);
  }

  /** The commits and proposals that were offered: an application stores them with its state. */
  get known(): readonly Sent[] {
    return [...this.#commits.values(), ...this.#proposals];
  }

  /** Takes a message in whatever order it comes, an own commit too, and changes over to the branch that counts. */
  async offer(sent: Sent): Promise<Outcome> {
    const { epoch } = headerOf(sent);
    if (!this.#note(sent)) return this.#open(sent.message, epoch);
    return { kind: "handshake", adopted: await this.#place() };
  }

  /** @returns whether it is a commit or a proposal */
  #note(sent: Sent): boolean {
    const { contentType } = headerOf(sent);
    if (contentType === "proposal") this.#proposals.push(sent);
    if (contentType !== "commit") return contentType === "proposal";
    this.#commits.set(toHex(sent.message), sent);
    this.#waiting.push(sent);
    return true;
  }

  /** Receives a message of the present branch, or looks at one of another. */
  async #open(message: Uint8Array, epoch: bigint): Promise<Outcome> {
    try {
      return { kind: "message", received: await this.#group.receive(message) };
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      for (const { commit, inForce } of keptCommits(this.#group)) {
        if (inForce || commit.epoch !== epoch) continue;
        const received = await peek(this.#group, commit, message).catch(() => undefined);
        if (received !== undefined) return { kind: "message", received };
      }
      return { kind: "unread", cause: error };
    }
  }

  /** Stages what can be staged, until nothing more can, and adopts the branch that counts. */
  async #place(): Promise<Adoption[]> {
    for (let before = -1; before !== this.#waiting.length; ) {
      before = this.#waiting.length;
      const left: Sent[] = [];
      for (const one of this.#waiting) if (!(await this.#stage(one.message))) left.push(one);
      this.#waiting = left;
    }
    const tip = this.#tip();
    if (tip === undefined || tip.inForce) {
      // Those of the present epoch are for the next commit, too.
      await this.#stageProposals(this.#group.epoch);
      return [];
    }
    const adoption = await adopt(this.#group, tip.commit, { undoRemovals: true });
    // Now there may be room for what waited, and keys for what is to come.
    return [adoption, ...(await this.#place())];
  }

  /** @returns whether there is nothing more to do with a commit */
  async #stage(commit: Uint8Array): Promise<boolean> {
    const { epoch } = headerOf({ message: commit });
    const branches = keptCommits(this.#group).filter((one) => !one.inForce && one.commit.epoch === epoch);
    for (const on of [epoch, ...branches.map((one) => one.commit)]) {
      try {
        await this.#stageProposals(on);
        await stageOn(this.#group, commit, { on });
        return true;
      } catch (error) {
        if (!(error instanceof MlsError)) throw error;
        if (FINAL.has(error.code)) return error.code !== "limit" && error.code !== "forgotten";
      }
    }
    return false;
  }

  async #stageProposals(on: PlaceOptions["on"]): Promise<void> {
    const epoch = typeof on === "bigint" ? on : on.epoch;
    // It may be known already, or of another branch.
    for (const one of this.#proposals)
      if (headerOf(one).epoch === epoch)
        await stageProposal(this.#group, one.message, { on }).catch(() => undefined);
  }

  /** From the oldest epoch, always the commit that counts, as long as there is one. What was merged without being offered stays. */
  #tip(): KeptCommit | undefined {
    const kept = keptCommits(this.#group);
    const sentAs = ({ commit }: KeptCommit) => this.#commits.get(toHex(commit.commit));
    const settled = kept.filter((one) => one.inForce && sentAs(one) === undefined);
    let from = settled.reduce(
      (last, { commit }) => (last && last.epoch > commit.epoch ? last : commit),
      settled[0]?.commit,
    );
    let tip: KeptCommit | undefined;
    for (;;) {
      const next = kept.flatMap((one) => {
        const sent = one.after === from ? sentAs(one) : undefined;
        return sent === undefined ? [] : { one, sent };
      });
      const [first] = next.sort((a, b) => this.#inOrder(a.sent, b.sent));
      if (first === undefined) return tip;
      tip = first.one;
      from = tip.commit;
    }
  }
}
