// draft-ietf-mls-extensions, SelfRemove Proposal: a member leaves a group by the next commit of another member.
import {
  type CustomProposal,
  customProposal,
  EMPTY,
  ensure,
  type MlsExtension,
  type Owned,
  SenderType,
  struct,
} from "@copse/core/extension";

/** Proposal type `self_remove`: draft-ietf-mls-extensions, IANA Considerations */
export const SELF_REMOVE = 0x000a;

/**
 * A SelfRemove proposal: the sender leaves the group.
 * @example
 * ```ts
 * const message = await group.propose({ custom: selfRemoveProposal() });
 * ```
 */
export function selfRemoveProposal(): Owned<CustomProposal> {
  return customProposal(SELF_REMOVE, EMPTY);
}

/**
 * The SelfRemove proposal, which removes its sender. It is always sent in a PublicMessage and committed by reference:
 * by any other member, or by a new member in an external commit.
 * @example
 * ```ts
 * const client = await Client.create({
 *   crypto: nodeProvider(),
 *   suite: 1,
 *   credential: "alice",
 *   authentication,
 *   extensions: [selfRemove()],
 * });
 * ```
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
