// RFC 9420 §6.3: messages that are encrypted and authenticated.
import { wipe } from "../bytes.js";
import { type AnyCodec, decode, encode, Reader, vectorSize, type Writer } from "../codec/index.js";
import { expandAllWithLabels, withBuffer } from "../crypto/index.js";
import { CryptoError, ensure, MlsError, withDetails } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain, withCleanup } from "../provider/index.js";
import type { PeekedKey, RatchetKind, SecretTree } from "../schedule/index.js";
import {
  type AuthenticatedContent,
  type Content,
  ContentType,
  contentCases,
  framedContentAuthData,
  framedContentSize,
  PrivateContentAAD,
  type PrivateMessage,
  type ProposalTypes,
  SenderData,
  SenderType,
  WireFormat,
} from "../wire/index.js";
import { checkMessageSize, checkTag, checkWireFormat } from "./authentication.js";

/** The secrets that encrypt the private messages of an epoch. */
export interface PrivateMessageKeys {
  readonly secretTree: SecretTree;
  /** `KDF.Nh` bytes */
  readonly senderDataSecret: Uint8Array;
  /** Whether the sender is the group's only member: nobody receives what it sends. */
  readonly isAlone?: boolean;
}

/** What a receiver of private messages needs. */
export interface PrivateMessageReaderKeys extends PrivateMessageKeys {
  /** Whether the leaf has a member: §6.3.2 refuses messages from a blank leaf. */
  isMember(leafIndex: number): boolean;
  /** The receiver's own leaf index. A sender has deleted the keys of its own messages. */
  readonly ownLeafIndex?: number;
  /** The proposal types that extensions register. */
  readonly proposalTypes?: ProposalTypes | undefined;
}

/** A decrypted message whose key is not consumed yet. */
export interface OpenedPrivateMessage {
  /** Not verified yet: the caller must check the signature, and the confirmation tag of a commit. */
  readonly content: AuthenticatedContent;
  /** The sender's */
  readonly leafIndex: number;
  readonly generation: number;
  /** Derives what {@link consume} needs. Call it when the signature is verified. */
  complete(): Awaitable<void>;
  /**
   * Deletes the key (§9.2). Call it when that is done.
   * @throws MlsError `duplicate` if the same message was accepted in the meantime
   */
  consume(): void;
  /** Overwrites what was derived; the key can be derived again. Call it when the message is refused. */
  discard(): void;
}

interface KeyAndNonce {
  /** `AEAD.Nk` bytes */
  readonly key: Uint8Array;
  /** `AEAD.Nn` bytes */
  readonly nonce: Uint8Array;
}

const kindOf = (contentType: ContentType): RatchetKind =>
  contentType === ContentType.application ? "application" : "handshake";

type AAD = Pick<PrivateMessage, "groupId" | "epoch" | "contentType" | "authenticatedData">;

/** PrivateContentAAD (§6.3.1), and SenderDataAAD (§6.3.2), which is the same without the last field. */
function additionalData(message: AAD): { content: Uint8Array; senderData: Uint8Array } {
  const content = encode(PrivateContentAAD, message);
  // A copy: an engine moves a short array out of its heap for a view of it, which takes ten times as long.
  const senderData = content.slice(0, content.length - vectorSize(message.authenticatedData));
  return { content, senderData };
}

/** The key and nonce that encrypt SenderData, §6.3.2, derived from a sample of the message's ciphertext. */
export function senderDataKeyAndNonce(
  provider: CipherSuiteProvider,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
): Awaitable<KeyAndNonce> {
  const { hash, aead } = provider.suite;
  const sample = ciphertext.subarray(0, hash.Nh);
  const derived = expandAllWithLabels(provider, senderDataSecret, [
    ["key", sample, aead.Nk],
    ["nonce", sample, aead.Nn],
  ]);
  return chain(derived, ([key, nonce]) => ({ key, nonce }));
}

