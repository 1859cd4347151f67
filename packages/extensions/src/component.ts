// draft-ietf-mls-extensions, Component IDs: parts of an application that share a group and don't get in each other's way.
import {
  type Awaitable,
  type CipherSuiteProvider,
  decryptWithLabel,
  encode,
  encryptWithLabel,
  type Group,
  type HpkePrivateKey,
  type HpkeSealed,
  MlsError,
  opaque,
  type Signer,
  signWithLabel,
  struct,
  uint16,
  utf8,
  verifyWithLabel,
} from "@copse/core/extension";

/** Components that the draft itself defines. From 0x8000 on they are the application's own. */
export const ComponentId = {
  appComponents: 1,
  safeAad: 2,
  contentMediaTypes: 3,
  lastResortKeyPackage: 4,
  appAck: 5,
} as const;

/** Component IDs that stand for no component (GREASE). */
export const GREASE_COMPONENTS: readonly number[] = /* @__PURE__ */ Array.from(
  { length: 8 },
  (_, i) => i * 0x1010 + 0x0a0a,
);

/** ComponentOperationLabel */
const ComponentOperationLabel = struct({ baseLabel: opaque, componentId: uint16, label: opaque });
const BASE_LABEL = /* @__PURE__ */ utf8("MLS Component");

/** A ComponentOperationLabel, encoded: the label of an operation that a component does with keys of MLS. */
export function componentLabel(componentId: number, label: string): Uint8Array {
  return encode(ComponentOperationLabel, { baseLabel: BASE_LABEL, componentId, label: utf8(label) });
}

/** SafeSignWithLabel */
export function safeSignWithLabel(
  signer: Signer,
  componentId: number,
  label: string,
  content: Uint8Array,
): Awaitable<Uint8Array> {
  return signWithLabel(signer, componentLabel(componentId, label), content);
}

/** SafeVerifyWithLabel */
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

/** SafeEncryptWithLabel */
export function safeEncryptWithLabel(
  provider: CipherSuiteProvider,
  publicKey: Uint8Array,
  componentId: number,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
): Awaitable<HpkeSealed> {
  return encryptWithLabel(provider, publicKey, componentLabel(componentId, label), context, plaintext);
}

/** SafeDecryptWithLabel. @throws CryptoError */
export function safeDecryptWithLabel(
  provider: CipherSuiteProvider,
  privateKey: HpkePrivateKey,
  componentId: number,
  label: string,
  context: Uint8Array,
  sealed: HpkeSealed,
): Awaitable<Uint8Array> {
  return decryptWithLabel(provider, privateKey, componentLabel(componentId, label), context, sealed);
}

function leafOf(group: Pick<Group, "leafNode">, leafIndex: number) {
  const leafNode = group.leafNode(leafIndex);
  if (leafNode === undefined) throw new MlsError("unknown-sender", `there is no member at leaf ${leafIndex}`);
  return leafNode;
}

/** Signs with the key of the own leaf. */
export function signAsComponent(
  group: Group,
  componentId: number,
  label: string,
  content: Uint8Array,
): Promise<Uint8Array> {
  return group.withEpoch(({ signer }) => safeSignWithLabel(signer, componentId, label, content));
}

/** Whether a signature is by the key of a member's leaf. @throws MlsError `unknown-sender` */
export function verifyAsComponent(
  group: Group,
  leafIndex: number,
  componentId: number,
  label: string,
  content: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return group.withEpoch(({ provider }) => {
    const { signatureKey } = leafOf(group, leafIndex);
    return safeVerifyWithLabel(provider, signatureKey, componentId, label, content, signature);
  });
}

/** Encrypts to one member, by the key of its leaf in this epoch. @throws MlsError `unknown-sender` */
export function encryptAsComponent(
  group: Group,
  leafIndex: number,
  componentId: number,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
): Promise<HpkeSealed> {
  return group.withEpoch(({ provider }) => {
    const { encryptionKey } = leafOf(group, leafIndex);
    return safeEncryptWithLabel(provider, encryptionKey, componentId, label, context, plaintext);
  });
}

/** Decrypts what was encrypted to the own leaf's present key. @throws CryptoError */
export function decryptAsComponent(
  group: Group,
  componentId: number,
  label: string,
  context: Uint8Array,
  sealed: HpkeSealed,
): Promise<Uint8Array> {
  return group.withEpoch(({ provider, leafKey }) =>
    safeDecryptWithLabel(provider, leafKey, componentId, label, context, sealed),
  );
}
