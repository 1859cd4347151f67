// RFC 9420 §13: the extensions that a client has, as the rest of the core asks for them.
import { EMPTY } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { ensure, MlsError, UnsupportedError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { Awaitable } from "../../provider/index.js";
import { EPOCH_SECRET_LABELS } from "../../schedule/index.js";
import { DEFAULT_EXTENSIONS } from "../../tree/index.js";
import {
  CredentialType,
  type CustomProposal,
  type CustomPsk,
  type Extension,
  type GroupContext,
  isCustomProposal,
  type KeyPackage,
  type LeafNode,
  ProposalType,
  ProposalTypes,
  PSKType,
  type Sender,
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

const STANDARD_PROPOSALS: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(ProposalType));
const STANDARD_PSKS: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(PSKType));
const STANDARD_CREDENTIALS: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(CredentialType));

/** By their types. @throws MlsError `usage` for one that is taken, or out of range */
function byType<D>(
  kind: string,
  definitions: readonly D[],
  typeOf: (definition: D) => number,
  taken: ReadonlySet<number>,
  most = 0xffff,
): ReadonlyMap<number, D> {
  const map = new Map<number, D>();
  for (const definition of definitions) {
    const type = typeOf(definition);
    if (!Number.isInteger(type) || type < 1 || type > most || taken.has(type) || map.has(type)) {
      throw new MlsError("usage", `${kind} type ${type} can't be registered, or is registered already`);
    }
    map.set(type, definition);
  }
  return map;
}

/** All of a client's extensions. Immutable. */
export class Registry {
  readonly definitions: readonly MlsExtension[];
  /** The context for reading proposals. */
  readonly proposalTypes: ProposalTypes;
  readonly secrets: readonly EpochSecretDefinition[];
  readonly #extensions: ReadonlyMap<number, ExtensionDefinition>;
  readonly #proposals: ReadonlyMap<number, ProposalDefinition>;
  readonly #credentials: ReadonlyMap<number, CredentialDefinition>;
  readonly #psks: ReadonlyMap<number, PskDefinition>;

