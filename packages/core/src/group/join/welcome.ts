// RFC 9420 §12.4.3.1: joining by a Welcome.
import { EMPTY, equalSecret, wipe } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { decryptWithLabel } from "../../crypto/index.js";
import { ensure } from "../../errors.js";
import type { Invitation } from "../../key-package/index.js";
import { deriveWelcomeSecret, welcomeKeyAndNonce } from "../../schedule/index.js";
import { keysFromPathSecret, type TreeKeys } from "../../tree/index.js";
import { GroupInfo, GroupSecrets, type Welcome } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { type Epoch, epochFromJoinerSecret, wipeEpoch } from "../epoch.js";
import { checkOwnSupport } from "../proposals/index.js";
import { checkWelcomePsks, pskSecretOf } from "../psks.js";
import { openGroupInfo } from "./group-info.js";
import { checkPredecessor, type Predecessors, type ResumptionPskId, resumptionIn } from "./resumption.js";

/** What a Welcome leads to. */
export interface OpenedWelcome {
  readonly epoch: Epoch;
  /** The leaf index of the member who signed its GroupInfo: the committer. */
  readonly signer: number;
  /** The PSK that ties the group to the one that it resumes, if any. */
  readonly resumption: ResumptionPskId | undefined;
}

/**
 * The epoch that a Welcome leads to.
 * @param invitation the key package that the Welcome was made for, with its entry in the Welcome
 * @param ratchetTree the encoded tree; needed if the GroupInfo doesn't carry it
 * @throws ValidationError, CryptoError, DecodeError; MlsError `missing` if there is no tree, or a PSK isn't known
 */
export async function joinByWelcome(
  config: GroupConfig,
  welcome: Welcome,
  invitation: Invitation,
  ratchetTree: Uint8Array | undefined,
  predecessors: Predecessors,
): Promise<OpenedWelcome> {
  const { provider } = config;
  const { found: own } = invitation;
  const { joinerSecret, psks, pathSecret } = await openGroupSecrets(config, welcome, invitation);
  let pskSecret: Uint8Array | undefined;
  try {
    ensure(
      joinerSecret.length === provider.suite.hash.Nh,
      "8: the joiner secret has KDF.Nh bytes",
      () => `expected ${provider.suite.hash.Nh} bytes, got ${joinerSecret.length}`,
    );
    checkWelcomePsks(psks, provider.suite.hash.Nh);
    const resumption = resumptionIn(psks);
    pskSecret = await pskSecretOf(config, psks);
    const groupInfo = await decryptGroupInfo(config, welcome, joinerSecret, pskSecret);
    const { groupContext, tree } = await openGroupInfo(config, groupInfo, ratchetTree);
    checkOwnSupport(config, groupContext.extensions);
    checkPredecessor(config, resumption, predecessors, { groupContext, tree });
    const leafIndex = tree.findLeaf(own.keyPackage.leafNode);
    ensure(leafIndex !== undefined, "12.4.3.1: a leaf must be identical to the leaf node of the KeyPackage");
    let keys: TreeKeys = { leafIndex, leafKey: own.leafKey, pathKeys: new Map() };
    if (pathSecret !== undefined) {
      keys = await keysFromPathSecret(provider, tree, keys, groupInfo.signer, pathSecret.pathSecret);
    }
    const epoch = await epochFromJoinerSecret(config, { groupContext, tree, keys }, joinerSecret, pskSecret);
    if (!equalSecret(epoch.confirmationTag, groupInfo.confirmationTag)) {
      wipeEpoch(epoch);
      ensure(false, "12.4.3.1: the confirmation tag in the GroupInfo must be the one that the epoch gives");
    }
    return { epoch, signer: groupInfo.signer, resumption };
  } finally {
    wipe(joinerSecret, pskSecret, pathSecret?.pathSecret);
  }
}

/** The GroupSecrets for this client. */
async function openGroupSecrets(
  { provider, registry }: GroupConfig,
  welcome: Welcome,
  { found: own, encrypted }: Invitation,
): Promise<GroupSecrets> {
  ensure(
    welcome.cipherSuite === own.keyPackage.cipherSuite,
    "12.4.3.1: the cipher suite indicated in the KeyPackage must match the one in the Welcome",
  );
  const plaintext = await decryptWithLabel(
    provider,
    own.initKey,
    "Welcome",
    welcome.encryptedGroupInfo,
    encrypted,
  );
  // The decoded secrets are views of the plaintext: overwriting them overwrites the plaintext.
  return decode(GroupSecrets, plaintext, registry.proposalTypes);
}

async function decryptGroupInfo(
  { provider }: GroupConfig,
  { encryptedGroupInfo }: Welcome,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Promise<GroupInfo> {
  const welcomeSecret = await deriveWelcomeSecret(provider, joinerSecret, pskSecret);
  const { key, nonce } = await welcomeKeyAndNonce(provider, welcomeSecret);
  try {
    return decode(GroupInfo, await provider.aead.open(key, nonce, EMPTY, encryptedGroupInfo));
  } finally {
    wipe(welcomeSecret, key, nonce);
  }
}
