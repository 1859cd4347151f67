// RFC 9420 §12.4.3, §12.4.3.1: making a GroupInfo, and the Welcome for new members.
import { EMPTY, equalBytes, wipe } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { encryptContext, makeKeyPackageRef, sealAll, signWithLabel } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { all, type CipherSuiteProvider, type Signer } from "../../provider/index.js";
import { deriveWelcomeSecret, welcomeKeyAndNonce } from "../../schedule/index.js";
import { commonAncestor } from "../../tree/index.js";
import {
  type Extension,
  ExtensionType,
  ExternalPub,
  GroupInfo,
  GroupInfoTBS,
  GroupSecrets,
  KeyPackage,
  type PreSharedKeyID,
  RatchetTreeNodes,
  type Welcome,
} from "../../wire/index.js";
import type { Epoch, NextEpoch } from "../epoch.js";
import type { AddedMember } from "../proposals/index.js";

export const GROUP_INFO_LABEL = "GroupInfoTBS";

/** The `ratchet_tree` extension, §12.4.3.3 */
export function ratchetTreeExtension({ tree }: Pick<Epoch, "tree">): Extension {
  return {
    extensionType: ExtensionType.ratchetTree,
    extensionData: encode(RatchetTreeNodes, tree.toNodes()),
  };
}

/** The `external_pub` extension, §12.4.3.2, whose key pair comes from the epoch's external secret (§8). */
export async function externalPubExtension(
  provider: CipherSuiteProvider,
  { secrets }: Pick<Epoch, "secrets">,
): Promise<Extension> {
  const { publicKey } = await provider.hpke.deriveKeyPair(secrets.externalSecret);
  return {
    extensionType: ExtensionType.externalPub,
    extensionData: encode(ExternalPub, { externalPub: publicKey }),
  };
}

/**
 * A GroupInfo (§12.4.3) of an epoch, signed by the member whose epoch it is.
 * @param signer must be the one whose key stands in that member's leaf of this very epoch
 * @throws MlsError `usage` for another signer
 */
export async function createGroupInfo(
  epoch: Epoch,
  signer: Signer,
  extensions: readonly Extension[],
): Promise<GroupInfo> {
  const { leafIndex } = epoch.keys;
  const signatureKey = epoch.tree.leaf(leafIndex)?.signatureKey;
  if (signatureKey === undefined || !equalBytes(signatureKey, signer.publicKey)) {
    throw new MlsError("usage", "a GroupInfo is signed with the key of the signer's leaf in the same epoch");
  }
  const unsigned: GroupInfoTBS = {
    groupContext: epoch.groupContext,
    extensions,
    confirmationTag: epoch.confirmationTag,
    signer: leafIndex,
  };
  const signature = await signWithLabel(signer, GROUP_INFO_LABEL, encode(GroupInfoTBS, unsigned));
  return { ...unsigned, signature };
}

export interface WelcomeOptions {
  readonly added: readonly AddedMember[];
  /** By node index of the committer's filtered direct path; none for a commit without a path. */
  readonly pathSecrets: ReadonlyMap<number, Uint8Array> | undefined;
  readonly psks: readonly PreSharedKeyID[];
  readonly signer: Signer;
  readonly extensions: readonly Extension[];
}

/** One Welcome (§12.4.3.1) for all members that a commit adds. The secrets stay the caller's to wipe. */
export async function createWelcome(
  provider: CipherSuiteProvider,
  { epoch, joinerSecret, pskSecret }: NextEpoch,
  options: WelcomeOptions,
): Promise<Welcome> {
  const { added, pathSecrets, psks, signer, extensions } = options;
  const groupInfo = await createGroupInfo(epoch, signer, extensions);
  const welcomeSecret = await deriveWelcomeSecret(provider, joinerSecret, pskSecret);
  const { key, nonce } = await welcomeKeyAndNonce(provider, welcomeSecret);
  const encryptedGroupInfo = await provider.aead.seal(key, nonce, EMPTY, encode(GroupInfo, groupInfo));
  wipe(welcomeSecret, key, nonce);

  const info = encryptContext("Welcome", encryptedGroupInfo);
  const references = await all(
    added.map(({ keyPackage }) => makeKeyPackageRef(provider, KeyPackage.encoding(keyPackage))),
  );
  // Members with the same path secret get the same plaintext.
  const plaintexts = new Map<number, Uint8Array>();
  const plaintextFor = (leafIndex: number): Uint8Array => {
    const ancestor = pathSecrets === undefined ? -1 : commonAncestor(epoch.keys.leafIndex, leafIndex);
    let plaintext = plaintexts.get(ancestor);
    if (plaintext === undefined) {
      const secret = pathSecrets?.get(ancestor);
      plaintext = encode(GroupSecrets, {
        joinerSecret,
        pathSecret: secret && { pathSecret: secret },
        psks,
      });
      plaintexts.set(ancestor, plaintext);
    }
    return plaintext;
  };
  try {
    const sealed = await sealAll(
      provider,
      added.map(({ keyPackage, leafIndex }) => ({
        publicKey: keyPackage.initKey,
        info,
        aad: EMPTY,
        plaintext: plaintextFor(leafIndex),
      })),
    );
    return {
      cipherSuite: provider.suite.id,
      secrets: sealed.map((encryptedGroupSecrets, i) => ({
        newMember: references[i] as Uint8Array,
        encryptedGroupSecrets,
      })),
      encryptedGroupInfo,
    };
  } finally {
    wipe(...plaintexts.values());
  }
}
