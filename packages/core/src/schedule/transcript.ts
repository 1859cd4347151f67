// RFC 9420 §8.2, §6.1: transcript hashes and the confirmation tag.
import { opaque } from "../codec/index.js";
import { withBuffer } from "../crypto/index.js";
import type { Awaitable, CipherSuiteProvider } from "../provider/index.js";
import { type AuthenticatedContent, FramedContent, framedContentSize } from "../wire/index.js";

/**
 * `confirmed_transcript_hash_[n]`, RFC 9420 §8.2: `Nh` bytes.
 * @param interimBefore `interim_transcript_hash_[n-1]`: `Nh` bytes, or none before epoch 0 (§11)
 * @param authenticatedContent the commit that starts epoch n; the hash does not cover its confirmation tag
 */
export function confirmedTranscriptHash(
  provider: CipherSuiteProvider,
  interimBefore: Uint8Array,
  { wireFormat, content, auth }: AuthenticatedContent,
): Awaitable<Uint8Array> {
  const size = interimBefore.length + framedContentSize(content) + auth.signature.length + 8;
  return withBuffer(size, (writer) => {
    writer.raw(interimBefore);
    writer.uint16(wireFormat);
    FramedContent.write(writer, content);
    opaque.write(writer, auth.signature);
    return provider.hash.hash(writer.view());
  });
}

/** `interim_transcript_hash_[n]`, RFC 9420 §8.2, of a confirmed hash and its confirmation tag: `Nh` bytes. */
export function interimTranscriptHash(
  provider: CipherSuiteProvider,
  confirmed: Uint8Array,
  confirmationTag: Uint8Array,
): Awaitable<Uint8Array> {
  return withBuffer(0, (writer) => {
    writer.raw(confirmed);
    opaque.write(writer, confirmationTag);
    return provider.hash.hash(writer.view());
  });
}

/** `confirmation_tag`, RFC 9420 §6.1: `Nh` bytes. Compare it with `equalSecret`. */
export function confirmationTag(
  provider: CipherSuiteProvider,
  confirmationKey: Uint8Array,
  confirmed: Uint8Array,
): Awaitable<Uint8Array> {
  return provider.hash.mac(confirmationKey, confirmed);
}
