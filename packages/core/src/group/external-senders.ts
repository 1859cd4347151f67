// RFC 9420 §5.3.1, §12.1.8.1: who is listed in `external_senders` is validated when the list enters a group or changes.
import { equalBytes } from "../bytes.js";
import { type Extension, ExtensionType, ExternalSenders, findExtension } from "../wire/index.js";
import { authenticate, type Entrant } from "./authentication.js";
import type { GroupConfig } from "./config.js";

/**
 * The external senders to validate: all that `extensions` list, unless `before` lists the same.
 * @throws DecodeError
 */
export function enteringSenders(extensions: readonly Extension[], before: readonly Extension[]): Entrant[] {
  const [after, present] = [extensions, before].map(
    (list) =>
      list.find(({ extensionType }) => extensionType === ExtensionType.externalSenders)?.extensionData,
  );
  if (after === undefined || (present !== undefined && equalBytes(after, present))) return [];
  const senders = findExtension(extensions, ExtensionType.externalSenders, ExternalSenders) ?? [];
  return senders.map((identity) => ({ identity, role: "external-sender" }));
}

/**
 * Validates the external senders of a group that is created, joined or followed, or whose extensions change.
 * @throws DecodeError, ValidationError for an invalid key, MlsError `authentication`
 */
export async function authenticateSenders(
  config: GroupConfig,
  groupId: Uint8Array,
  extensions: readonly Extension[],
  before: readonly Extension[] = [],
): Promise<void> {
  for (const entrant of enteringSenders(extensions, before)) await authenticate(config, groupId, entrant);
}
