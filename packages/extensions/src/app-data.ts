// draft-ietf-mls-extensions, Application Data: the extension that brings the app_data_dictionary, AppDataUpdate,
// AppEphemeral and Safe AAD.
import {
  checkOptions,
  decode,
  type Extension,
  encode,
  isCustomProposal,
  type MlsExtension,
  type OptionShape,
  type RandomSource,
  type SourcedProposal,
  struct,
  uint16,
} from "@copse/core/extension";
import { type AppComponent, askComponent, type KnownComponents, knownComponents } from "./app-component.js";
import { APP_DATA_UPDATE, appDataUpdateDefinition, checkReplacement } from "./app-data-update.js";
import { APP_EPHEMERAL, appEphemeralDefinition } from "./app-ephemeral.js";
import { ComponentId, GREASE_COMPONENTS } from "./component.js";
import {
  APP_DATA_DICTIONARY,
  appDataDictionary,
  type ComponentData,
  ComponentsList,
  readDictionary,
} from "./dictionary.js";
import { pick } from "./grease.js";
import { checkComponents, checkListed, requiredComponents } from "./negotiation.js";
import { readSafeAad, safeAad, usesSafeAad } from "./safe-aad.js";

/** What {@link appData} is given. */
export interface AppDataOptions {
  readonly components: readonly AppComponent[];
  /**
   * Whether GREASE component IDs are put into own leaf nodes, key packages and GroupInfos. Default: false.
   */
  readonly grease?: boolean;
}

const OPTIONS: OptionShape<AppDataOptions> = { components: { "[]": "object" }, grease: "boolean" };

/**
 * The `app_data_dictionary` extension with Safe AAD, and the proposals AppDataUpdate and AppEphemeral.
 *
 * A component gets data in a group when the creator gives them (`createGroup({ extensions: [appDataDictionary(…)] })`)
 * or when an `appDataUpdate` is committed. Two components of the draft configure the group itself: the data of
 * `app_components` list the components that all members must support, and a group uses Safe AAD if `safe_aad` has data.
 * @example
 * ```ts
 * const title: AppComponent = { componentId: 0x8001, update: (_before, updates) => updates.at(-1)! };
 * const client = await Client.create({
 *   crypto: nodeProvider(),
 *   suite: 1,
 *   credential: "alice",
 *   authentication,
 *   extensions: [appData({ components: [title] })],
 * });
 * ```
 */
export function appData(options: AppDataOptions): MlsExtension {
  checkOptions(options, OPTIONS);
  const { components, grease = false } = options;
  const known = knownComponents(components);
  const supported = [...known.keys()];
  const usingSafeAad = components.filter((one) => one.safeAad === true).map(({ componentId }) => componentId);
  const greaseIds = (random: RandomSource) => (grease ? pick(random, GREASE_COMPONENTS, 2) : []);
  const list = (random: RandomSource, componentIds: readonly number[]) =>
    encode(ComponentsList, { componentIds: [...componentIds, ...greaseIds(random)] });
  const dictionaryOf = (entries: readonly ComponentData[], random: RandomSource): Extension[] => {
    if (entries.length === 0) return [];
    const greased = greaseIds(random).map((componentId) => ({ componentId, data: random(4) }));
    return [appDataDictionary([...entries, ...greased])];
  };

  return {
    name: "application data",
    extensions: [
      {
        extensionType: APP_DATA_DICTIONARY,
        name: "app_data_dictionary",
        places: ["keyPackage", "leafNode", "groupContext", "groupInfo"],
        check(bytes, place, group) {
          const required = group && new Set(requiredComponents(group));
          for (const { componentId, data } of readDictionary(bytes)) {
            const component = known.get(componentId);
            // Members may know different components. All know those that the group requires.
            if (required?.has(componentId) === false) continue;
            askComponent(componentId, () => component?.checkData?.(data, place));
          }
        },
      },
    ],
    proposals: [appEphemeralDefinition(known), appDataUpdateDefinition(known)],
    leafNodeExtensions(random) {
      const lists = [
        { componentId: ComponentId.appComponents, data: list(random, supported) },
        { componentId: ComponentId.safeAad, data: list(random, usingSafeAad) },
      ];
      return dictionaryOf([...lists, ...ownData(known, (component) => component.leafNode?.())], random);
    },
    keyPackageExtensions: (random) =>
      dictionaryOf(
        ownData(known, (component) => component.keyPackage?.()),
        random,
      ),
    groupInfoExtensions: (random) =>
      dictionaryOf(
        ownData(known, (component) => component.groupInfo?.()),
        random,
      ),
    checkLeafNode: checkComponents,
    checkList({ proposals, group, tree }) {
      const before = group.groupContext.extensions;
      checkReplacement(before, proposals);
      checkListed(componentsOf(proposals), tree);
    },
    defaultAuthenticatedData: ({ extensions }) => (usesSafeAad(extensions) ? safeAad([]) : undefined),
    checkAuthenticatedData(data, { extensions }) {
      if (usesSafeAad(extensions)) readSafeAad(data);
    },
  };
}

/** The components that the AppDataUpdates and AppEphemerals of a list are for. */
function componentsOf(proposals: readonly SourcedProposal[]): number[] {
  return proposals.flatMap(({ proposal }) =>
    isCustomProposal(proposal, APP_EPHEMERAL) || isCustomProposal(proposal, APP_DATA_UPDATE)
      ? [decode(ComponentPrefix, proposal.data.subarray(0, 2)).componentId]
      : [],
  );
}

/** The first field of both. */
const ComponentPrefix = /* @__PURE__ */ struct({ componentId: uint16 });

/** The data that each component has in one place, such as own leaf nodes. */
function ownData(
  known: KnownComponents,
  dataOf: (component: AppComponent) => Uint8Array | undefined,
): ComponentData[] {
  return [...known.values()].flatMap((component) => {
    const data = dataOf(component);
    return data === undefined ? [] : [{ componentId: component.componentId, data }];
  });
}
