// RFC 9420 §6, §12: the structures in the working group's messages.json, by the names that its fields have.
import type { Codec } from "../../packages/core/src/codec/codec.js";
import { Commit } from "../../packages/core/src/wire/commit.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import {
  Add,
  ExternalInit,
  GroupContextExtensions,
  PreSharedKey,
  ReInit,
  Remove,
  Update,
} from "../../packages/core/src/wire/proposal.js";
import { RatchetTreeNodes } from "../../packages/core/src/wire/ratchet-tree.js";
import { GroupSecrets } from "../../packages/core/src/wire/welcome.js";

export const MESSAGE_STRUCTURES: Readonly<Record<string, Codec<unknown>>> = {
  mls_welcome: MlsMessage,
  mls_group_info: MlsMessage,
  mls_key_package: MlsMessage,
  ratchet_tree: RatchetTreeNodes,
  group_secrets: GroupSecrets,
  add_proposal: Add,
  update_proposal: Update,
  remove_proposal: Remove,
  pre_shared_key_proposal: PreSharedKey,
  re_init_proposal: ReInit,
  external_init_proposal: ExternalInit,
  group_context_extensions_proposal: GroupContextExtensions,
  commit: Commit,
  public_message_application: MlsMessage,
  public_message_proposal: MlsMessage,
  public_message_commit: MlsMessage,
  private_message: MlsMessage,
};
