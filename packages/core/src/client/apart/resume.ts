// RFC 9420 §11.2, §11.3: creating a group that resumes another one.
import type { Bytes } from "../../bytes.js";
import { UnsupportedError } from "../../errors.js";
import { prepareResumption } from "../../group/commit/index.js";
import type { GroupState } from "../../group/index.js";
import { needReinit } from "../../group/join/index.js";
import type { ResumptionOptions, ResumptionUsage } from "../../group/proposals/index.js";
import { answer, OPERATION, type OperationOptions, perform } from "../../operation/index.js";
import { checkOptions, type OptionShape } from "../../option-shapes.js";
import type { CipherSuite } from "../../provider/index.js";
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
 * @throws ValidationError if a new member isn't a member of the group; otherwise as {@link Group.commit}
 * @example
 * const { group, welcome } = await branch(alice, team, { add: [keyPackageOfBob] });
 */
export async function branch(client: Client, from: Group, options: BranchOptions): Promise<NewGroup> {
  const chosen = checkOptions(options, BRANCH);
  needClient(client);
  needGroup(from);
  await inTurn(from, () => undefined, chosen);
  const { groupId, extensions = from.extensions, signer, ...resumption } = chosen;
  // Without an ID of the options, createGroup() chooses one.
  const created = groupId === undefined ? { extensions, signer } : { groupId, extensions, signer };
  return resume(client, from, ResumptionPSKUsage.branch, created, resumption);
}

/**
 * Creates the group that a committed ReInit describes (§11.2). The client must use the ReInit's cipher suite, which
 * may differ from the old group's.
 * @param options `add`: key packages of all other members of the old group
 * @throws MlsError `usage` if the old group didn't end by ReInit; UnsupportedError for another suite;
 *   ValidationError unless the members are the same; otherwise as {@link Group.commit}
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
  const group = await client.createGroup({ ...created, signal });
  try {
    const findPsk = (epoch: bigint) => from.resumptionPsk(epoch);
    const staged = await group.commitBy(options, async (context) => {
      const old = await inTurn(from, () => from.predecessor, options);
      return prepareResumption(context, old, usage, findPsk, options);
    });
    const { welcome, ratchetTree } = staged;
    // This client is the only member, so no other commit can come first.
    await staged.merge({ signal });
    return { group, welcome, ratchetTree };
  } catch (error) {
    const gone = client.forget(group);
    // A storage that never answers is given up by the signal.
    await perform({ work: () => gone, finish: answer }, { signal }).catch(() => undefined);
    throw error;
  }
}
