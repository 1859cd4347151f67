// RFC 9420 §6.3: messages that are authenticated and encrypted.
import { wipe } from "../bytes.js";
import { decode, encode, Reader, varintSize, Writer } from "../codec/index.js";
import { expandAllWithLabels, onCryptoError, onFailure, withBuffer } from "../crypto/index.js";
import { ensure, MlsError } from "../errors.js";
import { type Awaitable, chain, type CipherSuiteProvider } from "../provider/index.js";
import type { PeekedKey, RatchetKind, SecretTree } from "../schedule/index.js";
import {
  type AuthenticatedContent,
  type Content,
  contentCases,
  ContentType,
  framedContentAuthData,
  PrivateContentAAD,
  type PrivateMessage,
  type ProposalTypes,
  SenderData,
  SenderType,
  WireFormat,
} from "../wire/index.js";
import { checkTag } from "./authentication.js";

/** What the private messages of an epoch are encrypted with. */
export interface PrivateMessageKeys {
  readonly secretTree: SecretTree;
  /** `KDF.Nh` bytes */
  readonly senderDataSecret: Uint8Array;
}

/** Who may have sent them. */
export interface PrivateMessageReaderKeys extends PrivateMessageKeys {
  /** Whether there is a member at the leaf: §6.3.2 refuses a blank one. */
  isMember(leafIndex: number): boolean;
  /** The reader's own leaf: what comes from it was sent by the reader, who has no key for it any more. */
  readonly ownLeafIndex?: number;
  /** The proposal types of extensions. */
  readonly proposalTypes?: ProposalTypes | undefined;
}

/** A message decrypted, whose key is still there. */
export interface OpenedPrivateMessage {
  /** Not verified yet: its signature, and a commit's confirmation tag, are the caller's to check. */
  readonly content: AuthenticatedContent;
  readonly generation: number;
  /**
   * To be called when the signature is verified: deletes the key (§9.2).
   * @throws MlsError `consumed` if the same message was accepted in the meantime
   */
  consume(): void;
  /** To be called when the message is refused: overwrites what was derived, and the key remains to be derived. */
  discard(): void;
  /** May be called while the signature is verified elsewhere: derives the sender's next key already. */
  lookAhead(): void;
}

