// draft-ietf-mls-extensions, app_data_dictionary, AppDataUpdate, AppEphemeral: data that components of an application agree on.
import {
  type CommittedProposal,
  type CustomProposal,
  customProposal,
  decode,
  type Extension,
  type ExtensionPlace,
  ExtensionType,
  encode,
  ensure,
  equalBytes,
  findExtension,
  isCustomProposal,
  type LeafNode,
  type MlsExtension,
  opaque,
  type ProposalCase,
  ProposalType,
  type RandomSource,
  RequiredCapabilities,
  type Sender,
  struct,
  type TypeOf,
  uint8,
  uint16,
  variant,
} from "@copse/core/extension";
import { ComponentId, GREASE_COMPONENTS } from "./component.js";
import {
  APP_DATA_DICTIONARY,
  appDataDictionary,
  type ComponentData,
  ComponentsList,
  componentIn,
  dictionaryIn,
  readDictionary,
} from "./dictionary.js";
import { pick } from "./grease.js";
import { readSafeAad, safeAad, usesSafeAad } from "./safe-aad.js";

/** draft-ietf-mls-extensions, IANA Considerations */
export const APP_DATA_UPDATE = 0x0008;
export const APP_EPHEMERAL = 0x0009;

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

/** AppEphemeral */
const AppEphemeral = struct({ componentId: uint16, data: opaque });
type AppEphemeral = TypeOf<typeof AppEphemeral>;

/** What the application says of one of its components. All of it are pure functions, asked more than once. */
export interface AppComponent {
  readonly componentId: number;
  /**
   * What the component's data in the GroupContext become by updates in this order. Without it they can't be
   * updated. All members must come to the same.
   * @throws anything for updates that aren't valid
   */
  update?(before: Uint8Array | undefined, updates: readonly Uint8Array[]): Uint8Array;
  /** Whether the data of an AppEphemeral proposal are valid; all are without it. @throws anything if not */
  checkEphemeral?(data: Uint8Array): void;
  /** Whether the component's data are valid where they stand; all are without it. @throws anything if not */
  checkData?(data: Uint8Array, place: ExtensionPlace): void;
  /** The component's data in own leaf nodes. */
  leafNode?(): Uint8Array | undefined;
  /** The component's data in own key packages. */
  keyPackage?(): Uint8Array | undefined;
  /** The component's data in own GroupInfos. */
  groupInfo?(): Uint8Array | undefined;
  /** Whether it uses Safe AAD. */
  readonly safeAad?: boolean;
}

export interface AppDataOptions {
  readonly components: readonly AppComponent[];
  /** Whether components that there aren't stand in own leaf nodes, key packages and GroupInfos (GREASE). */
  readonly grease?: boolean;
}

/** A proposal to update a component's data in the GroupContext. */
export function appDataUpdate(componentId: number, update: Uint8Array): CustomProposal {
  return customProposal(
    APP_DATA_UPDATE,
    encode(AppDataUpdate, { componentId, operation: { op: Operation.update, update } }),
  );
}

/** A proposal to remove a component's data from the GroupContext. */
export function appDataRemove(componentId: number): CustomProposal {
  return customProposal(
    APP_DATA_UPDATE,
    encode(AppDataUpdate, { componentId, operation: { op: Operation.remove } }),
  );
}

/** A proposal of data for a component, which all members get by the same commit. */
export function appEphemeral(componentId: number, data: Uint8Array): CustomProposal {
  return customProposal(APP_EPHEMERAL, encode(AppEphemeral, { componentId, data }));
}

/** What a commit brought for components, in its order: to be handed to them when the commit is in force. */
export function ephemeralDataOf(commit: { readonly custom: readonly CommittedProposal[] }): {
  readonly componentId: number;
  readonly data: Uint8Array;
  readonly sender: Sender;
}[] {
  return commit.custom.flatMap(({ proposal, sender }) =>
    isCustomProposal(proposal, APP_EPHEMERAL) ? [{ ...decode(AppEphemeral, proposal.data), sender }] : [],
  );
}

const LIST_RULE =
  "draft-ietf-mls-extensions AppDataUpdate: for a component, a list has either one remove or any updates" as const;
const KNOWN_RULE =
  "draft-ietf-mls-extensions AppDataUpdate: the component must be known to the application" as const;
const VALID_RULE =
  "draft-ietf-mls-extensions app_data_dictionary: data must be valid for their component" as const;

