// RFC 9420 §5.1.2, §5.1.3, §5.2, §8: the operations that bind a label to what they do.
import { concat, EMPTY, utf8 } from "../bytes.js";
import { opaque, varintSize, Writer } from "../codec/index.js";
import {
  type Awaitable,
  chain,
  type CipherSuiteProvider,
  type HpkePrivateKey,
  type HpkeSealed,
  type Signer,
  useSecret,
  type VerifyRequest,
} from "../provider/index.js";
import { expandAll } from "./batch.js";

const PREFIX = /* @__PURE__ */ utf8("MLS 1.0 ");

/** A label: a string, or bytes where an extension of the protocol makes labels of structures. */
export type Label = string | Uint8Array;

interface KnownLabel {
  /** `"MLS 1.0 " + Label` */
  readonly bytes: Uint8Array;
  /** KDFLabels with this label and without a context, by their length. */
  readonly infos: Map<number, Uint8Array>;
}

const known = new Map<string, KnownLabel>();
/** Labels are few and fixed but for those of exporters, which applications choose. */
const MOST_KNOWN = 64;

function knownLabel(label: string): KnownLabel {
  let found = known.get(label);
  if (found === undefined) {
    found = { bytes: utf8(`MLS 1.0 ${label}`), infos: new Map() };
    if (known.size < MOST_KNOWN) known.set(label, found);
  }
  return found;
}

/** `"MLS 1.0 " + Label` */
export const mlsLabel = (label: Label): Uint8Array =>
  typeof label === "string" ? knownLabel(label).bytes : concat(PREFIX, label);

/** How many bytes `opaque bytes<V>` takes. */
const vectorSize = ({ length }: Uint8Array): number => varintSize(length) + length;

/** `{ opaque label<V>; opaque content<V>; }`: SignContent, EncryptContext and RefHashInput are of this form. */
function labelAndContent(label: Uint8Array, content: Uint8Array): Uint8Array {
  const writer = new Writer(vectorSize(label) + vectorSize(content), true);
  opaque.write(writer, label);
  opaque.write(writer, content);
  return writer.finish();
}

/** KDFLabel, RFC 9420 §8, encoded: what ExpandWithLabel hands to the KDF, for those who do so many times. */
export function kdfLabel(label: string, context: Uint8Array, length: number): Uint8Array {
  const { bytes, infos } = knownLabel(label);
  const found = context.length === 0 ? infos.get(length) : undefined;
  if (found !== undefined) return found;
  const writer = new Writer(2 + vectorSize(bytes) + vectorSize(context), true);
  writer.uint16(length);
  opaque.write(writer, bytes);
  opaque.write(writer, context);
  const info = writer.finish();
  // Most have no context, and are the same each time.
  if (context.length === 0 && infos.size < MOST_KNOWN) infos.set(length, info);
  return info;
}

/** SignWithLabel, RFC 9420 §5.1.2 */
export function signWithLabel(signer: Signer, label: Label, content: Uint8Array): Awaitable<Uint8Array> {
  return signer.sign(labelAndContent(mlsLabel(label), content));
}

/** What VerifyWithLabel, RFC 9420 §5.1.2, asks of the provider: for batches. */
export function verifyRequest(
  publicKey: Uint8Array,
  label: Label,
  content: Uint8Array,
  signature: Uint8Array,
): VerifyRequest {
  return { publicKey, message: labelAndContent(mlsLabel(label), content), signature };
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

/** EncryptContext, RFC 9420 §5.1.3, encoded: the `info` of an HPKE encryption */
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

/** RefHash, RFC 9420 §5.2. The label stands as it is, without a prefix. */
export function refHash(
  provider: CipherSuiteProvider,
  label: string,
  value: Uint8Array,
): Awaitable<Uint8Array> {
  return provider.hash.hash(labelAndContent(utf8(label), value));
}

/** MakeKeyPackageRef, RFC 9420 §5.2, of an encoded KeyPackage */
export function makeKeyPackageRef(
  provider: CipherSuiteProvider,
  keyPackage: Uint8Array,
): Awaitable<Uint8Array> {
  return refHash(provider, "MLS 1.0 KeyPackage Reference", keyPackage);
}

/** MakeProposalRef, RFC 9420 §5.2, of the encoded AuthenticatedContent that carries the proposal */
export function makeProposalRef(provider: CipherSuiteProvider, content: Uint8Array): Awaitable<Uint8Array> {
  return refHash(provider, "MLS 1.0 Proposal Reference", content);
}

/** ExpandWithLabel, RFC 9420 §8 */
export function expandWithLabel(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Awaitable<Uint8Array> {
  return provider.kdf.expand(secret, kdfLabel(label, context, length), length);
}

/** ExpandWithLabel, RFC 9420 §8, of one secret with each of these labels, contexts and lengths */
export function expandAllWithLabels(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  outputs: readonly (readonly [label: string, context: Uint8Array, length: number])[],
): Awaitable<Uint8Array[]> {
  return expandAll(
    provider,
    secret,
    outputs.map(([label, context, length]) => ({ info: kdfLabel(label, context, length), length })),
  );
}

/** DeriveTreeSecret, RFC 9420 §9.1, of one secret with each of these labels and lengths */
export function deriveTreeSecrets(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  generation: number,
  outputs: readonly (readonly [label: string, length: number])[],
): Awaitable<Uint8Array[]> {
  // Not by a DataView: a view of four bytes costs more than they do.
  const context = Uint8Array.of(generation >>> 24, generation >>> 16, generation >>> 8, generation);
  return expandAll(
    provider,
    secret,
    outputs.map(([label, length]) => ({ info: kdfLabel(label, context, length), length })),
  );
}

/** DeriveSecret, RFC 9420 §8 */
export function deriveSecret(
  provider: CipherSuiteProvider,
  secret: Uint8Array,
  label: string,
): Awaitable<Uint8Array> {
  return expandWithLabel(provider, secret, label, EMPTY, provider.suite.hash.Nh);
}

/** MLS-Exporter, RFC 9420 §8.5 */
export function mlsExporter(
  provider: CipherSuiteProvider,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Awaitable<Uint8Array> {
  return chain(deriveSecret(provider, exporterSecret, label), (derived) =>
    useSecret(derived, (secret) =>
      chain(provider.hash.hash(context), (hash) =>
        expandWithLabel(provider, secret, "exported", hash, length),
      ),
    ),
  );
}
