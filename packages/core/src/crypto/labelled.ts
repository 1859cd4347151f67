// RFC 9420 §5.1.2, §5.1.3, §5.2, §8: operations with labels.
import { concat, EMPTY, utf8 } from "../bytes.js";
import { opaque, vectorSize, written } from "../codec/index.js";
import {
  type Awaitable,
  type CipherSuiteProvider,
  type HpkePrivateKey,
  type HpkeSealed,
  type Signer,
  useSecret,
  type VerifyRequest,
} from "../provider/index.js";
import { expandAll } from "./batch.js";

const PREFIX = /* @__PURE__ */ utf8("MLS 1.0 ");

/** A label: a string, or the bytes of a structure that an extension uses as a label. */
export type Label = string | Uint8Array;

interface KnownLabel {
  /** `"MLS 1.0 " + Label` */
  readonly bytes: Uint8Array;
  /** The encoded KDFLabels with this label and an empty context, by output length. */
  readonly infos: Map<number, Uint8Array>;
}

const known = new Map<string, KnownLabel>();
/** The limit of each cache. The protocol has a few dozen labels, but applications choose the labels of exporters. */
const MAX_KNOWN = 64;

function knownLabel(label: string): KnownLabel {
  let found = known.get(label);
  if (found === undefined) {
    found = { bytes: utf8(`MLS 1.0 ${label}`), infos: new Map() };
    if (known.size < MAX_KNOWN) known.set(label, found);
  }
  return found;
}

/** `"MLS 1.0 " + Label` */
export const mlsLabel = (label: Label): Uint8Array =>
  typeof label === "string" ? knownLabel(label).bytes : concat(PREFIX, label);

/** Encodes `{ opaque label<V>; opaque content<V>; }`, the form of SignContent, EncryptContext and RefHashInput. */
function labelAndContent(label: Uint8Array, ...content: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of content) length += part.length;
  return written((writer) => {
    opaque.write(writer, label);
    writer.varint(length);
    for (const part of content) writer.raw(part);
  }, vectorSize(label) + vectorSize({ length }));
}

/** Encodes KDFLabel, RFC 9420 §8: the `info` of the KDF in ExpandWithLabel. */
export function kdfLabel(label: string, context: Uint8Array, length: number): Uint8Array {
  const { bytes, infos } = knownLabel(label);
  const found = context.length === 0 ? infos.get(length) : undefined;
  if (found !== undefined) return found;
  const info = written((writer) => {
    writer.uint16(length);
    opaque.write(writer, bytes);
    opaque.write(writer, context);
  });
  // Most labels have no context: their KDFLabel is the same each time.
  if (context.length === 0 && infos.size < MAX_KNOWN) infos.set(length, info);
  return info;
}

/** SignWithLabel, RFC 9420 §5.1.2 */
export function signWithLabel(signer: Signer, label: Label, content: Uint8Array): Awaitable<Uint8Array> {
  return signer.sign(labelAndContent(mlsLabel(label), content));
}

/** VerifyWithLabel, RFC 9420 §5.1.2, as a request for a batch. @param content in parts, which saves a copy */
export function verifyRequest(
  publicKey: Uint8Array,
  label: Label,
  content: readonly Uint8Array[],
  signature: Uint8Array,
): VerifyRequest {
  return { publicKey, message: labelAndContent(mlsLabel(label), ...content), signature };
}

/** VerifyWithLabel, RFC 9420 §5.1.2 */
export function verifyWithLabel(
  provider: CipherSuiteProvider,
  publicKey: Uint8Array,
  label: Label,
  content: Uint8Array,
  signature: Uint8Array,
): Awaitable<boolean> {
  return provider.signature.verify(publicKey, labelAndContent(mlsLabel(label), content), signature);
}

/** Encodes EncryptContext, RFC 9420 §5.1.3: the `info` of the HPKE encryption. */
export function encryptContext(label: Label, context: Uint8Array): Uint8Array {
  return labelAndContent(mlsLabel(label), context);
}

