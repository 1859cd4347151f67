// RFC 9420 §8.1: the group context.
import { opaque, remembered, struct, type TypeOf, uint16, uint64 } from "../codec/index.js";
import { Extensions } from "./extension.js";
import { protocolVersion } from "./leaf-node.js";
import { identifier } from "./limits.js";

/** GroupContext, RFC 9420 §8.1 */
export const GroupContext = remembered(
  struct({
    version: protocolVersion,
    cipherSuite: uint16,
    groupId: identifier,
    epoch: uint64,
    treeHash: opaque,
    confirmedTranscriptHash: opaque,
    extensions: Extensions,
  }),
);
export type GroupContext = TypeOf<typeof GroupContext>;
