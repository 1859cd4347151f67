// draft-ietf-mls-extensions, Application Data: the components of an application, and what it decides about their data.
import { decode, type ExtensionPlace, ensure } from "@copse/core/extension";
import { ComponentId } from "./component.js";
import { ComponentsList } from "./dictionary.js";

/**
 * What the application defines for one of its components. Its functions must be pure: they may be called more than
 * once for the same data.
 * @example
 * ```ts
 * const title: AppComponent = {
 *   componentId: 0x8001,
 *   update: (before, updates) => updates.at(-1) ?? before ?? new Uint8Array(),
 *   checkData(data) {
 *     if (data.length > 100) throw new Error(`expected at most 100 bytes, got ${data.length}`);
 *   },
 * };
 * ```
 */
export interface AppComponent {
  readonly componentId: number;
  /**
   * Applies updates, in this order, to the component's data in the GroupContext. All members must get the same result.
   * Default: the data can't be updated.
   * @throws any error if an update isn't valid
   */
  update?(before: Uint8Array | undefined, updates: readonly Uint8Array[]): Uint8Array;
  /** Checks the data of an AppEphemeral proposal. Default: all data are valid. @throws any error if they aren't */
  checkEphemeral?(data: Uint8Array): void;
  /**
   * Checks the component's data in a dictionary: in all own ones, in the result of an update, and in received ones if
   * the group requires all members to support the component (`app_components`). Default: all data are valid.
   * @throws any error if they aren't
   */
  checkData?(data: Uint8Array, place: ExtensionPlace): void;
  /** The component's data in own leaf nodes; `undefined` for none. */
  leafNode?(): Uint8Array | undefined;
  /** The component's data in own key packages; `undefined` for none. */
  keyPackage?(): Uint8Array | undefined;
  /** The component's data in own GroupInfos; `undefined` for none. */
  groupInfo?(): Uint8Array | undefined;
  /** Whether the component uses Safe AAD. Default: false. */
  readonly safeAad?: boolean;
}

/** The components of an application, with those of the draft, by their IDs. */
export type KnownComponents = ReadonlyMap<number, AppComponent>;

/** `app_components` and `safe_aad` each hold a ComponentsList. An update replaces the list. */
const listComponent = (componentId: number): AppComponent => ({
  componentId,
  // changeData never calls this with an empty list of updates.
  update: (_, updates) => updates.at(-1) as Uint8Array,
  checkData(data) {
    decode(ComponentsList, data);
  },
});

/** The components of the draft and of the application. The application's replace those of the draft. */
export function knownComponents(components: readonly AppComponent[]): KnownComponents {
  const lists = [ComponentId.appComponents, ComponentId.safeAad].map(listComponent);
  return new Map([...lists, ...components].map((component) => [component.componentId, component]));
}

/** Calls a function of the application. If it throws, the data are invalid. */
export function askComponent<T>(componentId: number, call: () => T): T {
  try {
    return call();
  } catch (error) {
    ensure(
      false,
      "draft-ietf-mls-extensions app_data_dictionary: data must be valid for their component",
      `component ${componentId}: ${error instanceof Error ? error.message : String(error)}`,
    );
    // Not reached: `ensure` throws. The compiler can't tell.
    throw error;
  }
}
