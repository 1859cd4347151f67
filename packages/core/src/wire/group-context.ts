// RFC 9420 §8.1: the group context.
import { opaque, Reader, remembered, skip, struct, type TypeOf, uint16, uint64 } from "../codec/index.js";
import { Extensions } from "./extension.js";
import { protocolVersion } from "./leaf-node.js";
import { identifier } from "./limits.js";

const beforeEpoch = struct({ version: protocolVersion, cipherSuite: uint16, groupId: identifier });

/** GroupContext, RFC 9420 §8.1 */
export const GroupContext = remembered(
  struct({
    ...beforeEpoch.fields,
    epoch: uint64,
    treeHash: opaque,
    confirmedTranscriptHash: opaque,
    extensions: Extensions,
  }),
);
export type GroupContext = TypeOf<typeof GroupContext>;

/** The epoch in an encoded GroupContext, without the rest. @throws DecodeError */
export function epochIn(encoded: Uint8Array): bigint {
  const reader = new Reader(encoded);
  skip(beforeEpoch, reader);
  return reader.uint64();
}
