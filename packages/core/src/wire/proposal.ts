// RFC 9420 §12.1: proposals.
import { copied, type Owned } from "../bytes.js";
import { type Codec, opaque, skip, struct, type TypeOf, uint16, uint32, variant } from "../codec/index.js";
import { MlsError } from "../errors.js";
import { Extensions } from "./extension.js";
import { KeyPackage } from "./key-package.js";
import { LeafNode } from "./leaf-node.js";
import { identifier } from "./limits.js";
import { PreSharedKeyID, PskTypes } from "./psk.js";

/** RFC 9420 §17.4 */
export const ProposalType = {
  add: 1,
  update: 2,
  remove: 3,
  psk: 4,
  reinit: 5,
  externalInit: 6,
  groupContextExtensions: 7,
} as const;

/** Add, RFC 9420 §12.1.1 */
export const Add = struct({ keyPackage: KeyPackage });
export type Add = TypeOf<typeof Add>;

/** Update, RFC 9420 §12.1.2 */
export const Update = struct({ leafNode: LeafNode });
export type Update = TypeOf<typeof Update>;

/** Remove, RFC 9420 §12.1.3 */
export const Remove = struct({ removed: uint32 });
export type Remove = TypeOf<typeof Remove>;

/** PreSharedKey, RFC 9420 §12.1.4 */
export const PreSharedKey = struct({ psk: PreSharedKeyID });
export type PreSharedKey = TypeOf<typeof PreSharedKey>;

/** ReInit, RFC 9420 §12.1.5. The version may be one that this client does not know. */
export const ReInit = struct({
  groupId: identifier,
  version: uint16,
  cipherSuite: uint16,
  extensions: Extensions,
});
export type ReInit = TypeOf<typeof ReInit>;

/** ExternalInit, RFC 9420 §12.1.6 */
export const ExternalInit = struct({ kemOutput: opaque });
export type ExternalInit = TypeOf<typeof ExternalInit>;

/** GroupContextExtensions, RFC 9420 §12.1.7 */
export const GroupContextExtensions = struct({ extensions: Extensions });
export type GroupContextExtensions = TypeOf<typeof GroupContextExtensions>;

const standard = variant("proposalType", uint16, {
  [ProposalType.add]: Add,
  [ProposalType.update]: Update,
  [ProposalType.remove]: Remove,
  [ProposalType.psk]: PreSharedKey,
  [ProposalType.reinit]: ReInit,
  [ProposalType.externalInit]: ExternalInit,
  [ProposalType.groupContextExtensions]: GroupContextExtensions,
});

const STANDARD: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(ProposalType));

/** Whether RFC 9420 defines a proposal type. */
export function isStandardType(proposalType: number): boolean {
  return STANDARD.has(proposalType);
}

/** A proposal of a type that an extension registered (§13.2). */
export interface CustomProposal {
  /** A type that RFC 9420 §17.4 does not define. */
  readonly proposalType: number;
  /** The encoded body. */
  readonly data: Uint8Array;
}

/** A proposal of one of the types that RFC 9420 defines (§12.1). */
export type StandardProposal = TypeOf<typeof standard>;

export type Proposal = StandardProposal | CustomProposal;

/** A proposal of a type that RFC 9420 does not define. @throws MlsError `usage` for a type of RFC 9420 */
export function customProposal(proposalType: number, data: Uint8Array): Owned<CustomProposal> {
  if (STANDARD.has(proposalType)) {
    throw new MlsError(
      "usage",
      `expected the proposal type of an extension, got type ${proposalType} of RFC 9420`,
    );
  }
  return { proposalType, data: copied(data) };
}

/** Whether a proposal is of a type that RFC 9420 does not define, and of `proposalType` if that is given. */
export function isCustomProposal(proposal: Proposal, proposalType?: number): proposal is CustomProposal {
  const { proposalType: type } = proposal;
  return !STANDARD.has(type) && "data" in proposal && (proposalType === undefined || type === proposalType);
}

/** Whether a proposal is of a given type of RFC 9420. */
export function isProposal<T extends StandardProposal["proposalType"]>(
  proposal: Proposal,
  proposalType: T,
): proposal is Extract<StandardProposal, { readonly proposalType: T }> {
  return proposal.proposalType === proposalType;
}

/** The proposals of a type of RFC 9420 in a list. */
export function ofType<T extends StandardProposal["proposalType"]>(
  list: readonly { readonly proposal: Proposal }[],
  proposalType: T,
): Extract<StandardProposal, { readonly proposalType: T }>[] {
  return list.flatMap(({ proposal }) => (isProposal(proposal, proposalType) ? [proposal] : []));
}

/** How proposals of a registered type are handled. */
export interface ProposalForm {
  readonly codec: Codec<unknown>;
  /** Whether external senders may send them: column "Ext" of §17.4. */
  readonly external: boolean;
}

/** What the reading of proposals needs of extensions of the protocol (§13): an `MlsExtension` has it. */
export interface ReadableTypes {
  readonly proposals?: readonly {
    readonly proposalType: number;
    readonly codec: Codec<unknown>;
    readonly external: boolean;
  }[];
  readonly psks?: readonly { readonly pskType: number; readonly codec: Codec<unknown> }[];
}

/**
 * The registered types, for the context of a reader of proposals. A proposal of an unknown type is malformed: its
 * length is not encoded, so it can't be skipped.
 */
export class ProposalTypes extends PskTypes {
  private readonly forms: ReadonlyMap<number, ProposalForm>;

  /** @param psks registered types of pre-shared keys, which PreSharedKey proposals refer to */
  constructor(
    forms: ReadonlyMap<number, ProposalForm>,
    psks: ReadonlyMap<number, { readonly codec: Codec<unknown> }> = new Map(),
  ) {
    super(psks);
    this.forms = forms;
  }

  static of(extensions: readonly ReadableTypes[]): ProposalTypes {
    const forms = extensions.flatMap(({ proposals = [] }) => proposals);
    const keys = extensions.flatMap(({ psks = [] }) => psks);
    return new ProposalTypes(
      new Map(forms.map((one) => [one.proposalType, one])),
      new Map(keys.map((one) => [one.pskType, one])),
    );
  }

  form(proposalType: number): ProposalForm | undefined {
    return this.forms.get(proposalType);
  }
}

/** Proposal, RFC 9420 §12.1. It decodes types of extensions if the reader's context is a {@link ProposalTypes}. */
export const Proposal: Codec<Proposal> = {
  write(writer, proposal) {
    if (isCustomProposal(proposal)) {
      uint16.write(writer, proposal.proposalType);
      writer.raw(proposal.data);
    } else standard.write(writer, proposal);
  },
  read(reader) {
    const { context } = reader;
    if (context instanceof ProposalTypes) {
      const proposalType = reader.peekUint16();
      const form = context.form(proposalType);
      if (form !== undefined) {
        reader.uint16();
        const start = reader.offset;
        form.codec.read(reader);
        return customProposal(proposalType, reader.bytes.subarray(start, reader.offset));
      }
    }
    return standard.read(reader);
  },
  skip(reader) {
    const { context } = reader;
    const form = context instanceof ProposalTypes ? context.form(reader.peekUint16()) : undefined;
    if (form === undefined) return skip(standard, reader);
    reader.uint16();
    skip(form.codec, reader);
  },
};