/** Runs what the application says of data; whatever it throws refuses them. */
function ask<T>(rule: typeof VALID_RULE, componentId: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    ensure(
      false,
      rule,
      `component ${componentId}: ${error instanceof Error ? error.message : String(error)}`,
    );
    throw error;
  }
}

/**
 * The `app_data_dictionary` extension with Safe AAD, and the proposals AppDataUpdate and AppEphemeral.
 *
 * A group has data of a component once its creator gives them (`createGroup({ extensions: [appDataDictionary(…)] })`)
 * or an {@link appDataUpdate} is committed. Which components all members must have is itself such data, of the
 * component `app_components`; and Safe AAD is used where there are data of the component `safe_aad`.
 */
export function appData({ components, grease = false }: AppDataOptions): MlsExtension {
  const known = new Map<number, AppComponent>([
    [ComponentId.appComponents, { componentId: ComponentId.appComponents, ...componentsList }],
    [ComponentId.safeAad, { componentId: ComponentId.safeAad, ...componentsList }],
  ]);
  for (const component of components) known.set(component.componentId, component);
  const ids = [...known.keys()];
  const aadIds = components.filter((one) => one.safeAad === true).map(({ componentId }) => componentId);

  const own = (
    dataOf: (component: AppComponent) => Uint8Array | undefined,
    random: RandomSource,
    lists: readonly ComponentData[] = [],
  ): Extension[] => {
    const entries = [...lists];
    for (const component of known.values()) {
      const data = dataOf(component);
      if (data !== undefined) entries.push({ componentId: component.componentId, data });
    }
    if (entries.length === 0) return [];
    const invented = grease ? pick(random, GREASE_COMPONENTS, 2) : [];
    for (const componentId of invented) entries.push({ componentId, data: random(4) });
    return [appDataDictionary(entries)];
  };
  const list = (random: RandomSource, componentIds: readonly number[]) =>
    encode(ComponentsList, {
      componentIds: [...componentIds, ...(grease ? pick(random, GREASE_COMPONENTS, 2) : [])],
    });

  return {
    name: "application data",
    extensions: [
      {
        extensionType: APP_DATA_DICTIONARY,
        name: "app_data_dictionary",
        places: ["keyPackage", "leafNode", "groupContext", "groupInfo"],
        check(bytes, place) {
          for (const { componentId, data } of readDictionary(bytes)) {
            const component = known.get(componentId);
            ask(VALID_RULE, componentId, () => component?.checkData?.(data, place));
          }
        },
      },
    ],
    proposals: [
      {
        proposalType: APP_EPHEMERAL,
        name: "app_ephemeral",
        codec: AppEphemeral,
        pathRequired: false,
        external: true,
        inExternalCommits: "value",
        check(one) {
          const { componentId, data } = (one as ProposalCase<AppEphemeral>).value;
          const component = known.get(componentId);
          ensure(
            component !== undefined,
            "draft-ietf-mls-extensions AppEphemeral: the component must be known to the application",
            () => `component ${componentId}`,
          );
          ask(VALID_RULE, componentId, () => component.checkEphemeral?.(data));
        },
      },
      {
        proposalType: APP_DATA_UPDATE,
        name: "app_data_update",
        codec: AppDataUpdate,
        pathRequired: false,
        external: true,
        inExternalCommits: "value",
        check(one, { groupContext }) {
          const { componentId, operation } = (one as ProposalCase<AppDataUpdate>).value;
          ensure(known.has(componentId), KNOWN_RULE, () => `component ${componentId}`);
          if (operation.op === Operation.remove) checkPresent(groupContext.extensions, componentId);
        },
        changeExtensions: (extensions, cases) =>
          changeData(
            known,
            extensions,
            cases.map(({ value }) => value as AppDataUpdate),
          ),
      },
    ],
    leafNodeExtensions: (random) =>
      own((component) => component.leafNode?.(), random, [
        { componentId: ComponentId.appComponents, data: list(random, ids) },
        { componentId: ComponentId.safeAad, data: list(random, aadIds) },
      ]),
    keyPackageExtensions: (random) => own((component) => component.keyPackage?.(), random),
    groupInfoExtensions: (random) => own((component) => component.groupInfo?.(), random),
    checkLeafNode,
    checkList({ proposals, group, extensions, tree }) {
      const before = group.groupContext.extensions;
      checkReplacement(before, proposals);
      if (sameRequirements(before, extensions)) return;
      for (const { leafNode } of tree.members()) checkLeafNode(leafNode, extensions);
    },
    defaultAuthenticatedData: ({ extensions }) => (usesSafeAad(extensions) ? safeAad([]) : undefined),
    checkAuthenticatedData(data, { extensions }) {
      if (usesSafeAad(extensions)) readSafeAad(data);
    },
  };
}

