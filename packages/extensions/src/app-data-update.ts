// draft-ietf-mls-extensions, AppDataUpdate: changes to the app_data_dictionary of the GroupContext.
import {
  type CustomProposal,
  customProposal,
  type Extension,
  ExtensionType,
  encode,
  ensure,
  equalBytes,
  findExtension,
  type Owned,
  opaque,
  type ProposalDefinition,
  RequiredCapabilities,
  type SourcedProposal,
  struct,
  type TypeOf,
  uint8,
  uint16,
  variant,
} from "@copse/core/extension";
import { askComponent, type KnownComponents } from "./app-component.js";
import { APP_DATA_DICTIONARY, appDataDictionary, componentsIn } from "./dictionary.js";

/** Proposal type `app_data_update`: draft-ietf-mls-extensions, IANA Considerations */
export const APP_DATA_UPDATE = 0x0008;

/** AppDataUpdateOperation */
const Operation = { update: 1, remove: 2 } as const;

/** AppDataUpdate */
const AppDataUpdate = struct({
  componentId: uint16,
  operation: variant("op", uint8, {
    [Operation.update]: struct({ update: opaque }),
    [Operation.remove]: struct({}),
  }),
});
type AppDataUpdate = TypeOf<typeof AppDataUpdate>;

const LIST_RULE =
  "draft-ietf-mls-extensions AppDataUpdate: a list must have, for each component, either one remove or any updates" as const;
const KNOWN_RULE =
  "draft-ietf-mls-extensions AppDataUpdate: the component must be known to the application" as const;

/**
 * An AppDataUpdate proposal that updates a component's data in the GroupContext. The component's `update` says what an
 * update means.
 * @example
 * ```ts
 * const title = new TextEncoder().encode("Birds");
 * const { commit } = await group.commit({ proposals: [appDataUpdate(0x8001, title)] });
 * ```
 */
export function appDataUpdate(componentId: number, update: Uint8Array): Owned<CustomProposal> {
  return customProposal(
    APP_DATA_UPDATE,
    encode(AppDataUpdate, { componentId, operation: { op: Operation.update, update } }),
  );
}

/**
 * An AppDataUpdate proposal that removes a component's data from the GroupContext.
 * @example
 * ```ts
 * const { commit } = await group.commit({ proposals: [appDataRemove(0x8001)] });
 * ```
 */
export function appDataRemove(componentId: number): Owned<CustomProposal> {
  return customProposal(
    APP_DATA_UPDATE,
    encode(AppDataUpdate, { componentId, operation: { op: Operation.remove } }),
  );
}

/** The definition of the AppDataUpdate proposal, for an application with these components. */
export function appDataUpdateDefinition(known: KnownComponents): ProposalDefinition<AppDataUpdate> {
  return {
    proposalType: APP_DATA_UPDATE,
    name: "app_data_update",
    codec: AppDataUpdate,
    pathRequired: false,
    external: true,
    inExternalCommits: "value",
    check({ value: { componentId, operation } }, { groupContext }) {
      ensure(known.has(componentId), KNOWN_RULE, () => `component ${componentId}`);
      if (operation.op === Operation.remove) checkPresent(groupContext.extensions, componentId);
    },
    changeExtensions: (extensions, cases) =>
      changeData(
        known,
        extensions,
        cases.map(({ value }) => value),
      ),
  };
}

function checkPresent(extensions: readonly Extension[], componentId: number): void {
  ensure(
    componentsIn(extensions).has(componentId),
    "draft-ietf-mls-extensions AppDataUpdate: data to be removed must be there",
    () => `component ${componentId}`,
  );
}

/** Applies the AppDataUpdates of a commit, in the order of the commit. */
function changeData(
  known: KnownComponents,
  extensions: readonly Extension[],
  changes: readonly AppDataUpdate[],
): readonly Extension[] {
  const entries = new Map(componentsIn(extensions));
  const byComponent = new Map<number, AppDataUpdate["operation"][]>();
  for (const { componentId, operation } of changes) {
    const operations = byComponent.get(componentId);
    if (operations === undefined) byComponent.set(componentId, [operation]);
    else operations.push(operation);
  }
  for (const [componentId, operations] of byComponent) {
    const component = known.get(componentId);
    ensure(component !== undefined, KNOWN_RULE, () => `component ${componentId}`);
    const updates = operations.flatMap((one) => (one.op === Operation.update ? [one.update] : []));
    if (updates.length === 0) {
      ensure(operations.length === 1, LIST_RULE, () => `component ${componentId}`);
      checkPresent(extensions, componentId);
      entries.delete(componentId);
      continue;
    }
    ensure(updates.length === operations.length, LIST_RULE, () => `component ${componentId}`);
    entries.set(
      componentId,
      askComponent(componentId, () => {
        if (component.update === undefined)
          throw new Error("its data can't be updated: it defines no `update`");
        const data = component.update(entries.get(componentId), updates);
        component.checkData?.(data, "groupContext");
        return data;
      }),
    );
  }
  const dictionary = appDataDictionary(Array.from(entries, ([componentId, data]) => ({ componentId, data })));
  const at = extensions.findIndex(({ extensionType }) => extensionType === APP_DATA_DICTIONARY);
  return at < 0
    ? [...extensions, dictionary]
    : extensions.map((extension, i) => (i === at ? dictionary : extension));
}

/** If all members must support AppDataUpdate, a GroupContextExtensions proposal must not change the dictionary. */
export function checkReplacement(before: readonly Extension[], proposals: readonly SourcedProposal[]): void {
  const required = findExtension(before, ExtensionType.requiredCapabilities, RequiredCapabilities);
  if (required?.proposalTypes.includes(APP_DATA_UPDATE) !== true) return;
  const old = dictionaryBytes(before);
  for (const { proposal } of proposals) {
    // Only a GroupContextExtensions proposal has this field.
    if (!("extensions" in proposal)) continue;
    const proposed = dictionaryBytes(proposal.extensions);
    ensure(
      old === undefined ? proposed === undefined : proposed !== undefined && equalBytes(old, proposed),
      "draft-ietf-mls-extensions AppDataUpdate: GroupContextExtensions must leave the app_data_dictionary as it is",
    );
  }
}

function dictionaryBytes(extensions: readonly Extension[]): Uint8Array | undefined {
  return extensions.find(({ extensionType }) => extensionType === APP_DATA_DICTIONARY)?.extensionData;
}
