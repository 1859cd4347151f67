// draft-ietf-mls-extensions, Safe Additional Authenticated Data (AAD): components share `authenticated_data`.
import {
  type Bytes,
  copied,
  decode,
  type Extension,
  encode,
  ensure,
  type Owned,
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

/**
 * The `authenticated_data` of a message in a group that uses Safe AAD. The items may be in any order: this sorts them.
 * @throws ValidationError if two items have the same component ID
 * @example
 * ```ts
 * const authenticatedData = safeAad([{ componentId: 0x8001, aadItemData: new Uint8Array([1]) }]);
 * const message = await group.encrypt("Hello", { authenticatedData });
 * ```
 */
export function safeAad(items: readonly SafeAADItem[]): Bytes {
  const aadItems = [...items].sort((a, b) => a.componentId - b.componentId);
  ensure(ascends(aadItems), SORTED);
  return encode(SafeAAD, { aadItems });
}

/**
 * The items in the `authenticated_data` of a message in a group that uses Safe AAD.
 * @throws DecodeError; ValidationError if the items aren't sorted
 * @example
 * ```ts
 * const received = await group.receive(message);
 * if (received.kind === "application") console.log(readSafeAad(received.authenticatedData));
 * ```
 */
export function readSafeAad(authenticatedData: Uint8Array): readonly Owned<SafeAADItem>[] {
  const { aadItems } = decode(SafeAAD, authenticatedData);
  ensure(ascends(aadItems), SORTED);
  return copied(aadItems);
}

/**
 * Whether a group with these GroupContext extensions uses Safe AAD.
 * @example
 * ```ts
 * const authenticatedData = usesSafeAad(group.extensions) ? safeAad(items) : undefined;
 * ```
 */
export function usesSafeAad(extensions: readonly Extension[]): boolean {
  return componentDataIn(extensions, ComponentId.safeAad) !== undefined;
}
