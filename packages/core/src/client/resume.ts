// RFC 9420 §11.2, §11.3: creating a group that resumes another one.
import { UnsupportedError } from "../errors.js";
import type { GroupState } from "../group/index.js";
import { needReinit } from "../group/join/index.js";
import type { ResumptionOptions, ResumptionUsage } from "../group/proposals/index.js";
import type { OperationOptions } from "../operation/index.js";
import type { CipherSuite } from "../provider/index.js";
import { ProtocolVersion, type ReInit } from "../wire/index.js";
import type { Group } from "./group.js";
import type { GroupOptions, NewGroup } from "./options.js";

/** The ReInit that ended a group, for a client of the suite that it names. @throws MlsError `usage`, UnsupportedError */
export function needOwnReinit(from: GroupState, { id }: CipherSuite): ReInit {
  const reinit = needReinit(from);
  const { version, cipherSuite } = reinit;
  if (cipherSuite !== id || version !== ProtocolVersion.mls10) {
    const expected = `a ReInit to suite ${id}, version ${ProtocolVersion.mls10}`;
    throw new UnsupportedError(`expected ${expected}, got suite ${cipherSuite}, version ${version}`);
  }
  return reinit;
}

/** A new group with the members of `from` that the options add. @throws as `Client.branch` */
export async function resume(
  create: (options: GroupOptions) => Promise<Group>,
  from: Group,
  usage: ResumptionUsage,
  { groupId, extensions }: Required<Pick<GroupOptions, "groupId" | "extensions">>,
  options: ResumptionOptions & OperationOptions,
): Promise<NewGroup> {
  const { signal } = options;
  const group = await create({ groupId, extensions, signal });
  try {
    const staged = await group.commitResumption(from, usage, options);
    const { welcome, ratchetTree } = staged;
    // This client is the only member, so no other commit can come first.
    await staged.merge({ signal });
    return { group, welcome, ratchetTree };
  } catch (error) {
    await group.close();
    throw error;
  }
}
