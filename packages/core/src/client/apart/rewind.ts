// RFC 9420 §12.4, §14: commits on earlier epochs and on other staged commits, and the change to one of them.
import { needBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { stepTo } from "../../group/index.js";
import type { ProposalMessage, Reception, Staging } from "../../group/messages/index.js";
import {
  type Adoption,
  adoptCommit,
  needRewind,
  type PeekedMessage,
  type Place,
  peekIn,
  proposalIn,
  pruned,
  stageIn,
  treeOf,
} from "../../group/rewind/index.js";
import {
  answer,
  OPERATION,
  type OperationOptions,
  type Steps,
  WRITE,
  type WriteOptions,
} from "../../operation/index.js";
import { checkOptions, type OptionShape } from "../../option-shapes.js";
import type { Group } from "../group.js";
import type { StagedCommit } from "../staged-commit.js";
import { needGroup } from "./arguments.js";

/** The options of {@link stageOn} and {@link stageProposal}. */
export interface PlaceOptions extends OperationOptions {
  /** A kept epoch of the present branch, by its number, or a staged commit: the epoch that it starts. */
  readonly on: bigint | StagedCommit;
}

/** The options of {@link adopt}. */
export interface AdoptOptions extends WriteOptions<Adoption> {
  /** Whether members may come back whom the branch that is left has removed. Default: false. */
  readonly undoRemovals?: boolean | undefined;
}

/** The options of {@link settle}. */
export interface SettleOptions extends WriteOptions<void> {
  /** The first epoch that won't be left any more. Default: the present one. */
  readonly epoch?: bigint | undefined;
}

/** A commit of a kept epoch, in force or not. */
export interface KeptCommit {
  readonly commit: StagedCommit;
  /** The commit that started the epoch that this one ends; `undefined` if that is the oldest epoch that is kept. */
  readonly after: StagedCommit | undefined;
  /** Whether it led to the present epoch. */
  readonly inForce: boolean;
}

const PLACE: OptionShape<PlaceOptions & WriteOptions<never>> = { ...WRITE, on: ["bigint", "object", "!"] };
const ADOPT: OptionShape<AdoptOptions> = { ...WRITE, undoRemovals: "boolean" };
const SETTLE: OptionShape<SettleOptions> = { ...WRITE, epoch: "bigint" };

/** @throws MlsError `usage` for anything else than a staged commit */
function bytesOf(staged: StagedCommit, name = ""): Uint8Array {
  // By its bytes: there may be two copies of this package.
  const { commit, merge } = Object(staged) as Partial<StagedCommit>;
  if (typeof merge === "function") return needBytes(commit, "the commit");
  throw new MlsError(
    "usage",
    `${name}expected a StagedCommit, got ${staged?.constructor?.name ?? String(staged)}`,
  );
}

const placeOf = ({ on }: PlaceOptions): Place => (typeof on === "bigint" ? on : bytesOf(on, "on: "));

/**
 * Stages a commit as {@link Group.stage} does, with all its checks and hooks, but on an earlier epoch that `policy.rewind`
 * keeps, or on another commit that is staged: so a whole branch can be looked at. Nothing is in force before
 * {@link adopt}, and nothing is consumed. At most 16 are kept on an epoch and 64 in all, kept epochs included: beyond that, the oldest
 * one ends that can be staged again from its message, or an own one that was discarded; or else the branch that was entered and left
 * first, for good: its commit is refused as `duplicate` then.
 * @param message an encoded MLSMessage
 * @throws MlsError `usage` without `policy.rewind`; `forgotten` for an epoch that isn't kept, `future-epoch`; `missing` if `on` isn't staged any
 *   more, `removed` if it removes this client; `duplicate` for a commit that is in force; `limit`; otherwise as
 *   {@link Group.stage}
 * @example
 * const other = await stageOn(group, message, { on: 7n });
 * const next = await stageOn(group, later, { on: other });
 */
export async function stageOn(
  group: Group,
  message: Uint8Array,
  options: PlaceOptions & WriteOptions<StagedCommit>,
): Promise<StagedCommit> {
  const place = placeOf(checkOptions(options, PLACE));
  needGroup(group);
  const bytes = needBytes(message, "a message").slice();
  const { own } = group;
  const steps: Steps<Staging, StagedCommit> = {
    work: () => stageIn(own.config, own.state, bytes, place),
    finish: (staging) => {
      own.step(staging);
      return group.stagedCommit(staging.commit);
    },
    drop: ({ drop }) => drop?.(),
  };
  return own.run(steps, options);
}

/**
 * Takes a proposal of an earlier epoch or of a staged commit, so that commits which refer to it can be staged there. Nothing
 * is consumed, except in the present epoch: there it is received.
 * @param message an encoded MLSMessage
 * @throws as {@link stageOn}
 * @example
 * await stageProposal(group, proposal, { on: 7n });
 * const other = await stageOn(group, commit, { on: 7n });
 */
export async function stageProposal(
  group: Group,
  message: Uint8Array,
  options: PlaceOptions & WriteOptions<ProposalMessage | Extract<PeekedMessage, { kind: "own" }>>,
): Promise<ProposalMessage | Extract<PeekedMessage, { kind: "own" }>> {
  const place = placeOf(checkOptions(options, PLACE));
  needGroup(group);
  const bytes = needBytes(message, "a message").slice();
  const { own } = group;
  const work = () => proposalIn(own.config, own.state, bytes, place);
  const finish = ({ received, consume, ...step }: Reception) => {
    consume?.();
    own.step(step);
    return received as ProposalMessage;
  };
  return own.run({ work, finish, drop: ({ drop }) => drop?.() }, options);
}

/**
 * Opens a message of the epoch that a staged commit starts, or of an earlier one of its branch, as {@link Group.receive} would there. Nothing is consumed: it can
 * be opened again, and be received after {@link adopt}. One that was received before the branch was left stays refused.
 * @param message an encoded MLSMessage with application data or a proposal
 * @throws MlsError `usage` for a commit; `missing`, `removed` as {@link stageOn}; otherwise as {@link Group.receive}
 * @example
 * const { data } = await peek(group, staged, message);
 */
export async function peek(
  group: Group,
  staged: StagedCommit,
  message: Uint8Array,
  options: OperationOptions = {},
): Promise<PeekedMessage> {
  checkOptions(options, OPERATION);
  needGroup(group);
  const commit = bytesOf(staged);
  const bytes = needBytes(message, "a message").slice();
  const { own } = group;
  return own.run({ work: () => peekIn(own.config, own.state, bytes, commit), finish: answer }, options);
}

/**
 * Changes over to the epoch that a staged commit starts, in one step: the commits between the two that have force now are left, and
 * stay staged. No key that was used is used again: what was received before can't be received twice, and own messages go on
 * where they were, also after coming back. A client that was removed can come back by it.
 * @param staged of {@link stageOn}, {@link keptCommits} or {@link Group.staged}: the last of its branch
 * @returns what came into force, and what the branch that is left has delivered
 * @throws {@link RemovalsUndone} if members would come back whom the branch that is left has removed; MlsError `duplicate` if the commit is in force; `usage`
 *   if another one followed it; `missing`, `missing-signer`; `group-exists` if this client was removed and has joined the group again
 * @example
 * const { left } = await adopt(group, staged);
 * for (const { delivered } of left) markAsLost(delivered);
 */
export async function adopt(
  group: Group,
  staged: StagedCommit,
  options: AdoptOptions = {},
): Promise<Adoption> {
  const { undoRemovals = false } = checkOptions(options, ADOPT);
  needGroup(group);
  const commit = bytesOf(staged);
  const { own } = group;
  const steps: Steps<Reception<Adoption>, Adoption> = {
    work: () => adoptCommit(own.config, own.state, commit, undoRemovals),
    finish: (reception) => own.enter(reception),
    drop: ({ drop }) => drop?.(),
  };
  return own.run(steps, options);
}

/**
 * Says that an epoch won't be left any more: overwrites what is kept of those before it, and all branches that leave there.
 * @throws MlsError `usage` without `policy.rewind`, `closed`
 * @example
 * await settle(group, { epoch: 7n });
 */
export async function settle(group: Group, options: SettleOptions = {}): Promise<void> {
  const { epoch } = checkOptions(options, SETTLE);
  needGroup(group);
  const { own } = group;
  const work = async () => {
    needRewind(own.config, own.state);
    // One that removed this client has no number here.
    const present = own.state.current.groupContext.epoch + (own.state.status === "removed" ? 1n : 0n);
    return pruned(own.state, own.config.policy, epoch ?? present);
  };
  return own.run({ work, finish: (state) => own.step(stepTo(own.state, state)) }, options);
}

/**
 * The commits that are kept, with those that are staged in the present epoch: all between which the application can choose.
 * They form a tree, by {@link KeptCommit.after}. One that was discarded is among them.
 * @throws MlsError `usage` for another value than a group
 * @example
 * const [winner] = keptCommits(group).sort(byTime);
 */
export function keptCommits(group: Group): KeptCommit[] {
  needGroup(group);
  const { all, line } = treeOf(group.own.state);
  return all.flatMap(({ commit, on }) => {
    const before = on && all.find(({ epoch }) => epoch === on);
    if (commit === undefined || before === undefined) return [];
    const isFirst = before.on === undefined || !all.some(({ epoch }) => epoch === before.on);
    const after = isFirst || before.commit === undefined ? undefined : group.stagedCommit(before.commit);
    return { commit: group.stagedCommit(commit), after, inForce: line.some((one) => one.commit === commit) };
  });
}
