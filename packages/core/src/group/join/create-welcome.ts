// RFC 9420 §12.4.3.1: making the Welcome for new members.
import { type Bytes, EMPTY, wipe } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { encryptContext, makeKeyPackageRef, sealAll } from "../../crypto/index.js";
import { checkMessageSize } from "../../framing/index.js";
import { all, type Signer } from "../../provider/index.js";
import { deriveWelcomeSecret, welcomeKeyAndNonce } from "../../schedule/index.js";
import { commonAncestor } from "../../tree/index.js";
import {
  GroupInfo,
  GroupSecrets,
  KeyPackage,
  MlsMessage,
  type PreSharedKeyID,
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
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
  /** Whether it carries the tree. */
  readonly ratchetTree: boolean;
}

/**
 * One Welcome (§12.4.3.1) for all new members, as an encoded MLSMessage; `undefined` without any. The caller must
 * overwrite the secrets.
 */
export async function createWelcome(
  config: GroupConfig,
  { epoch, joinerSecret }: NextEpoch,
  options: WelcomeOptions,
): Promise<Bytes | undefined> {
  const { added, pathSecrets, psks, pskSecret, signer, ratchetTree } = options;
  if (added.length === 0) return undefined;
  const { provider } = config;
  const groupInfo = await createGroupInfo(config, epoch, signer, { externalPub: false, ratchetTree });
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
    const secrets = sealed.map((encryptedGroupSecrets, i) => ({
      newMember: references[i] as Uint8Array,
      encryptedGroupSecrets,
    }));
    const welcome = { cipherSuite: provider.suite.id, secrets, encryptedGroupInfo };
    const message = encode(MlsMessage, { version: 1, wireFormat: WireFormat.welcome, welcome });
    checkMessageSize(config.policy.maxJoinSize, message.length);
    return message;
  } finally {
    wipe(...plaintexts.values());
  }
}