/** Encrypts with a key that is used once, and overwrites the key. */
function sealOnce(
  { aead }: CipherSuiteProvider,
  { key, nonce }: KeyAndNonce,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Awaitable<Uint8Array> {
  return withCleanup(
    () => aead.seal(key, nonce, aad, plaintext),
    () => wipe(key, nonce),
  );
}

/** XORs the reuse guard into the first four bytes of the nonce, §6.3.1, in place. */
function applyReuseGuard(nonce: Uint8Array, reuseGuard: Uint8Array): void {
  for (let i = 0; i < 4; i++) nonce[i] = (nonce[i] as number) ^ (reuseGuard[i] as number);
}

/** Writes PrivateMessageContent, §6.3.1. */
function writePlaintext(
  writer: Writer,
  { content: { content }, auth }: AuthenticatedContent,
  padding: number,
): void {
  // The type of the content, which its case has too, isn't written.
  const codec: AnyCodec = contentCases[content.contentType];
  codec.write(writer, content);
  framedContentAuthData(content.contentType).write(writer, auth);
  writer.raw(new Uint8Array(padding));
}

/**
 * The size of the MLSMessage (§6) of a PrivateMessage: its version and wire format, its fields up to the additional
 * data, the encrypted SenderData (12 bytes, §6.3.2) and the ciphertext.
 */
function messageSize({ suite }: CipherSuiteProvider, aad: Uint8Array, plaintextSize: number): number {
  const sealed = (size: number) => vectorSize({ length: size + suite.aead.Nt });
  return 4 + aad.length + sealed(12) + sealed(plaintextSize);
}

/**
 * Encrypts a member's signed content as a PrivateMessage, RFC 9420 §6.3. It consumes the next key of the sender's
 * ratchet, even if encryption fails afterwards, but not for a message that is too large.
 * @param padding the number of zero bytes to append to the content
 * @param maxSize the largest MLSMessage, in bytes
 * @throws MlsError `usage` if the sender is not a member, the content was signed for another wire format, a
 * confirmation tag is missing or misplaced, or `padding` is not a size; `limit` above `maxSize`, or when the ratchet is exhausted
 */
export async function sealPrivate(
  provider: CipherSuiteProvider,
  authenticated: AuthenticatedContent,
  { secretTree, senderDataSecret, isAlone }: PrivateMessageKeys,
  padding: number,
  maxSize = Number.POSITIVE_INFINITY,
): Promise<PrivateMessage> {
  const { wireFormat, content } = authenticated;
  const { groupId, epoch, authenticatedData, sender } = content;
  const { contentType } = content.content;
  if (sender.senderType !== SenderType.member) {
    throw new MlsError("usage", `only a member sends private messages, got sender type ${sender.senderType}`);
  }
  checkWireFormat(WireFormat.privateMessage, wireFormat);
  if (!Number.isSafeInteger(padding) || padding < 0) {
    throw new MlsError("usage", `padding must be a non-negative integer, got ${padding}`);
  }
  checkTag(authenticated);

  const { leafIndex } = sender;
  const aad = additionalData({ groupId, epoch, contentType, authenticatedData });
  const reuseGuard = provider.random(4);
  const size = framedContentSize(content) + authenticated.auth.signature.length + padding + 64;
  const { generation, ciphertext } = await withBuffer(size, (plaintext) => {
    writePlaintext(plaintext, authenticated, padding);
    checkMessageSize(maxSize, messageSize(provider, aad.content, plaintext.position));
    return chain(secretTree.next(leafIndex, kindOf(contentType), isAlone), ({ generation, key, nonce }) => {
      applyReuseGuard(nonce, reuseGuard);
      const sealed = sealOnce(provider, { key, nonce }, aad.content, plaintext.view());
      return chain(sealed, (ciphertext) => ({ generation, ciphertext }));
    });
  });
  const outer = await senderDataKeyAndNonce(provider, senderDataSecret, ciphertext);
  const senderData = encode(SenderData, { leafIndex, generation, reuseGuard });
  const encryptedSenderData = await sealOnce(provider, outer, aad.senderData, senderData);
  return { groupId, epoch, contentType, authenticatedData, encryptedSenderData, ciphertext };
}

/** Decodes PrivateMessageContent, §6.3.1, as the content of the member who sent it. */
function decodeContent(
  message: PrivateMessage,
  leafIndex: number,
  plaintext: Uint8Array,
  types: ProposalTypes | undefined,
): AuthenticatedContent {
  const { groupId, epoch, contentType, authenticatedData } = message;
  const reader = new Reader(plaintext, types);
  const content = { contentType, ...contentCases[contentType].read(reader) } as Content;
  const auth = framedContentAuthData(contentType).read(reader);
  let padding = 0;
  for (let i = reader.offset; i < plaintext.length; i++) padding |= plaintext[i] as number;
  ensure(padding === 0, "6.3.1: there must be no non-zero bytes in the padding");
  const sender = { senderType: SenderType.member, leafIndex };
  return {
    wireFormat: WireFormat.privateMessage,
    content: { groupId, epoch, sender, authenticatedData, content },
    auth,
  };
}

async function openSenderData(
  provider: CipherSuiteProvider,
  message: PrivateMessage,
  senderDataSecret: Uint8Array,
  aad: Uint8Array,
): Promise<SenderData> {
  const { key, nonce } = await senderDataKeyAndNonce(provider, senderDataSecret, message.ciphertext);
  try {
    return decode(SenderData, await provider.aead.open(key, nonce, aad, message.encryptedSenderData));
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    // No proof of a fork: anybody on the way can change a message.
    throw new CryptoError(
      "the sender data can't be decrypted with this epoch's keys: the message was changed, or comes from a group that diverged",
      { cause: error },
    );
  } finally {
    wipe(key, nonce);
  }
}

/**
 * Decrypts a PrivateMessage, RFC 9420 §6.3. The secret tree does not change before `consume`.
 * @throws CryptoError if the sender data or the content can't be decrypted; DecodeError or ValidationError if the
 * plaintext is malformed; MlsError `unknown-sender` for a blank leaf, `own-message`
 * for a message of the receiver itself, but for a commit whose key wasn't used, `duplicate` or `forgotten` if the key is deleted, `limit` if the generation is too far ahead
 */
export async function openPrivate(
  provider: CipherSuiteProvider,
  message: PrivateMessage,
  keys: PrivateMessageReaderKeys,
): Promise<OpenedPrivateMessage> {
  const aad = additionalData(message);
  const { leafIndex, generation, reuseGuard } = await openSenderData(
    provider,
    message,
    keys.senderDataSecret,
    aad.senderData,
  );
  let peeked: PeekedKey | undefined;
  try {
    if (!keys.isMember(leafIndex)) throw new MlsError("unknown-sender", `leaf ${leafIndex} has no member`);
    const used = keys.secretTree.senders.get(leafIndex)?.handshake.generation ?? 0;
    // A commit that this state doesn't know can be verified.
    const isUnknown = message.contentType === ContentType.commit && generation >= used;
    if (leafIndex === keys.ownLeafIndex && !isUnknown)
      throw new MlsError("own-message", "this client sent the message itself");
    peeked = await keys.secretTree.peek(leafIndex, kindOf(message.contentType), generation);
    const nonce = peeked.nonce.slice();
    applyReuseGuard(nonce, reuseGuard);
    const plaintext = await provider.aead.open(peeked.key, nonce, aad.content, message.ciphertext);
    return {
      content: decodeContent(message, leafIndex, plaintext, keys.proposalTypes),
      leafIndex,
      generation,
      complete: peeked.complete,
      consume: peeked.consume,
      discard: peeked.discard,
    };
  } catch (error) {
    peeked?.discard();
    throw withDetails(error, { sender: leafIndex });
  }
}
