// RFC 9420 §12.1: the proposals that the harness asks for, in the types of ts-mls.
import type { ExtensionChoice, ProposalChoice } from "@copse/interop";
import { takeVector, vector } from "@copse/interop";
import {
  defaultProposalTypes,
  type GroupContext,
  type GroupContextExtension,
  nodeTypes,
  type Proposal,
  protocolVersions,
  pskTypes,
  type RatchetTree,
  resumptionPSKUsages,
} from "ts-mls";
import { addProposal, removeProposal, sameBytes } from "../messages.js";

/** Extensions in the types of ts-mls. All of them contain bytes here. */
export function toExtensions(choices: readonly ExtensionChoice[]): GroupContextExtension[] {
  return choices.map((choice) => choice as unknown as GroupContextExtension);
}

const SENDERS = 5;

function sendersOf(extensions: readonly GroupContextExtension[]): Uint8Array {
  const found = extensions.find(({ extensionType }) => (extensionType as number) === SENDERS);
  return found === undefined ? new Uint8Array() : takeVector(found.extensionData as unknown as Uint8Array)[0];
}

/** The signature keys in an external_senders extension, in their order. */
export function senderKeys(extensions: readonly GroupContextExtension[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  let rest = sendersOf(extensions);
  while (rest.length > 0) {
    const [key, afterKey] = takeVector(rest);
    // Basic credentials only: a type of two bytes, and an identity.
    [, rest] = takeVector(afterKey.slice(2));
    keys.push(key);
  }
  return keys;
}

export function leafOf(tree: RatchetTree, identity: Uint8Array): number {
  const node = tree.findIndex(
    (one) =>
      one?.nodeType === nodeTypes.leaf &&
      "identity" in one.leaf.credential &&
      sameBytes(one.leaf.credential.identity as Uint8Array, identity),
  );
  if (node < 0) throw new Error("no member has this identity");
  return node / 2;
}

export function toProposal(
  choice: Exclude<ProposalChoice, { type: "update" }>,
  { groupContext, tree }: { groupContext: GroupContext; tree: RatchetTree },
  random: (length: number) => Uint8Array,
  nonceLength: number,
): Proposal {
  switch (choice.type) {
    case "add":
      return addProposal(choice.keyPackage);
    case "remove":
      return removeProposal(leafOf(tree, choice.identity));
    case "externalPsk":
      return {
        proposalType: defaultProposalTypes.psk,
        psk: {
          preSharedKeyId: {
            psktype: pskTypes.external,
            pskId: choice.pskId,
            pskNonce: random(nonceLength),
          },
        },
      };
    case "resumptionPsk":
      return resumption(
        groupContext.groupId,
        choice.epoch,
        resumptionPSKUsages.application,
        random(nonceLength),
      );
    case "extensions":
      return {
        proposalType: defaultProposalTypes.group_context_extensions,
        groupContextExtensions: { extensions: toExtensions(choice.extensions) },
      };
    case "externalSender": {
      const others = groupContext.extensions.filter(
        ({ extensionType }) => (extensionType as number) !== SENDERS,
      );
      const extensionData = vector(sendersOf(groupContext.extensions), choice.externalSender);
      return {
        proposalType: defaultProposalTypes.group_context_extensions,
        groupContextExtensions: {
          extensions: [...others, ...toExtensions([{ extensionType: SENDERS, extensionData }])],
        },
      };
    }
    case "reinit":
      return {
        proposalType: defaultProposalTypes.reinit,
        reinit: {
          groupId: choice.groupId,
          version: protocolVersions.mls10,
          cipherSuite: choice.cipherSuite,
          extensions: toExtensions(choice.extensions),
        },
      };
  }
}

export function resumption(
  pskGroupId: Uint8Array,
  pskEpoch: bigint,
  usage: (typeof resumptionPSKUsages)[keyof typeof resumptionPSKUsages],
  pskNonce: Uint8Array,
): Proposal {
  const preSharedKeyId = { psktype: pskTypes.resumption, usage, pskGroupId, pskEpoch, pskNonce };
  return { proposalType: defaultProposalTypes.psk, psk: { preSharedKeyId } };
}
