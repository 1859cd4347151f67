// draft-ietf-mls-extensions, Attaching Application Data to MLS Messages: the app_data_dictionary.
import {
  type Codec,
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

/** draft-ietf-mls-extensions, IANA Considerations */
export const APP_DATA_DICTIONARY = 0x0006;

/** ComponentData */
export const ComponentData = struct({ componentId: uint16, data: opaque });
export type ComponentData = TypeOf<typeof ComponentData>;

/** AppDataDictionary */
export const AppDataDictionary = struct({ componentData: vector(ComponentData) });

/** ComponentsList */
export const ComponentsList = struct({ componentIds: vector(uint16) });

/** Whether component IDs go up. */
export function ascends(entries: readonly { readonly componentId: number }[]): boolean {
  return entries.every(
    ({ componentId }, i) => i === 0 || (entries[i - 1]?.componentId as number) < componentId,
  );
}

/** The content of a dictionary. @throws DecodeError, ValidationError */
export function readDictionary(bytes: Uint8Array): readonly ComponentData[] {
  const { componentData } = decode(AppDataDictionary, bytes);
  ensure(
    ascends(componentData),
    "draft-ietf-mls-extensions app_data_dictionary: entries must be sorted by component_id, one for each at most",
  );
  return componentData;
}

/** The `app_data_dictionary` extension with these entries, in any order. */
export function appDataDictionary(entries: readonly ComponentData[]): Extension {
  const componentData = [...entries].sort((a, b) => a.componentId - b.componentId);
  ensure(
    ascends(componentData),
    "draft-ietf-mls-extensions app_data_dictionary: entries must be sorted by component_id, one for each at most",
  );
  return { extensionType: APP_DATA_DICTIONARY, extensionData: encode(AppDataDictionary, { componentData }) };
}

/** The entries of the `app_data_dictionary` among some extensions. @throws DecodeError, ValidationError */
export function dictionaryIn(extensions: readonly Extension[]): readonly ComponentData[] {
  const found = extensions.find(({ extensionType }) => extensionType === APP_DATA_DICTIONARY);
  return found === undefined ? [] : readDictionary(found.extensionData);
}

/** The data of a component in the `app_data_dictionary` among some extensions: of a group, a leaf node, a key package. */
export function componentDataIn(
  extensions: readonly Extension[],
  componentId: number,
): Uint8Array | undefined {
  return dictionaryIn(extensions).find((entry) => entry.componentId === componentId)?.data;
}

/** That, decoded. */
export function componentIn<T>(
  extensions: readonly Extension[],
  componentId: number,
  codec: Codec<T>,
): T | undefined {
  const data = componentDataIn(extensions, componentId);
  return data === undefined ? undefined : decode(codec, data);
}
