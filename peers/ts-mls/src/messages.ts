// RFC 9420 §6: what goes over the wire, to and from ts-mls's structures.
import {
  type Decoder,
  decode,
  defaultProposalTypes,
  encode,
  type MlsMessage,
  mlsMessageDecoder,
  mlsMessageEncoder,
  type Proposal,
  wireformats,
} from "ts-mls";

export function addProposal(bytes: Uint8Array): Proposal {
  const message = fromBytes(bytes);
  if (message.wireformat !== wireformats.mls_key_package) throw new Error("not a KeyPackage");
  return { proposalType: defaultProposalTypes.add, add: { keyPackage: message.keyPackage } };
}

export function removeProposal(removed: number): Proposal {
  return { proposalType: defaultProposalTypes.remove, remove: { removed } };
}

export function toBytes(message: MlsMessage): Uint8Array {
  return encode(mlsMessageEncoder, message);
}

export function fromBytes(bytes: Uint8Array): MlsMessage {
  return decodeWhole(mlsMessageDecoder, bytes, "an MLSMessage");
}

/** ts-mls answers `undefined` for what it can't decode. */
export function decodeWhole<T>(decoder: Decoder<T>, bytes: Uint8Array, what: string): T {
  const value = decode(decoder, bytes);
  if (value === undefined) throw new Error(`not ${what}`);
  return value;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
