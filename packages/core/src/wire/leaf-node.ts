// RFC 9420 §7.2: leaf nodes.
import {
  oneOf,
  opaque,
  Reader,
  remembered,
  shared,
  skip,
  struct,
  type TypeOf,
  uint8,
  uint16,
  uint32,
  uint64,
  variant,
  vector,
} from "../codec/index.js";
import { Credential } from "./credential.js";
import { Extensions } from "./extension.js";
import { MAX_CAPABILITIES } from "./limits.js";

/** RFC 9420 §6 */
export const ProtocolVersion = { mls10: 1 } as const;

/** MLS 1.0 is the only version: any other is malformed. */
export const protocolVersion = /* @__PURE__ */ oneOf("ProtocolVersion", uint16, [ProtocolVersion.mls10]);

/** RFC 9420 §7.2 */
export const LeafNodeSource = { keyPackage: 1, update: 2, commit: 3 } as const;

const values = vector(uint16, MAX_CAPABILITIES);

/** Capabilities, RFC 9420 §7.2. Unknown values are kept and ignored. */
export const Capabilities = shared(
  struct({
    versions: values,
    cipherSuites: values,
    extensions: values,
    proposals: values,
    credentials: values,
  }),
);
export type Capabilities = TypeOf<typeof Capabilities>;

/** Lifetime, RFC 9420 §7.2: seconds since the Unix epoch, both ends included */
export const Lifetime = struct({ notBefore: uint64, notAfter: uint64 });
export type Lifetime = TypeOf<typeof Lifetime>;

const unsigned = {
  encryptionKey: opaque,
  signatureKey: opaque,
  credential: Credential,
  capabilities: Capabilities,
  leafNodeSource: variant("type", uint8, {
    [LeafNodeSource.keyPackage]: struct({ lifetime: Lifetime }),
    [LeafNodeSource.update]: struct({}),
    [LeafNodeSource.commit]: struct({ parentHash: opaque }),
  }),
  extensions: Extensions,
};

/** The fields of a LeafNode without its signature, RFC 9420 §7.2 */
export const UnsignedLeafNode = struct(unsigned);
export type UnsignedLeafNode = TypeOf<typeof UnsignedLeafNode>;

/** LeafNode, RFC 9420 §7.2 */
export const LeafNode = remembered(struct({ ...unsigned, signature: opaque }));
export type LeafNode = TypeOf<typeof LeafNode>;

/** The `signature_key` of the LeafNode that follows; the reader moves behind it, not behind the leaf. */
export function leafSignatureKey(reader: Reader): Uint8Array {
  skip(opaque, reader);
  return opaque.read(reader);
}

/** The fields of a LeafNode that tell who may be in a group with it. */
export interface LeafNodeHead extends Pick<LeafNode, "encryptionKey" | "signatureKey" | "capabilities"> {
  readonly credential: Pick<Credential, "credentialType">;
}

/** The first fields of an encoded LeafNode. @throws DecodeError */
export function leafNodeHead(bytes: Uint8Array): LeafNodeHead {
  const reader = new Reader(bytes);
  const [encryptionKey, signatureKey] = [opaque.read(reader), opaque.read(reader)];
  const credentialType = reader.peekUint16();
  skip(Credential, reader);
  return {
    encryptionKey,
    signatureKey,
    credential: { credentialType },
    capabilities: Capabilities.read(reader),
  };
}

/** The fields that LeafNodeTBS, RFC 9420 §7.2, adds to those of a LeafNode of source `update` or `commit` */
export const LeafNodeContext = struct({ groupId: opaque, leafIndex: uint32 });
export type LeafNodeContext = TypeOf<typeof LeafNodeContext>;
