// RFC 9420 §12.4: commits.
import {
  opaqueOf,
  optional,
  remembered,
  struct,
  type TypeOf,
  uint8,
  variant,
  vector,
} from "../codec/index.js";
import { MIN_REFERENCE_SIZE } from "./limits.js";
import { Proposal } from "./proposal.js";
import { UpdatePath } from "./update-path.js";

/** RFC 9420 §12.4 */
export const ProposalOrRefType = { proposal: 1, reference: 2 } as const;

/** ProposalOrRef, RFC 9420 §12.4 */
export const ProposalOrRef = variant("type", uint8, {
  [ProposalOrRefType.proposal]: struct({ proposal: Proposal }),
  [ProposalOrRefType.reference]: struct({ reference: /* @__PURE__ */ opaqueOf({ min: MIN_REFERENCE_SIZE }) }),
});
export type ProposalOrRef = TypeOf<typeof ProposalOrRef>;

/**
 * Commit, RFC 9420 §12.4. Its encoding is remembered: what is signed and hashed has it in another place than a PrivateMessage.
 */
export const Commit = remembered(struct({ proposals: vector(ProposalOrRef), path: optional(UpdatePath) }));
export type Commit = TypeOf<typeof Commit>;
