// draft-ietf-mls-extensions, Attaching Application Data to MLS Messages: the `app_data_dictionary` extension.
import {
  type Bytes,
  type Codec,
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

/** Extension type `app_data_dictionary`: draft-ietf-mls-extensions, IANA Considerations */
export const APP_DATA_DICTIONARY = 0x0006;

/** ComponentData */
export const ComponentData = struct({ componentId: uint16, data: opaque });
export type ComponentData = TypeOf<typeof ComponentData>;

/** AppDataDictionary */
export const AppDataDictionary = struct({ componentData: vector(ComponentData) });

/** ComponentsList */
export const ComponentsList = struct({ componentIds: vector(uint16) });

const SORTED_RULE =
  "draft-ietf-mls-extensions app_data_dictionary: entries must be sorted by component_id, at most one for each" as const;

/** Whether the component IDs are in increasing order, each once. */
export function ascends(entries: readonly { readonly componentId: number }[]): boolean {
  return entries.every(
    ({ componentId }, i) => i === 0 || (entries[i - 1]?.componentId as number) < componentId,
  );
}

/** The entries of an encoded dictionary. @throws DecodeError; ValidationError if they aren't sorted */
export function readDictionary(bytes: Uint8Array): readonly ComponentData[] {
  const { componentData } = decode(AppDataDictionary, bytes);
  ensure(ascends(componentData), SORTED_RULE);
  return componentData;
}

/**
 * The `app_data_dictionary` extension with these entries. They may be in any order: this sorts them.
 * @throws ValidationError if two entries have the same component ID
 * @example
 * ```ts
 * const data = new TextEncoder().encode("Birds");
 * const group = await client.createGroup({ extensions: [appDataDictionary([{ componentId: 0x8001, data }])] });
 * ```
 */
export function appDataDictionary(entries: readonly ComponentData[]): Owned<Extension> {
  const componentData = [...entries].sort((a, b) => a.componentId - b.componentId);
  ensure(ascends(componentData), SORTED_RULE);
  return { extensionType: APP_DATA_DICTIONARY, extensionData: encode(AppDataDictionary, { componentData }) };
}

const NONE: ReadonlyMap<number, Uint8Array> = /* @__PURE__ */ new Map();
/** Extensions are immutable, and that of a group is asked for with each leaf and each proposal. */
const known = new WeakMap<Extension, ReadonlyMap<number, Uint8Array>>();

/** The data in the `app_data_dictionary` among these extensions, by component. @throws DecodeError, ValidationError */
export function componentsIn(extensions: readonly Extension[]): ReadonlyMap<number, Uint8Array> {
  const found = extensions.find(({ extensionType }) => extensionType === APP_DATA_DICTIONARY);
  if (found === undefined) return NONE;
  let components = known.get(found);
  if (components === undefined) {
    components = new Map(
      readDictionary(found.extensionData).map(({ componentId, data }) => [componentId, data]),
    );
    known.set(found, components);
  }
  return components;
}

/**
 * A component's data in the `app_data_dictionary` among these extensions, which may be those of a group, a leaf node,
 * a key package or a GroupInfo. `undefined` if there are none.
 * @throws DecodeError, ValidationError if the dictionary is malformed
 * @example
 * ```ts
 * const title = componentDataIn(group.extensions, 0x8001);
 * ```
 */
export function componentDataIn(extensions: readonly Extension[], componentId: number): Bytes | undefined {
  return copied(componentsIn(extensions).get(componentId));
}

/**
 * The same as {@link componentDataIn}, decoded.
 * @example
 * ```ts
 * const required = componentIn(group.extensions, ComponentId.appComponents, ComponentsList)?.componentIds;
 * ```
 */
export function componentIn<T>(
  extensions: readonly Extension[],
  componentId: number,
  codec: Codec<T>,
): T | undefined {
  const data = componentDataIn(extensions, componentId);
  return data === undefined ? undefined : decode(codec, data);
}
