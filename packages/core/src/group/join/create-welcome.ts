// RFC 9420 §12.4.3.1: making the Welcome for new members.
import { EMPTY, wipe } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { encryptContext, makeKeyPackageRef, sealAll } from "../../crypto/index.js";
import { all, type CipherSuiteProvider, type Signer } from "../../provider/index.js";
import { deriveWelcomeSecret, welcomeKeyAndNonce } from "../../schedule/index.js";
import { commonAncestor } from "../../tree/index.js";
import {
  type Extension,
  GroupInfo,
  GroupSecrets,
  KeyPackage,
  type PreSharedKeyID,
  type Welcome,
} from "../../wire/index.js";
import type { NextEpoch } from "../epoch.js";
import type { AddedMember } from "../proposals/index.js";
import { createGroupInfo } from "./group-info.js";

export interface WelcomeOptions {
  readonly added: readonly AddedMember[];
  /** By the node indices of the committer's filtered direct path; `undefined` without a path. */
  readonly pathSecrets: ReadonlyMap<number, Uint8Array> | undefined;
  readonly psks: readonly PreSharedKeyID[];
  /** `Nh` bytes */
  readonly pskSecret: Uint8Array;
  readonly signer: Signer;
  readonly extensions: readonly Extension[];
}

/** One Welcome (§12.4.3.1) for all new members. The caller must overwrite the secrets. */
export async function createWelcome(
  provider: CipherSuiteProvider,
  { epoch, joinerSecret }: NextEpoch,
  options: WelcomeOptions,
): Promise<Welcome> {
  const { added, pathSecrets, psks, pskSecret, signer, extensions } = options;
  const groupInfo = await createGroupInfo(epoch, signer, extensions);
  const welcomeSecret = await deriveWelcomeSecret(provider, joinerSecret, pskSecret);
  const { key, nonce } = await welcomeKeyAndNonce(provider, welcomeSecret);
  const encryptedGroupInfo = await provider.aead.seal(key, nonce, EMPTY, encode(GroupInfo, groupInfo));
  wipe(welcomeSecret, key, nonce);

  const info = encryptContext("Welcome", encryptedGroupInfo);
  const references = await all(
    added.map(({ keyPackage }) => makeKeyPackageRef(provider, KeyPackage.encoding(keyPackage))),
  );
  // New members with the same path secret get the same plaintext.
  const plaintexts = new Map<number, Uint8Array>();
  const plaintextFor = (leafIndex: number): Uint8Array => {
    const ancestor = pathSecrets === undefined ? -1 : commonAncestor(epoch.keys.leafIndex, leafIndex);
    let plaintext = plaintexts.get(ancestor);
    if (plaintext === undefined) {
      const secret = pathSecrets?.get(ancestor);
      plaintext = encode(GroupSecrets, { joinerSecret, pathSecret: secret && { pathSecret: secret }, psks });
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