/** What `app_components` and `safe_aad` are: lists, each update of which takes the place of the one before. */
const componentsList = {
  update: (_: Uint8Array | undefined, updates: readonly Uint8Array[]) => updates.at(-1) as Uint8Array,
  checkData: (data: Uint8Array) => {
    decode(ComponentsList, data);
  },
};

const LISTS = [ComponentId.appComponents, ComponentId.safeAad];

/** Negotiating Extensions and Components: a member supports all components that the group requires. */
function checkLeafNode(leafNode: LeafNode, groupExtensions: readonly Extension[]): void {
  for (const componentId of LISTS) {
    const required = componentIn(groupExtensions, componentId, ComponentsList)?.componentIds ?? [];
    if (required.length === 0) continue;
    const supported = componentIn(leafNode.extensions, componentId, ComponentsList)?.componentIds ?? [];
    for (const id of required) {
      ensure(
        supported.includes(id),
        "draft-ietf-mls-extensions negotiation: all members must support the components that the group requires",
        () => `component ${id}`,
      );
    }
  }
}

function sameRequirements(before: readonly Extension[], after: readonly Extension[]): boolean {
  return LISTS.every((componentId) => {
    const [a, b] = [before, after].map((extensions) => componentIn(extensions, componentId, ComponentsList));
    return `${a?.componentIds}` === `${b?.componentIds}`;
  });
}

/** With AppDataUpdate required of all members, a GroupContextExtensions proposal leaves the dictionary as it is. */
function checkReplacement(
  before: readonly Extension[],
  proposals: readonly { readonly proposal: CustomProposal | { readonly proposalType: number } }[],
): void {
  const required = findExtension(before, ExtensionType.requiredCapabilities, RequiredCapabilities);
  if (required?.proposalTypes.includes(APP_DATA_UPDATE) !== true) return;
  const bytesIn = (extensions: readonly Extension[]) =>
    extensions.find(({ extensionType }) => extensionType === APP_DATA_DICTIONARY)?.extensionData;
  const old = bytesIn(before);
  for (const { proposal } of proposals) {
    if (!("extensions" in proposal) || proposal.proposalType !== ProposalType.groupContextExtensions)
      continue;
    const now = bytesIn(proposal.extensions as readonly Extension[]);
    ensure(
      old === undefined ? now === undefined : now !== undefined && equalBytes(old, now),
      "draft-ietf-mls-extensions AppDataUpdate: GroupContextExtensions must leave the app_data_dictionary as it is",
    );
  }
}

function checkPresent(extensions: readonly Extension[], componentId: number): void {
  ensure(
    dictionaryIn(extensions).some((entry) => entry.componentId === componentId),
    "draft-ietf-mls-extensions AppDataUpdate: data that are removed must be there",
    () => `component ${componentId}`,
  );
}

/** Applies the AppDataUpdates of a commit, in its order. */
function changeData(
  known: ReadonlyMap<number, AppComponent>,
  extensions: readonly Extension[],
  changes: readonly AppDataUpdate[],
): readonly Extension[] {
  const entries = new Map(dictionaryIn(extensions).map(({ componentId, data }) => [componentId, data]));
  const byComponent = new Map<number, AppDataUpdate["operation"][]>();
  for (const { componentId, operation } of changes) {
    byComponent.set(componentId, [...(byComponent.get(componentId) ?? []), operation]);
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
      ask(VALID_RULE, componentId, () => {
        if (component.update === undefined) throw new Error("its data can't be updated");
        return component.update(entries.get(componentId), updates);
      }),
    );
  }
  const dictionary = appDataDictionary(Array.from(entries, ([componentId, data]) => ({ componentId, data })));
  const at = extensions.findIndex(({ extensionType }) => extensionType === APP_DATA_DICTIONARY);
  return at < 0
    ? [...extensions, dictionary]
    : extensions.map((extension, i) => (i === at ? dictionary : extension));
}
