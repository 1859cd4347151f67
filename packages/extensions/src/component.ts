// draft-ietf-mls-extensions, Safe Application Interface: components of an application use the keys of a group. The
// component's ID is part of each label, so no component can use the signatures or ciphertexts of another.
import {
  type Awaitable,
  type Bytes,
  type CipherSuiteProvider,
  chain,
  copied,
  decryptWithLabel,
  encode,
  encryptWithLabel,
  type Group,
  type HpkePrivateKey,
  type HpkeSealed,
  MlsError,
  type OperationOptions,
  type Owned,
  opaque,
  type Signer,
  signWithLabel,
  struct,
  uint16,
  utf8,
  verifyWithLabel,
} from "@copse/core/extension";

/**
 * The IDs of the components that the draft defines. IDs from 0x8000 on are for private use by applications.
 * @example
 * ```ts
 * const extensions = [appDataDictionary([{ componentId: ComponentId.safeAad, data }])];
 * ```
 */
export const ComponentId = {
  appComponents: 1,
  safeAad: 2,
  contentMediaTypes: 3,
  lastResortKeyPackage: 4,
  appAck: 5,
} as const;

/** The component IDs that are reserved for GREASE: 0x0A0A, 0x1A1A, up to 0x7A7A. They stand for no component. */
export const GREASE_COMPONENTS: readonly number[] = /* @__PURE__ */ Array.from(
  { length: 8 },
  (_, i) => i * 0x1010 + 0x0a0a,
);

/** ComponentOperationLabel */
const ComponentOperationLabel = struct({ baseLabel: opaque, componentId: uint16, label: opaque });
const BASE_LABEL = /* @__PURE__ */ utf8("MLS Component");

/**
 * An encoded ComponentOperationLabel: the label of an operation that a component does with keys of MLS.
 * @example
 * ```ts
 * const label = componentLabel(0x8001, "poll result");
 * ```
 */
export function componentLabel(componentId: number, label: string): Bytes {
  return encode(ComponentOperationLabel, { baseLabel: BASE_LABEL, componentId, label: utf8(label) });
}

/**
 * SafeSignWithLabel, for callers that hold the signer. With a group, use {@link signAsComponent}.
 * @example
 * ```ts
 * const signature = await safeSignWithLabel(signer, 0x8001, "poll result", content);
 * ```
 */
export function safeSignWithLabel(
  signer: Signer,
  componentId: number,
  label: string,
  content: Uint8Array,
): Awaitable<Bytes> {
  return own(signWithLabel(signer, componentLabel(componentId, label), content));
}

/**
 * SafeVerifyWithLabel, for callers that have the public key. With a group, use {@link verifyAsComponent}.
 * @example
 * ```ts
 * const valid = await safeVerifyWithLabel(provider, publicKey, 0x8001, "poll result", content, signature);
 * ```
 */
export function safeVerifyWithLabel(
  provider: CipherSuiteProvider,
  publicKey: Uint8Array,
  componentId: number,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
): Awaitable<boolean> {
  return verifyWithLabel(provider, publicKey, componentLabel(componentId, label), content, signature);
}

/**
 * SafeEncryptWithLabel, for callers that have the public key. With a group, use {@link encryptAsComponent}.
 * @example
 * ```ts
 * const sealed = await safeEncryptWithLabel(provider, publicKey, 0x8001, "ballot", context, plaintext);
 * ```
 */
export function safeEncryptWithLabel(
  provider: CipherSuiteProvider,
  publicKey: Uint8Array,
  componentId: number,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
): Awaitable<Owned<HpkeSealed>> {
  return own(encryptWithLabel(provider, publicKey, componentLabel(componentId, label), context, plaintext));
}

/**
 * SafeDecryptWithLabel, for callers that hold the private key. With a group, use {@link decryptAsComponent}.
 * @throws CryptoError if the ciphertext, the component, the label or the context isn't the one that was sealed
 * @example
 * ```ts
 * const plaintext = await safeDecryptWithLabel(provider, privateKey, 0x8001, "ballot", context, sealed);
 * ```
 */
export function safeDecryptWithLabel(
  provider: CipherSuiteProvider,
  privateKey: HpkePrivateKey,
  componentId: number,
  label: string,
  context: Uint8Array,
  sealed: HpkeSealed,
): Awaitable<Bytes> {
  return own(decryptWithLabel(provider, privateKey, componentLabel(componentId, label), context, sealed));
}

/** A copy, because a provider may answer with memory that threads share. */
function own<T>(answer: Awaitable<T>): Awaitable<Owned<T>> {
  return chain(answer, (value) => copied(value));
}

function leafOf(group: Pick<Group, "leafNode">, leafIndex: number) {
  const leafNode = group.leafNode(leafIndex);
  if (leafNode === undefined)
    throw new MlsError("unknown-sender", `expected the leaf index of a member, got ${leafIndex}`);
  return leafNode;
}

/**
 * Signs with the signature key of the own leaf.
 * @example
 * ```ts
 * const signature = await signAsComponent(group, 0x8001, "poll result", content);
 * ```
 */
export function signAsComponent(
  group: Group,
  componentId: number,
  label: string,
  content: Uint8Array,
  options: OperationOptions = {},
): Promise<Bytes> {
  return group.withEpoch(({ signer }) => safeSignWithLabel(signer, componentId, label, content), options);
}

/**
 * Whether a signature is valid under the signature key of a member's leaf.
 * @throws MlsError `unknown-sender` if no member is at `leafIndex`
 * @example
 * ```ts
 * const valid = await verifyAsComponent(group, sender.leafIndex, 0x8001, "poll result", content, signature);
 * ```
 */
export function verifyAsComponent(
  group: Group,
  leafIndex: number,
  componentId: number,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
  options: OperationOptions = {},
): Promise<boolean> {
  return group.withEpoch(({ provider }) => {
    const { signatureKey } = leafOf(group, leafIndex);
    return safeVerifyWithLabel(provider, signatureKey, componentId, label, content, signature);
  }, options);
}

/**
 * Encrypts to one member, by the encryption key of its leaf in this epoch.
 * @param context bound to the ciphertext, and needed to decrypt it
 * @throws MlsError `unknown-sender` if no member is at `leafIndex`
 * @example
 * ```ts
 * const sealed = await encryptAsComponent(group, 2, 0x8001, "ballot", context, plaintext);
 * ```
 */
export function encryptAsComponent(
  group: Group,
  leafIndex: number,
  componentId: number,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
  options: OperationOptions = {},
): Promise<Owned<HpkeSealed>> {
  return group.withEpoch(({ provider }) => {
    const { encryptionKey } = leafOf(group, leafIndex);
    return safeEncryptWithLabel(provider, encryptionKey, componentId, label, context, plaintext);
  }, options);
}

/**
 * Decrypts what was encrypted to the own leaf. The leaf's key changes with each own update or commit with a path:
 * earlier ciphertexts can't be decrypted then.
 * @throws CryptoError if the ciphertext, the component, the label or the context isn't the one that was sealed
 * @example
 * ```ts
 * const plaintext = await decryptAsComponent(group, 0x8001, "ballot", context, sealed);
 * ```
 */
export function decryptAsComponent(
  group: Group,
  componentId: number,
  label: string,
  context: Uint8Array,
  sealed: HpkeSealed,
  options: OperationOptions = {},
): Promise<Bytes> {
  return group.withEpoch(
    ({ provider, leafKey }) => safeDecryptWithLabel(provider, leafKey, componentId, label, context, sealed),
    options,
  );
}
