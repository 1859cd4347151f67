// draft-ietf-mls-extensions, Safe Additional Authenticated Data: authenticated_data that components share.
import {
  decode,
  type Extension,
  encode,
  ensure,
  opaque,
  struct,
  type TypeOf,
  uint16,
  vector,
} from "@copse/core/extension";
import { ComponentId } from "./component.js";
import { ascends, componentDataIn } from "./dictionary.js";

/** SafeAADItem */
export const SafeAADItem = struct({ componentId: uint16, aadItemData: opaque });
export type SafeAADItem = TypeOf<typeof SafeAADItem>;

/** SafeAAD */
export const SafeAAD = struct({ aadItems: vector(SafeAADItem) });

const SORTED =
  "draft-ietf-mls-extensions Safe AAD: items must be in increasing order of their component_id" as const;

/** `authenticated_data` for a group with Safe AAD, with items in any order. */
export function safeAad(items: readonly SafeAADItem[]): Uint8Array {
  const aadItems = [...items].sort((a, b) => a.componentId - b.componentId);
  ensure(ascends(aadItems), SORTED);
  return encode(SafeAAD, { aadItems });
}

/** The items of `authenticated_data` in a group with Safe AAD. @throws DecodeError, ValidationError */
export function readSafeAad(authenticatedData: Uint8Array): readonly SafeAADItem[] {
  const { aadItems } = decode(SafeAAD, authenticatedData);
  ensure(ascends(aadItems), SORTED);
  return aadItems;
}

/** Whether a group with these GroupContext extensions uses Safe AAD. */
export function usesSafeAad(extensions: readonly Extension[]): boolean {
  return componentDataIn(extensions, ComponentId.safeAad) !== undefined;
}
