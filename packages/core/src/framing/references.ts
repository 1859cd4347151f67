// RFC 9420 §5.2: the references of key packages and proposals, for servers that keep nothing else of them.
import { type Bytes, copied, needBytes } from "../bytes.js";
import { decode, encode } from "../codec/index.js";
import { guardProvider, makeKeyPackageRef, makeProposalRef } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { CryptoProvider } from "../provider/index.js";
import {
  AuthenticatedContent,
  ContentType,
  KeyPackage,
  MlsMessage,
  type ReadableTypes,
  readKeyPackage,
  WireFormat,
} from "../wire/index.js";
import { readPublic } from "./public-message.js";
import { typesOf } from "./read-message.js";

/**
 * The KeyPackageRef (§5.2) of a key package: the name by which Welcomes and servers refer to it. Nothing is verified.
 * @param keyPackage an encoded MLSMessage, or a raw KeyPackage
 * @returns as many bytes as the hash of its suite has
 * @throws UnsupportedError for a suite that the provider doesn't serve; DecodeError; MlsError `usage`, `limit`
 * @example
 * store.set(toHex(await keyPackageReference(nodeProvider(), keyPackage)), keyPackage);
 */
export async function keyPackageReference(crypto: CryptoProvider, keyPackage: Uint8Array): Promise<Bytes> {
  const decoded = readKeyPackage(keyPackage);
  const provider = guardProvider(crypto.suite(decoded.cipherSuite));
  return copied(await makeKeyPackageRef(provider, KeyPackage.encoding(decoded)));
}

/**
 * The ProposalRef (§5.2) of a proposal: the name by which commits refer to it. Nothing is verified.
 * @param suite the code point of the group's cipher suite (§17.1)
 * @param message an encoded MLSMessage with a proposal in a PublicMessage
 * @param extensions those of the protocol (§13) whose proposals it may have
 * @returns as many bytes as the hash of the suite has
 * @throws UnsupportedError for a suite that the provider doesn't serve; DecodeError; MlsError `usage` for another message
 * @example
 * const reference = await proposalReference(nodeProvider(), 2, await externalProposal(crypto, signer, known, request));
 */
export async function proposalReference(
  crypto: CryptoProvider,
  suite: number,
  message: Uint8Array,
  extensions: readonly ReadableTypes[] = [],
): Promise<Bytes> {
  const types = typesOf(extensions);
  const provider = guardProvider(crypto.suite(suite));
  const decoded = decode(MlsMessage, needBytes(message, "a message").slice(), types);
  const isProposal =
    decoded.wireFormat === WireFormat.publicMessage &&
    decoded.publicMessage.content.content.contentType === ContentType.proposal;
  if (!isProposal) throw new MlsError("usage", "expected a proposal in a PublicMessage");
  const authenticated = readPublic(decoded.publicMessage, types);
  return copied(await makeProposalRef(provider, encode(AuthenticatedContent, authenticated)));
}
