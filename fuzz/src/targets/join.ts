// RFC 9420 §12.4.3.1: a Welcome, re-encrypted and re-signed as the member can who sends it.
import type { Group } from "@copse/core";
import { ExtensionType } from "../../../packages/core/src/wire/extension.js";
import type { GroupInfo, GroupSecrets } from "../../../packages/core/src/wire/welcome.js";
import { forgeWelcome } from "../../../packages/core/test/validation/forged-messages.js";
import { mayRefuse } from "../agreement.js";
import { Room } from "../room.js";
import { noteUntouched } from "../seal.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { judge } from "../verdict.js";
import { follow, joinDiffers } from "./external.js";
import { type GroupInfoPlan, groupInfoMessage, groupInfoOf, treeOf } from "./group-info.js";

interface WelcomePlan {
  readonly info: GroupInfoPlan;
  readonly secrets: GroupSecrets;
  readonly cipherSuite: number;
}

/** What only one who joins finds out: whether the Welcome's secrets are right, and its own leaf and abilities. */
const BY_SECRETS: readonly RegExp[] = [
  /^missing/,
  /^crypto$/,
  /^decode$/,
  /^limit/,
  /^unsupported/,
  /^validation (7\.4|8|8\.4|11\.2|11\.3|12\.4\.3\.1|13\.4|7\.2|12\.1\.4)\b/,
];

export async function joinTarget(suite: number): Promise<Target> {
  const room = await Room.create(suite, { proposals: false });
  const { newMember } = room;
  const { client } = newMember;
  const { group } = room.seat("alice");
  const { welcome } = await group.commit({ add: [await client.createKeyPackage()], forcePath: true });
  const keyPackages = await client.saveKeyPackages();
  const message = welcome as Uint8Array;
  const seen: { info?: GroupInfo; secrets?: GroupSecrets } = {};
  await forgeWelcome(newMember, message, {
    info: (info) => {
      seen.info = info;
      return info;
    },
    secrets: (secrets) => {
      seen.secrets = secrets;
      return secrets;
    },
  });
  const { info, secrets } = seen as Required<typeof seen>;
  const own = { info: { info, resign: 1, rehash: 1, sign: 1 }, secrets, cipherSuite: suite };
  const bare = info.extensions.filter(({ extensionType }) => extensionType !== ExtensionType.ratchetTree);
  const plans = new Map<string, WelcomePlan>([
    ["welcome", own],
    ["welcome without a tree", { ...own, info: { ...own.info, info: { ...info, extensions: bare } } }],
  ]);
  noteUntouched([...plans.values()]);
  const original = treeOf(info);

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    const { info: described, secrets: given, cipherSuite } = plan as WelcomePlan;
    let bytes: Uint8Array;
    let made: GroupInfo;
    try {
      made = await groupInfoOf(room, described, original);
      const forgery = { info: () => made, secrets: () => given, welcome: { cipherSuite } };
      bytes = edits.reduce(editBytes, await forgeWelcome(newMember, message, forgery));
    } catch {
      return undefined;
    }
    const joins = await judge(() => client.join(bytes), mayRefuse);
    if (joins.said === "accepted") {
      await (joins.value as Group).close();
      await client.loadKeyPackages(keyPackages.slice());
    }
    const follows = await follow(room, groupInfoMessage(made));
    const differs = edits.length === 0 ? joinDiffers(joins, follows, BY_SECRETS) : undefined;
    const problem = joins.problem ?? follows.problem ?? differs;
    return { ...joins, feature: `${joins.detail} / ${follows.said}`, problem, size: bytes.length };
  }

  /** A refused Welcome must leave the key package where it was. */
  async function settle(): Promise<string | undefined> {
    const { said, value } = await judge(() => client.join(message), mayRefuse);
    if (said === "accepted") await (value as Group).close();
    await client.loadKeyPackages(keyPackages.slice());
    return said === "accepted" ? undefined : `the right Welcome is refused afterwards: ${said}`;
  }
  return { name: "join", plans, run, settle };
}
