// RFC 9420 §13.4: the name of a conversation is an extension of the GroupContext: each commit confirms it, and each Welcome has it.
import type { Extension, Owned } from "@copse/core";
import { textOf, utf8 } from "./wire.js";

/** Of the range for private use, RFC 9420 §17.3. */
export const NAME_EXTENSION = 0xf0c5;

/** The longest name, in bytes of UTF-8. */
export const MAX_NAME = 1000;

export const nameExtension = (name: string): Extension => ({
  extensionType: NAME_EXTENSION,
  extensionData: utf8(name),
});

export function nameIn(extensions: readonly Owned<Extension>[]): string | undefined {
  const found = extensions.find(({ extensionType }) => extensionType === NAME_EXTENSION);
  return found && textOf(found.extensionData.subarray(0, MAX_NAME));
}
