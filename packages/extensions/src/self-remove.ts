// draft-ietf-mls-extensions, SelfRemove Proposal: leaving a group, with the help of whoever commits next.
import {
  type CustomProposal,
  customProposal,
  EMPTY,
  ensure,
  type MlsExtension,
  SenderType,
  struct,
} from "@copse/core/extension";

/** draft-ietf-mls-extensions, IANA Considerations */
export const SELF_REMOVE = 0x000a;

/** The proposal, for `Group.propose({ custom: selfRemoveProposal() })`. */
export function selfRemoveProposal(): CustomProposal {
  return customProposal(SELF_REMOVE, EMPTY);
}

/**
 * SelfRemove: a proposal by which its sender is removed. It is always sent in a PublicMessage, and committed by
 * reference, by any other member or by one who joins by an external commit.
 */
export function selfRemove(): MlsExtension {
  return {
    name: "SelfRemove",
    proposals: [
      {
        proposalType: SELF_REMOVE,
        name: "self_remove",
        codec: struct({}),
        pathRequired: true,
        external: false,
        committedBy: "reference",
        inExternalCommits: "reference",
        publicOnly: true,
        oncePerEpoch: true,
        check: ({ sender }) => {
          memberOf(sender);
        },
        removes: ({ sender }) => memberOf(sender),
      },
    ],
  };
}

function memberOf(sender: { readonly senderType: number; readonly leafIndex?: number }): number {
  const { senderType, leafIndex } = sender;
  ensure(
    senderType === SenderType.member && leafIndex !== undefined,
    "draft-ietf-mls-extensions SelfRemove: the sender must be a member",
  );
  return leafIndex;
}
