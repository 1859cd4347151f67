// RFC 9420 §12.4.3: the GroupInfo that a member publishes.
import type { Bytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { checkMessageSize } from "../../framing/index.js";
import type { Signer } from "../../provider/index.js";
import { MlsMessage, WireFormat } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import type { GroupInfoOptions } from "../proposals/index.js";
import { createGroupInfo, externalPubExtension, ratchetTreeExtension } from "./group-info.js";

/** A signed GroupInfo (§12.4.3) as an encoded MLSMessage. */
export async function groupInfoMessage(
  { config, epoch, signer }: { readonly config: GroupConfig; readonly epoch: Epoch; readonly signer: Signer },
  { externalPub = true, ratchetTree = true, extensions = [] }: GroupInfoOptions,
): Promise<Bytes> {
  const { provider } = config;
  const all = config.registry.groupInfoExtensions(
    [
      ...(ratchetTree ? [ratchetTreeExtension(epoch)] : []),
      ...(externalPub ? [await externalPubExtension(provider, epoch)] : []),
      ...extensions,
    ],
    (length) => provider.random(length),
    epoch,
  );
  const groupInfo = await createGroupInfo(epoch, signer, all);
  const message = encode(MlsMessage, { version: 1, wireFormat: WireFormat.groupInfo, groupInfo });
  checkMessageSize(config.policy.maxJoinSize, message.length);
  return message;
}
