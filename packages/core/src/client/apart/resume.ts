// RFC 9420 §11.2, §11.3: creating a group that resumes another one.
import type { Bytes } from "../../bytes.js";
import { onFailure } from "../../crypto/index.js";
import { UnsupportedError } from "../../errors.js";
import { type PreparedCommit, prepareResumption } from "../../group/commit/index.js";
import { type ClientConfig, firstState, type GroupState, stepTo, wipeState } from "../../group/index.js";
import { needReinit } from "../../group/join/index.js";
import type { ResumptionOptions, ResumptionUsage } from "../../group/proposals/index.js";
import { answer, OPERATION, type OperationOptions, perform } from "../../operation/index.js";
import { checkOptions, type OptionShape } from "../../option-shapes.js";
import type { CipherSuite, Signer } from "../../provider/index.js";
import { ProtocolVersion, type ReInit, ResumptionPSKUsage } from "../../wire/index.js";
import type { Client } from "../client.js";
import type { Group } from "../group.js";
import { EXTENSIONS, TO_ADD_LIST } from "../group-options.js";
import type { GroupOptions } from "../options.js";
import { needClient, needGroup } from "./arguments.js";

/** A group that resumes another one, and the Welcome for its other members. */
export interface NewGroup {
  readonly group: Group;
  /** An encoded MLSMessage; `undefined` without other members. */
  readonly welcome: Bytes | undefined;
  /** The encoded tree for them, if the Welcome doesn't carry it. */
  readonly ratchetTree: Bytes | undefined;
}

/** The options of {@link branch}. */
export interface BranchOptions extends ResumptionOptions, Omit<GroupOptions, "alongside"> {}

/** The options of {@link reinitialize}. The ReInit says the rest. */
export type ReinitializeOptions = ResumptionOptions &
  Omit<GroupOptions, "groupId" | "extensions" | "alongside">;

const REINITIALIZE: OptionShape<ReinitializeOptions> = {
  ...OPERATION,
  signer: "object",
  add: TO_ADD_LIST,
  forcePath: "boolean",
  ratchetTreeInWelcome: "boolean",
};
const BRANCH: OptionShape<BranchOptions> = { ...REINITIALIZE, groupId: "bytes", extensions: EXTENSIONS };

/**
 * Creates a subgroup (§11.3) of some members of a group, linked to it by a resumption PSK. They join by the Welcome,
 * and their clients check the link.
 * @param client that of a member of the group
 * @param options `extensions`: GroupContext extensions; default: those of the group
 * @throws ValidationError if a new member isn't a member of the group; `storage` if the new group couldn't be written: it is
 *   deleted then, as far as that can be written. If it is in the storage all the same, delete it before you call again, as
 *   nobody has its Welcome; otherwise as {@link Group.commit}
 * @example
 * const { group, welcome } = await branch(alice, team, { add: [keyPackageOfBob] });
 */
export async function branch(client: Client, from: Group, options: BranchOptions): Promise<NewGroup> {
  const chosen = checkOptions(options, BRANCH);
  needClient(client);
  needGroup(from);
  await inTurn(from, () => undefined, chosen);
  const { groupId, extensions = from.extensions, signer, ...resumption } = chosen;
  // Without an ID of the options, one is chosen.
  const created = groupId === undefined ? { extensions, signer } : { groupId, extensions, signer };
  return resume(client, from, ResumptionPSKUsage.branch, created, resumption);
}

/**
 * Creates the group that a committed ReInit describes (§11.2). The client must use the ReInit's cipher suite, which
 * may differ from the old group's.
 * @param options `add`: key packages of all other members of the old group
 * @throws MlsError `usage` if the old group didn't end by ReInit; UnsupportedError for another suite;
 *   ValidationError unless the members are the same; `storage` as {@link branch}; otherwise as {@link Group.commit}
 * @example
 * const { group, welcome } = await reinitialize(alice, oldGroup, { add: [keyPackageOfBob] });
 */
export async function reinitialize(
  client: Client,
  from: Group,
  options: ReinitializeOptions,
): Promise<NewGroup> {
  const { signer, ...resumption } = checkOptions(options, REINITIALIZE);
  needClient(client);
  needGroup(from);
  const reinit = () => needOwnReinit(from.predecessor, client.cipherSuite);
  const { groupId, extensions } = await inTurn(from, reinit, resumption);
  return resume(client, from, ResumptionPSKUsage.reinit, { groupId, extensions, signer }, resumption);
}

/** The ReInit that ended a group, for a client of the suite that it names. @throws MlsError `usage`, UnsupportedError */
function needOwnReinit(from: GroupState, { id }: CipherSuite): ReInit {
  const reinit = needReinit(from);
  const { version, cipherSuite } = reinit;
  if (cipherSuite !== id || version !== ProtocolVersion.mls10) {
    const expected = `a ReInit to suite ${id}, version ${ProtocolVersion.mls10}`;
    throw new UnsupportedError(`expected ${expected}, got suite ${cipherSuite}, version ${version}`);
  }
  return reinit;
}

/** Looks at a group in its turn: what another opener of a storage changed, or a write that failed, is read before. */
function inTurn<T>(from: Group, look: () => T, { signal }: OperationOptions): Promise<T> {
  return from.own.run({ work: look, finish: answer }, { signal }, "nothing");
}

/** A new group with the members of `from` that the options add. @throws as {@link branch} */
async function resume(
  client: Client,
  from: Group,
  usage: ResumptionUsage,
  created: GroupOptions,
  options: Omit<ReinitializeOptions, "signer">,
): Promise<NewGroup> {
  const { signal } = options;
  let commit!: PreparedCommit["commit"];
  let made: Group | undefined;
  const make = async (config: ClientConfig, signer: () => Promise<Signer>) => {
    const before = await client.newGroup(config, signer, created);
    const prepare = async () => {
      const context = { config, epoch: before.current, past: [], signer: await signer(), staged: false };
      const old = await inTurn(from, () => from.predecessor, options);
      return prepareResumption(context, old, usage, (epoch) => from.resumptionPsk(epoch), options);
    };
    const prepared = await onFailure(prepare, () => wipeState(before));
    commit = prepared.commit;
    // This client is the only member, so no other commit can come first, and nobody sends anything in the epoch before.
    const { state, release } = stepTo(before, firstState(commit.epoch, prepared.resumes));
    release?.();
    return state;
  };
  const answered = (group: Group): NewGroup => {
    made = group;
    return {
      group,
      welcome: commit.welcome?.slice(),
      ratchetTree: commit.needsTree ? group.ratchetTree : undefined,
    };
  };
  try {
    return await client.joinBy(() => make, answered, { signer: created.signer, signal });
  } catch (error) {
    // The storage may have it, and nobody gets its Welcome. One that never answers is given up by the signal.
    const gone = made && client.forget(made);
    await perform({ work: () => gone, finish: answer }, { signal }).catch(() => undefined);
    throw error;
  }
}
