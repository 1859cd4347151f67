// An insider, who hands commits to the service that break the rules.
import { type Bytes, insecureAcceptAll, ProposalType, type Signer } from "@copse/core";
import {
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type EpochKeySource,
  type LogEntry,
} from "@copse/delivery";
import { by, type Forgery, forgeEpoch, frame, type Insider } from "@copse/test-support/insiders";
import { exportFrom } from "../../../core/src/group/exporter.js";
import { Registry } from "../../../core/src/group/extensions/registry.js";
import { groupInfoMessage } from "../../../core/src/group/join/group-info.js";
import { DEFAULT_POLICY } from "../../../core/src/group/policy.js";
import { loadState } from "../../../core/src/group/storage/saved-group.js";
import type { UpdatePath } from "../../../core/src/wire/update-path.js";
import { epochKey } from "../../src/messenger/epoch-key.js";
import { crypto, SUITE } from "./people.js";

/** A path whose first nodes tell some members nothing. @param which of the nodes */
export const spoilt =
  (...which: readonly number[]) =>
  ({ updatePath }: { readonly updatePath: UpdatePath }): UpdatePath => ({
    ...updatePath,
    nodes: updatePath.nodes.map((node, i) => {
      if (!which.includes(i)) return node;
      const encryptedPathSecret = node.encryptedPathSecret.map(({ kemOutput, ciphertext }) => ({
        kemOutput,
        ciphertext: ciphertext.map((byte) => byte ^ 1),
      }));
      return { ...node, encryptedPathSecret };
    }),
  });

/** All entries of a group's log now. */
export async function logOf(
  service: DeliveryService,
  groupId: Uint8Array,
  key?: EpochKeySource,
): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for await (const { entries, behind } of service.subscribe({ groupId, after: "", key })) {
    all.push(...entries);
    if (behind === 0) break;
  }
  return all;
}

async function insiderOf({ group }: Conversation, signer: Signer): Promise<Insider> {
  if (group === undefined) throw new Error("expected an insider");
  const config: Insider["config"] = {
    provider: crypto.suite(SUITE),
    authentication: insecureAcceptAll(),
    policy: DEFAULT_POLICY,
    psk: () => undefined,
    registry: new Registry([]),
  };
  return { config, signer, epoch: (await loadState(config, await group.save())).state.current };
}

/** Sends a message that says it is of an epoch that is far from being reached. */
export async function sendEarly(
  service: DeliveryService,
  conversation: Conversation,
  signer: Signer,
  count: number,
): Promise<void> {
  const insider = await insiderOf(conversation, signer);
  const { groupId, group } = conversation;
  if (group === undefined) return;
  const epoch = group.epoch + 9n;
  for (let i = 0; i < count; i++) {
    const content = { contentType: 1, applicationData: Uint8Array.of(i) } as const;
    const message = await frame(insider, content, { epoch, wireFormat: 2 });
    const key = () => epochKey(insider.config.provider, group.epoch, group);
    await service.send({ id: "early-".padEnd(20, `${i}`), groupId, epoch, message, key });
  }
}

export interface Junk extends Forgery {
  /**
   * The GroupInfo beside it: of the epoch that it starts for whoever takes it, of the same with a key by which one joins alone, of the
   * present one, of the epoch that another commit would start, which removes the member at leaf 0, or bytes that are none.
   */
  readonly beside: "right" | "alone" | "present" | "other" | "nothing";
  /** How many bytes follow the commit. */
  readonly excess?: number;
}

/** Has the service accept a commit that ends the present epoch. @returns the GroupInfo beside it */
export async function submitJunk(
  service: DeliveryService,
  conversation: Conversation,
  signer: Signer,
  junk: Junk,
): Promise<Uint8Array> {
  const { group, groupId } = conversation;
  if (group === undefined) throw new Error("expected an insider");
  const insider = await insiderOf(conversation, signer);
  const { config } = insider;
  const { provider } = config;
  const { message, next } = await forgeEpoch(insider, junk);
  const infos = {
    right: async () =>
      next === undefined ? provider.random(99) : groupInfoMessage({ config, epoch: next, signer }, {}),
    alone: async () => {
      if (next === undefined) throw new Error("expected an epoch");
      const secrets = { ...next.secrets, externalSecret: provider.random(32).slice() as Bytes };
      return groupInfoMessage({ config, epoch: { ...next, secrets }, signer }, {});
    },
    present: () => group.groupInfo(),
    other: async () => {
      const { leafIndex } = insider.epoch.keys;
      const proposals = by(leafIndex, { proposalType: ProposalType.remove, removed: 0 });
      const { next: epoch } = await forgeEpoch(insider, { proposals });
      if (epoch === undefined) throw new Error("expected an epoch");
      return groupInfoMessage({ config, epoch, signer }, {});
    },
    nothing: async () => provider.random(99),
  };
  const ofNext = {
    exportSecret: (label: string, context: Uint8Array, length: number) =>
      next === undefined
        ? Promise.resolve(provider.random(length).slice() as Bytes)
        : exportFrom(provider, next.secrets.exporterSecret, label, context, length),
  };
  const nextKey = await epochKey(provider, group.epoch + 1n, ofNext);
  const key = () => epochKey(provider, group.epoch, group);
  const groupInfo = await infos[junk.beside]();
  const all = (await logOf(service, groupId, key)).filter(({ kind }) => kind === "handshake");
  const answer = await service.submit({
    id: "junk-".padEnd(20, String(all.length)),
    groupId,
    epoch: group.epoch,
    after: all.at(-1)?.cursor ?? "",
    message: Uint8Array.from([...message, ...new Uint8Array(junk.excess ?? 0)]),
    groupInfo,
    welcomes: [],
    nextKey,
    key,
  });
  if (answer.kind !== "accepted") throw new DeliveryError("invalid", `expected accepted, got ${answer.kind}`);
  return groupInfo;
}
