// RFC 9420 §13: all extensions of a client, as the rest of the core uses them.
import { EMPTY } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { guardFunctions, noVerdict } from "../../crypto/index.js";
import { ensure, MlsError, UnsupportedError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import { checkOptions } from "../../option-shapes.js";
import type { Awaitable } from "../../provider/index.js";
import { EPOCH_SECRET_LABELS } from "../../schedule/index.js";
import {
  CredentialType,
  type CustomProposal,
  type CustomPsk,
  checkUniqueTypes,
  type Extension,
  ExtensionType,
  type GroupContext,
  isCustomProposal,
  type KeyPackage,
  type LeafNode,
  ProposalType,
  ProposalTypes,
  PSKType,
} from "../../wire/index.js";
import type {
  CredentialDefinition,
  EpochSecretDefinition,
  ExtensionDefinition,
  ExtensionPlace,
  GroupView,
  ListedCapabilities,
  MlsExtension,
  ProposalCase,
  ProposalDefinition,
  ProposalList,
  PskDefinition,
  RandomSource,
} from "./extension-definition.js";
import { requiredTypes } from "./requirements.js";
import { STANDARD_EXTENSIONS } from "./standard.js";

/**
 * Definitions by their types.
 * @param field has the type
 * @param standard the types of RFC 9420
 * @throws MlsError `usage` for a type that is registered twice or out of range
 */
function byType<F extends string, D extends { readonly [K in F]: number }>(
  kind: string,
  definitions: readonly D[],
  field: F,
  standard: Readonly<Record<string, number>>,
  max = 0xffff,
): ReadonlyMap<number, D> {
  const map = new Map<number, D>();
  const taken = new Set(Object.values(standard));
  for (const definition of definitions) {
    const type = definition[field];
    if (!Number.isInteger(type) || type < 1 || type > max || taken.has(type) || map.has(type)) {
      throw new MlsError("usage", `expected an unused ${kind} type from 1 to ${max}, got ${type}`);
    }
    map.set(type, definition);
  }
  return map;
}

const LISTS = ["extensions", "proposals", "credentials", "secrets", "psks"] as const;
const OBJECTS = { "[]": "object" };

/**
 * The extension, whose functions throw only MlsErrors. They are pure, except for the one that finds a PSK: what they
 * throw for some input they would throw again, so it refuses the input. A PSK that can't be looked up now is no verdict.
 */
function guardExtension(extension: MlsExtension): MlsExtension {
  const whose = `the extension ${extension.name}`;
  const refusal = (cause: unknown) => new MlsError("validation", `${whose} refused its input`, { cause });
  const guard = <T extends object>(one: T): T => guardFunctions(one, refusal);
  const guardPsk = (one: object) => guardFunctions(one, (cause) => noVerdict(whose, cause));
  const lists = LISTS.flatMap((name) => {
    const list: readonly object[] | undefined = extension[name];
    if (list === undefined) return [];
    return [[name, checkOptions(list, OBJECTS, name).map(name === "psks" ? guardPsk : guard)]];
  });
  return { ...guard(extension), ...Object.fromEntries(lists) };
}

/** The extensions of a client. Immutable. */
export class Registry {
  readonly definitions: readonly MlsExtension[];
  /** The context for decoding proposals. */
  readonly proposalTypes: ProposalTypes;
  readonly secrets: readonly EpochSecretDefinition[];
  readonly secretLabels: string[];
  readonly #extensions: ReadonlyMap<number, ExtensionDefinition>;
  readonly #proposals: ReadonlyMap<number, ProposalDefinition>;
  readonly #credentials: ReadonlyMap<number, CredentialDefinition>;
  readonly #psks: ReadonlyMap<number, PskDefinition>;

  /** @throws MlsError `usage` for a type or label that is registered twice or defined by RFC 9420 */
  constructor(given: readonly MlsExtension[] = []) {
    const definitions = given.map(guardExtension);
    const all = <T>(listOf: (definition: MlsExtension) => readonly T[] | undefined): T[] =>
      definitions.flatMap((definition) => listOf(definition) ?? []);
    const extensions = all((one) => one.extensions);
    const proposals = all((one) => one.proposals);
    const credentials = all((one) => one.credentials);
    const psks = all((one) => one.psks);
    this.definitions = definitions;
    this.#extensions = byType("extension", extensions, "extensionType", ExtensionType);
    this.#proposals = byType("proposal", proposals, "proposalType", ProposalType);
    this.#credentials = byType("credential", credentials, "credentialType", CredentialType);
    this.#psks = byType("PSK", psks, "pskType", PSKType, 0xff);
    this.proposalTypes = new ProposalTypes(this.#proposals, this.#psks);
    this.secrets = all((one) => one.secrets);
    this.secretLabels = this.secrets.map(({ label }) => label);
    const labels = new Set<string>(EPOCH_SECRET_LABELS);
    for (const label of this.secretLabels) {
      if (labels.has(label)) throw new MlsError("usage", `expected an unused secret label, got "${label}"`);
      labels.add(label);
    }
  }

  /** The types that a client with these extensions supports. */
  get supported(): Required<Omit<ListedCapabilities, "cipherSuites">> {
    return {
      extensions: [...this.#extensions.keys()],
      proposals: [...this.#proposals.keys()],
      credentials: [...this.#credentials.keys()],
    };
  }

  /** GREASE values for a new leaf node's capabilities (§13.5). */
  grease(random: RandomSource): readonly ListedCapabilities[] {
    return this.definitions.map((one) => one.greaseCapabilities?.(random) ?? {});
  }

  /**
   * The extensions of a new structure: those of the application, and the defaults of types that it doesn't set.
   * @param group for a GroupInfo
   */
  withDefaults(
    place: "leafNode" | "keyPackage",
    chosen: readonly Extension[],
    random: RandomSource,
  ): readonly Extension[];
  withDefaults(
    place: "groupInfo",
    chosen: readonly Extension[],
    random: RandomSource,
    group: GroupView,
  ): readonly Extension[];
  withDefaults(
    place: "leafNode" | "keyPackage" | "groupInfo",
    chosen: readonly Extension[],
    random: RandomSource,
    group?: GroupView,
  ): readonly Extension[] {
    const all = [...chosen];
    const view = group && viewOf(group);
    for (const definition of this.definitions) {
      for (const extension of definition[`${place}Extensions`]?.(random, view as GroupView) ?? []) {
        if (!all.some(({ extensionType }) => extensionType === extension.extensionType)) all.push(extension);
      }
    }
    this.checkExtensions(all, place);
    return all;
  }

  /**
   * §13.4: checks a list of extensions: that no type is in it twice, and of each known one, that it may be there and
   * its content. Called for every list: of key packages, leaf nodes, GroupInfos, and the extensions of a group, also
   * those that a GroupContextExtensions or ReInit proposes.
   *
   * The rules of a registered type bind whoever makes or sends the list. Members may have registered different types:
   * so in a list that was received for a group, they bind only if the group requires all members to support the type.
   * @param group the GroupContext extensions of the group that the list was received for; `undefined` if this client
   *   makes or sends the list, or is the only one that it is for
   * @throws ValidationError, DecodeError, or what an extension throws
   */
  checkExtensions(
    extensions: readonly Extension[],
    place: ExtensionPlace,
    group?: readonly Extension[],
  ): void {
    if (extensions.length > 1) checkUniqueTypes(extensions);
    for (const { extensionType, extensionData } of extensions) {
      const definition = STANDARD_EXTENSIONS.get(extensionType) ?? this.#boundBy(extensionType, group);
      if (definition === undefined) continue;
      ensure(
        definition.places.includes(place),
        "17.3: an extension must appear only in the messages that its registration lists",
        () => `${definition.name} in a ${place}`,
      );
      definition.check?.(extensionData, place, group);
    }
  }

  /** The definition of a registered type, if its rules bind a list that was received for a group. */
  #boundBy(extensionType: number, group: readonly Extension[] | undefined): ExtensionDefinition | undefined {
    const definition = this.#extensions.get(extensionType);
    if (definition === undefined || group === undefined) return definition;
    return requiredTypes(group).extensions.includes(extensionType) ? definition : undefined;
  }

  /**
   * Checks a leaf node for a group with these GroupContext extensions, by the rules that bind all members: see
   * {@link checkExtensions}. An extension of the protocol is asked if the group requires one of its types.
   * @throws MlsError
   */
  checkLeafNode(leafNode: LeafNode, group: readonly Extension[]): void {
    this.checkExtensions(leafNode.extensions, "leafNode", group);
    const { credential } = leafNode;
    // A group has a credential type only if all its members support it.
    this.#credentials.get(credential.credentialType)?.check?.(credential, leafNode);
    for (const definition of this.definitions) {
      if (isRequired(definition, group)) definition.checkLeafNode?.(leafNode, group);
    }
  }

  isReusable(keyPackage: KeyPackage): boolean {
    return this.definitions.some((definition) => definition.isReusable?.(keyPackage) === true);
  }

  /** The `authenticated_data` to send: the application's, else the default. @throws MlsError */
  authenticatedData(chosen: Uint8Array | undefined, groupContext: GroupContext): Uint8Array {
    let data: Uint8Array | undefined = chosen && new Uint8Array(chosen);
    for (const definition of this.definitions) data ??= definition.defaultAuthenticatedData?.(groupContext);
    data ??= EMPTY;
    this.checkAuthenticatedData(data, groupContext);
    return data;
  }

  /** @throws MlsError */
  checkAuthenticatedData(data: Uint8Array, groupContext: GroupContext): void {
    for (const definition of this.definitions) definition.checkAuthenticatedData?.(data, groupContext);
  }

  /** The definition of a proposal's type. @throws UnsupportedError if it isn't registered */
  need({ proposalType }: CustomProposal): ProposalDefinition {
    const definition = this.#proposals.get(proposalType);
    if (definition === undefined)
      throw new UnsupportedError(`proposal type ${proposalType} isn't registered`);
    return definition;
  }

  #needPsk({ pskType }: CustomPsk): PskDefinition {
    const definition = this.#psks.get(pskType);
    if (definition === undefined) throw new UnsupportedError(`PSK type ${pskType} isn't registered`);
    return definition;
  }

  /** Checks the name of a key of a registered type. @throws UnsupportedError for other types, DecodeError */
  checkPsk(id: CustomPsk): void {
    decode(this.#needPsk(id).codec, id.data);
  }

  /** The key of a registered type with this name. @throws UnsupportedError for other types, DecodeError */
  psk(id: CustomPsk): Awaitable<Uint8Array | undefined> {
    const definition = this.#needPsk(id);
    return definition.find(decode(definition.codec, id.data));
  }

  /** The leaf that a proposal removes; `undefined` unless it is of a registered type that removes. */
  removes(sourced: SourcedProposal): number | undefined {
    const { proposal } = sourced;
    if (!isCustomProposal(proposal)) return undefined;
    const definition = this.need(proposal);
    return definition.removes?.(caseOf(definition, proposal, sourced));
  }

  /** Checks one proposal of a registered type. @throws MlsError */
  checkProposal(proposal: CustomProposal, sourced: SourcedProposal, group: GroupView): void {
    const definition = this.need(proposal);
    definition.check?.(caseOf(definition, proposal, sourced), viewOf(group));
  }

  /** The GroupContext extensions after the proposals of registered types. @throws MlsError */
  changeExtensions(
    extensions: readonly Extension[],
    proposals: readonly SourcedProposal[],
  ): readonly Extension[] {
    let changed = extensions;
    for (const definition of this.#proposals.values()) {
      if (definition.changeExtensions === undefined) continue;
      const cases = proposals.flatMap((sourced) =>
        isCustomProposal(sourced.proposal, definition.proposalType)
          ? [caseOf(definition, sourced.proposal, sourced)]
          : [],
      );
      if (cases.length > 0) changed = definition.changeExtensions(changed, cases);
    }
    return changed;
  }

  /** §12.2: checks the proposals of a commit together. @throws MlsError */
  checkList(list: ProposalList): void {
    const view = { ...list, group: viewOf(list.group) };
    for (const definition of this.definitions) definition.checkList?.(view);
  }
}

/** Whether all members of a group must support one of an extension's types, so that all have its rules. */
function isRequired(definition: MlsExtension, group: readonly Extension[]): boolean {
  const { extensions = [], proposals = [], credentials = [] } = definition;
  const required = requiredTypes(group);
  return (
    extensions.some(({ extensionType }) => required.extensions.includes(extensionType)) ||
    proposals.some(({ proposalType }) => required.proposals.includes(proposalType)) ||
    credentials.some(({ credentialType }) => required.credentials.includes(credentialType))
  );
}

/** The public part alone: what is passed as a GroupView may be an epoch with its secrets. */
function viewOf({ groupContext, tree }: GroupView): GroupView {
  return { groupContext, tree };
}

function caseOf(
  { codec }: ProposalDefinition,
  { data }: CustomProposal,
  { sender, reference }: SourcedProposal,
): ProposalCase<unknown> {
  return { value: decode(codec, data), sender, reference };
}