  /** @throws MlsError `usage` for a type or label that is registered twice, or RFC 9420's own */
  constructor(definitions: readonly MlsExtension[] = []) {
    this.definitions = definitions;
    this.#extensions = byType(
      "extension",
      definitions.flatMap((one) => one.extensions ?? []),
      ({ extensionType }) => extensionType,
      DEFAULT_EXTENSIONS,
    );
    this.#proposals = byType(
      "proposal",
      definitions.flatMap((one) => one.proposals ?? []),
      ({ proposalType }) => proposalType,
      STANDARD_PROPOSALS,
    );
    this.#credentials = byType(
      "credential",
      definitions.flatMap((one) => one.credentials ?? []),
      ({ credentialType }) => credentialType,
      STANDARD_CREDENTIALS,
    );
    this.#psks = byType(
      "PSK",
      definitions.flatMap((one) => one.psks ?? []),
      ({ pskType }) => pskType,
      STANDARD_PSKS,
      0xff,
    );
    this.proposalTypes = new ProposalTypes(this.#proposals, this.#psks);
    this.secrets = definitions.flatMap((one) => one.secrets ?? []);
    const labels = new Set<string>(EPOCH_SECRET_LABELS);
    for (const { label } of this.secrets) {
      if (labels.has(label)) throw new MlsError("usage", `another secret has the label "${label}"`);
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

  /** What new leaf nodes list besides. */
  grease(random: RandomSource): Required<ListedCapabilities> {
    const all = this.definitions.map((one) => one.greaseCapabilities?.(random) ?? {});
    return {
      cipherSuites: all.flatMap((one) => one.cipherSuites ?? []),
      extensions: all.flatMap((one) => one.extensions ?? []),
      proposals: all.flatMap((one) => one.proposals ?? []),
      credentials: all.flatMap((one) => one.credentials ?? []),
    };
  }

  /** The extensions for a new structure: those given, and what the definitions add. */
  #filled(
    given: readonly Extension[],
    add: (definition: MlsExtension) => readonly Extension[] | undefined,
    place: ExtensionPlace,
  ): readonly Extension[] {
    const all = [...given];
    for (const definition of this.definitions) {
      for (const extension of add(definition) ?? []) {
        if (!all.some(({ extensionType }) => extensionType === extension.extensionType)) all.push(extension);
      }
    }
    this.checkExtensions(all, place);
    return all;
  }

  leafNodeExtensions(given: readonly Extension[], random: RandomSource): readonly Extension[] {
    return this.#filled(given, (definition) => definition.leafNodeExtensions?.(random), "leafNode");
  }

  keyPackageExtensions(given: readonly Extension[], random: RandomSource): readonly Extension[] {
    return this.#filled(given, (definition) => definition.keyPackageExtensions?.(random), "keyPackage");
  }

  groupInfoExtensions(
    given: readonly Extension[],
    random: RandomSource,
    group: GroupView,
  ): readonly Extension[] {
    const view = viewOf(group);
    return this.#filled(given, (definition) => definition.groupInfoExtensions?.(random, view), "groupInfo");
  }

  /** Checks the place and the content of each extension that is known. @throws MlsError */
  checkExtensions(extensions: readonly Extension[], place: ExtensionPlace): void {
    if (this.#extensions.size === 0) return;
    for (const { extensionType, extensionData } of extensions) {
      const definition = this.#extensions.get(extensionType);
      if (definition === undefined) continue;
      ensure(
        definition.places.includes(place),
        "17.3: an extension must appear only in the messages that its registration lists",
        () => `${definition.name} in a ${place}`,
      );
      definition.check?.(extensionData, place);
    }
  }

  /** Checks a leaf node that is or is to be in a group with these extensions. @throws MlsError */
  checkLeafNode(leafNode: LeafNode, groupExtensions: readonly Extension[]): void {
    this.checkExtensions(leafNode.extensions, "leafNode");
    const { credential } = leafNode;
    this.#credentials.get(credential.credentialType)?.check?.(credential, leafNode);
    for (const definition of this.definitions) definition.checkLeafNode?.(leafNode, groupExtensions);
  }

  isReusable(keyPackage: KeyPackage): boolean {
    return this.definitions.some((definition) => definition.isReusable?.(keyPackage) === true);
  }

  /** `authenticated_data` as it is sent. @throws MlsError */
  authenticatedData(given: Uint8Array | undefined, groupContext: GroupContext): Uint8Array {
    let data: Uint8Array | undefined = given && new Uint8Array(given);
    for (const definition of this.definitions) data ??= definition.defaultAuthenticatedData?.(groupContext);
    data ??= EMPTY;
    this.checkAuthenticatedData(data, groupContext);
    return data;
  }

  /** @throws MlsError */
  checkAuthenticatedData(data: Uint8Array, groupContext: GroupContext): void {
    for (const definition of this.definitions) definition.checkAuthenticatedData?.(data, groupContext);
  }

  proposal(proposalType: number): ProposalDefinition | undefined {
    return this.#proposals.get(proposalType);
  }

  /** The definition of a proposal's type. @throws UnsupportedError if it isn't registered */
  need({ proposalType }: CustomProposal): ProposalDefinition {
    const definition = this.#proposals.get(proposalType);
    if (definition === undefined) throw new UnsupportedError(`proposal type ${proposalType} isn't known`);
    return definition;
  }

  #needPsk({ pskType }: CustomPsk): PskDefinition {
    const definition = this.#psks.get(pskType);
    if (definition === undefined) throw new UnsupportedError(`PSK type ${pskType} isn't known`);
    return definition;
  }

  /** Checks the form of a key's name. @throws UnsupportedError if its type isn't registered, DecodeError */
  checkPsk(id: CustomPsk): void {
    decode(this.#needPsk(id).codec, id.data);
  }

  /** The key of a name of a registered type. @throws UnsupportedError if the type isn't registered */
  psk(id: CustomPsk): Awaitable<Uint8Array | undefined> {
    const definition = this.#needPsk(id);
    return definition.find(decode(definition.codec, id.data));
  }

  /** The leaf that a proposal of a registered type removes. */
  removes({ proposal, sender, reference }: SourcedProposal): number | undefined {
    if (!isCustomProposal(proposal)) return undefined;
    const definition = this.need(proposal);
    return definition.removes?.(caseOf(definition, proposal, sender, reference));
  }

  /** Checks a proposal of a registered type by itself. @throws MlsError */
  checkProposal(
    proposal: CustomProposal,
    sender: Sender,
    reference: Uint8Array | undefined,
    group: GroupView,
  ) {
    const definition = this.need(proposal);
    definition.check?.(caseOf(definition, proposal, sender, reference), viewOf(group));
  }

  /** What the proposals of registered types make of the GroupContext's extensions. @throws MlsError */
  changeExtensions(
    extensions: readonly Extension[],
    proposals: readonly Pick<SourcedProposal, "proposal" | "sender" | "reference">[],
  ): readonly Extension[] {
    let changed = extensions;
    for (const definition of this.#proposals.values()) {
      if (definition.changeExtensions === undefined) continue;
      const cases = proposals.flatMap(({ proposal, sender, reference }) =>
        isCustomProposal(proposal, definition.proposalType)
          ? [caseOf(definition, proposal, sender, reference)]
          : [],
      );
      if (cases.length > 0) changed = definition.changeExtensions(changed, cases);
    }
    return changed;
  }

  /**
   * §12.2: whether proposals of registered types may be committed with the others, each valid by itself.
   * @throws MlsError
   */
  checkList(list: ProposalList): void {
    const view = { ...list, group: viewOf(list.group) };
    for (const definition of this.definitions) definition.checkList?.(view);
  }
}

/** What definitions see of a group: an epoch has its secrets too. */
function viewOf({ groupContext, tree }: GroupView): GroupView {
  return { groupContext, tree };
}

function caseOf(
  { codec }: ProposalDefinition,
  { data }: CustomProposal,
  sender: Sender,
  reference: Uint8Array | undefined,
): ProposalCase<unknown> {
  return { value: decode(codec, data), sender, reference };
}

/** The registry of one who has no extensions. */
export const NO_EXTENSIONS: Registry = /* @__PURE__ */ new Registry();