interface KeyAndNonce {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

const kindOf = (contentType: ContentType): RatchetKind =>
  contentType === ContentType.application ? "application" : "handshake";

type AAD = Pick<PrivateMessage, "groupId" | "epoch" | "contentType" | "authenticatedData">;

/** PrivateContentAAD (§6.3.1), and SenderDataAAD (§6.3.2), which is the same but for its last field */
function additionalData(message: AAD): { content: Uint8Array; senderData: Uint8Array } {
  const content = encode(PrivateContentAAD, message);
  const { length } = message.authenticatedData;
  const last = length + varintSize(length);
  return { content, senderData: content.subarray(0, content.length - last) };
}

/** The key and nonce that SenderData is encrypted with, §6.3.2: from a sample of the message's ciphertext */
export function senderDataKeyAndNonce(
  provider: CipherSuiteProvider,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
): Awaitable<KeyAndNonce> {
  const { hash, aead } = provider.suite;
  const sample = ciphertext.subarray(0, hash.Nh);
  return chain(
    expandAllWithLabels(provider, senderDataSecret, [
      ["key", sample, aead.Nk],
      ["nonce", sample, aead.Nn],
    ]),
    ([key, nonce]) => ({ key, nonce }) as KeyAndNonce,
  );
}

/** The nonce of the key schedule with the reuse guard over its first four bytes, §6.3.1, in place */
function applyReuseGuard(nonce: Uint8Array, reuseGuard: Uint8Array): void {
  for (let i = 0; i < 4; i++) nonce[i] = (nonce[i] as number) ^ (reuseGuard[i] as number);
}

function writeContent(writer: Writer, content: Content): void {
  switch (content.contentType) {
    case ContentType.application:
      contentCases[ContentType.application].write(writer, content);
      break;
    case ContentType.proposal:
      contentCases[ContentType.proposal].write(writer, content);
      break;
    case ContentType.commit:
      contentCases[ContentType.commit].write(writer, content);
      break;
  }
}

/** PrivateMessageContent, §6.3.1, written */
function writePlaintext({ content: { content }, auth }: AuthenticatedContent, padding: number): Writer {
  const estimate = content.contentType === ContentType.application ? content.applicationData.length : 1024;
  const writer = new Writer(estimate + auth.signature.length + padding + 16);
  writeContent(writer, content);
  framedContentAuthData(content.contentType).write(writer, auth);
  if (padding > 0) writer.raw(new Uint8Array(padding));
  return writer;
}

/**
 * A PrivateMessage, RFC 9420 §6.3, of a member's signed content. Takes the next key of the sender's ratchet,
 * which is consumed also where encryption fails afterwards.
 * @param padding how many zero bytes to append to the content
 * @throws MlsError `usage` if the sender is no member, for a missing tag, a padding that is no size, or a
 * content that was signed for another wire format; `limit` when the ratchet has come to its end
 */
export function sealPrivate(
  provider: CipherSuiteProvider,
  authenticated: AuthenticatedContent,
  { secretTree, senderDataSecret }: PrivateMessageKeys,
  padding: number,
): Awaitable<PrivateMessage> {
  const { wireFormat, content } = authenticated;
  const { groupId, epoch, authenticatedData, sender } = content;
  const { contentType } = content.content;
  if (sender.senderType !== SenderType.member) {
    throw new MlsError("usage", "private messages are sent by members only");
  }
  if (wireFormat !== WireFormat.privateMessage) {
    throw new MlsError("usage", "the content is signed for another wire format");
  }
  if (!Number.isSafeInteger(padding) || padding < 0) throw new MlsError("usage", `a padding of ${padding}`);
  checkTag(authenticated);

  const { leafIndex } = sender;
  const aad = additionalData({ groupId, epoch, contentType, authenticatedData });
  const reuseGuard = provider.random(4);

  return withBuffer(writePlaintext(authenticated, padding), (plaintext) =>
    chain(secretTree.next(leafIndex, kindOf(contentType)), ({ generation, key, nonce }) => {
      applyReuseGuard(nonce, reuseGuard);
      return chain(provider.aead.seal(key, nonce, aad.content, plaintext.view()), (ciphertext) => {
        wipe(key, nonce);
        const senderData = encode(SenderData, { leafIndex, generation, reuseGuard });
        return chain(senderDataKeyAndNonce(provider, senderDataSecret, ciphertext), (outer) =>
          chain(
            provider.aead.seal(outer.key, outer.nonce, aad.senderData, senderData),
            (encryptedSenderData): PrivateMessage => {
              wipe(outer.key, outer.nonce);
              return { groupId, epoch, contentType, authenticatedData, encryptedSenderData, ciphertext };
            },
          ),
        );
      });
    }),
  );
}

/** PrivateMessageContent, §6.3.1, as the content of the member who sent it */
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

function openSenderData(
  provider: CipherSuiteProvider,
  message: PrivateMessage,
  senderDataSecret: Uint8Array,
  aad: Uint8Array,
): Awaitable<SenderData> {
  return chain(senderDataKeyAndNonce(provider, senderDataSecret, message.ciphertext), ({ key, nonce }) =>
    chain(
      onCryptoError(
        () => provider.aead.open(key, nonce, aad, message.encryptedSenderData),
        (cause) =>
          new MlsError(
            "fork",
            "the sender data doesn't open with this epoch's keys: it comes from another course of the group's history, or was changed on the way",
            { cause },
          ),
      ),
      (senderData) => {
        wipe(key, nonce);
        return decode(SenderData, senderData);
      },
    ),
  );
}

/**
 * The content of a PrivateMessage, RFC 9420 §6.3. Nothing in the secret tree changes before `consume`.
 * @throws CryptoError if it can't be decrypted; DecodeError or ValidationError if what it decrypts to is
 * malformed; MlsError `unknown-sender` for a blank leaf, `own-message` for one of the reader's own, `consumed`
 * if its key is gone, `limit` if its generation is too far ahead
 */
export function openPrivate(
  provider: CipherSuiteProvider,
  message: PrivateMessage,
  keys: PrivateMessageReaderKeys,
): Awaitable<OpenedPrivateMessage> {
  const aad = additionalData(message);
  return chain(
    openSenderData(provider, message, keys.senderDataSecret, aad.senderData),
    ({ leafIndex, generation, reuseGuard }) => {
      if (!keys.isMember(leafIndex))
        throw new MlsError("unknown-sender", `there is no member at leaf ${leafIndex}`);
      if (leafIndex === keys.ownLeafIndex)
        throw new MlsError("own-message", "the message was sent by this member itself");
      const open = (peeked: PeekedKey): Awaitable<OpenedPrivateMessage> => {
        const nonce = peeked.nonce.slice();
        applyReuseGuard(nonce, reuseGuard);
        return chain(provider.aead.open(peeked.key, nonce, aad.content, message.ciphertext), (plaintext) => ({
          content: decodeContent(message, leafIndex, plaintext, keys.proposalTypes),
          generation,
          consume: peeked.consume,
          discard: peeked.discard,
          lookAhead: peeked.lookAhead,
        }));
      };
      return chain(keys.secretTree.peek(leafIndex, kindOf(message.contentType), generation), (peeked) =>
        onFailure(() => open(peeked), peeked.discard),
      );
    },
  );
}