/** EncryptWithLabel, RFC 9420 §5.1.3 */
export function encryptWithLabel(
  provider: CipherSuiteProvider,
  publicKey: Uint8Array,
  label: Label,
  context: Uint8Array,
  plaintext: Uint8Array,
): Awaitable<HpkeSealed> {
  return provider.hpke.seal(publicKey, encryptContext(label, context), EMPTY, plaintext);
}

/** DecryptWithLabel, RFC 9420 §5.1.3. @throws CryptoError */
export function decryptWithLabel(
  provider: CipherSuiteProvider,
  privateKey: HpkePrivateKey,
  label: Label,
  context: Uint8Array,
  sealed: HpkeSealed,
): Awaitable<Uint8Array> {
  return provider.hpke.open(
    privateKey,
    sealed.kemOutput,
    encryptContext(label, context),
    EMPTY,
    sealed.ciphertext,
  );
}

/** RefHash, RFC 9420 §5.2: `Nh` bytes. The label gets no prefix. */
export function refHash(
  provider: CipherSuiteProvider,
  label: string,
  value: Uint8Array,
): Awaitable<Uint8Array> {
  return provider.hash.hash(labelAndContent(utf8(label), value));
}

/** MakeKeyPackageRef, RFC 9420 §5.2, of an encoded KeyPackage: `Nh` bytes. */
export function makeKeyPackageRef(
  provider: CipherSuiteProvider,
  keyPackage: Uint8Array,
): Awaitable<Uint8Array> {
  return refHash(provider, "MLS 1.0 KeyPackage Reference", keyPackage);
}

/** MakeProposalRef, RFC 9420 §5.2, of the encoded AuthenticatedContent that carries the proposal: `Nh` bytes. */
export function makeProposalRef(provider: CipherSuiteProvider, content: Uint8Array): Awaitable<Uint8Array> {
  return refHash(provider, "MLS 1.0 Proposal Reference", content);
}

/** ExpandWithLabel, RFC 9420 §8: `length` bytes. */
export function expandWithLabel(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Awaitable<Uint8Array> {
  return provider.kdf.expand(secret, kdfLabel(label, context, length), length);
}

/** One output for each request of a list: a tuple for a tuple. */
type Outputs<R extends readonly unknown[]> = { -readonly [K in keyof R]: Uint8Array };

/** ExpandWithLabel, RFC 9420 §8, of one secret for each label, context and length (in bytes), in their order. */
export function expandAllWithLabels<
  const R extends readonly (readonly [label: string, context: Uint8Array, length: number])[],
>(provider: CipherSuiteProvider, secret: Uint8Array, outputs: R): Awaitable<Outputs<R>> {
  const requests = outputs.map(([label, context, length]) => ({
    info: kdfLabel(label, context, length),
    length,
  }));
  // The cast: a provider returns as many outputs as there are requests.
  return expandAll(provider, secret, requests) as Awaitable<Outputs<R>>;
}

/** DeriveTreeSecret, RFC 9420 §9.1, of one secret for each label and length (in bytes), in their order. */
export function deriveTreeSecrets(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  generation: number,
  outputs: readonly (readonly [label: string, length: number])[],
): Awaitable<Uint8Array[]> {
  // Without a DataView, which costs more than the array itself.
  const context = Uint8Array.of(generation >>> 24, generation >>> 16, generation >>> 8, generation);
  const requests = outputs.map(([label, length]) => ({ info: kdfLabel(label, context, length), length }));
  return expandAll(provider, secret, requests);
}

/** DeriveSecret, RFC 9420 §8: `KDF.Nh` bytes. */
export function deriveSecret(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  label: string,
): Awaitable<Uint8Array> {
  return expandWithLabel(provider, secret, label, EMPTY, provider.suite.hash.Nh);
}

/** MLS-Exporter, RFC 9420 §8.5: `length` bytes. */
export async function mlsExporter(
  provider: CipherSuiteProvider,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  // First of all, because a new epoch may overwrite the exporter secret while an asynchronous provider works.
  const derived = await deriveSecret(provider, exporterSecret, label);
  return useSecret(derived, async (secret) =>
    expandWithLabel(provider, secret, "exported", await provider.hash.hash(context), length),
  );
}
