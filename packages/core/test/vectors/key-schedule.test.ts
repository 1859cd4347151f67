// RFC 9420 §8, §9, §12.4.3.1: the working group's vectors for the key schedule, on every provider.

import { hex, toHex } from "@copse/test-support/bytes";
import { nodeSuite } from "@copse/test-support/providers";
import { forEachVector } from "@copse/test-support/vectors";
import { expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import {
  decryptWithLabel,
  makeKeyPackageRef,
  mlsExporter,
  verifyWithLabel,
} from "../../src/crypto/labelled.js";
import { senderDataKeyAndNonce } from "../../src/framing/private-message.js";
import {
  deriveEpochSecrets,
  deriveJoinerSecret,
  deriveWelcomeSecret,
  pskSecret,
  welcomeKeyAndNonce,
} from "../../src/schedule/key-schedule.js";
import { DEFAULT_RATCHET_LIMITS } from "../../src/schedule/ratchet-limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";
import {
  confirmationTag,
  confirmedTranscriptHash,
  interimTranscriptHash,
} from "../../src/schedule/transcript.js";
import { AuthenticatedContent } from "../../src/wire/framed-content.js";
import { GroupContext } from "../../src/wire/group-context.js";
import { KeyPackage } from "../../src/wire/key-package.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { PSKType } from "../../src/wire/psk.js";
import { GroupInfo, GroupInfoTBS, GroupSecrets } from "../../src/wire/welcome.js";

type Fields<K extends string> = { cipher_suite: number } & Record<K, string>;

interface KeyScheduleVector extends Fields<"group_id" | "initial_init_secret"> {
  epochs: (Record<
    | "tree_hash"
    | "commit_secret"
    | "psk_secret"
    | "confirmed_transcript_hash"
    | "group_context"
    | "joiner_secret"
    | "welcome_secret"
    | "init_secret"
    | "sender_data_secret"
    | "encryption_secret"
    | "exporter_secret"
    | "epoch_authenticator"
    | "external_secret"
    | "confirmation_key"
    | "membership_key"
    | "resumption_psk"
    | "external_pub",
    string
  > & { exporter: { label: string; context: string; length: number; secret: string } })[];
}

forEachVector<KeyScheduleVector>("key-schedule", async (vector, { suite: provider }) => {
  let initSecret = hex(vector.initial_init_secret);
  for (const [i, epoch] of vector.epochs.entries()) {
    const groupContext = encode(GroupContext, {
      version: 1,
      cipherSuite: vector.cipher_suite,
      groupId: hex(vector.group_id),
      epoch: BigInt(i),
      treeHash: hex(epoch.tree_hash),
      confirmedTranscriptHash: hex(epoch.confirmed_transcript_hash),
      extensions: [],
    });
    expect(toHex(groupContext)).toBe(epoch.group_context);
    const commitSecret = hex(epoch.commit_secret);
    const psk = hex(epoch.psk_secret);
    const joiner = await deriveJoinerSecret(provider, { initSecret, commitSecret, groupContext });
    expect(toHex(joiner)).toBe(epoch.joiner_secret);
    expect(toHex(await deriveWelcomeSecret(provider, joiner, psk))).toBe(epoch.welcome_secret);
    const { secrets } = await deriveEpochSecrets(provider, joiner, psk, groupContext);
    expect(Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, toHex(value)]))).toEqual({
      senderDataSecret: epoch.sender_data_secret,
      encryptionSecret: epoch.encryption_secret,
      exporterSecret: epoch.exporter_secret,
      externalSecret: epoch.external_secret,
      confirmationKey: epoch.confirmation_key,
      membershipKey: epoch.membership_key,
      resumptionPsk: epoch.resumption_psk,
      epochAuthenticator: epoch.epoch_authenticator,
      initSecret: epoch.init_secret,
    });
    const external = await provider.hpke.deriveKeyPair(secrets.externalSecret);
    expect(toHex(external.publicKey)).toBe(epoch.external_pub);
    const { label, context, length, secret } = epoch.exporter;
    expect(toHex(await mlsExporter(provider, secrets.exporterSecret, label, hex(context), length))).toBe(
      secret,
    );
    // What was given is left as it was.
    expect(toHex(joiner)).toBe(epoch.joiner_secret);
    expect(toHex(commitSecret)).toBe(epoch.commit_secret);
    expect(toHex(psk)).toBe(epoch.psk_secret);
    initSecret = hex(epoch.init_secret);
  }
});

interface PskVector extends Fields<"psk_secret"> {
  psks: Record<"psk_id" | "psk" | "psk_nonce", string>[];
}

forEachVector<PskVector>("psk_secret", async (vector, { suite }) => {
  const psks = vector.psks.map(({ psk_id, psk, psk_nonce }) => ({
    id: { pskType: PSKType.external, pskId: hex(psk_id), pskNonce: hex(psk_nonce) },
    psk: hex(psk),
  }));
  expect(toHex(await pskSecret(suite, psks))).toBe(vector.psk_secret);
  expect(psks.map(({ psk }) => toHex(psk))).toEqual(vector.psks.map(({ psk }) => psk));
});

it("no pre-shared key makes a secret of zeros", async () => {
  expect(await pskSecret(nodeSuite(1), [])).toEqual(new Uint8Array(32));
});

forEachVector<
  Fields<
    | "confirmation_key"
    | "authenticated_content"
    | "interim_transcript_hash_before"
    | "confirmed_transcript_hash_after"
    | "interim_transcript_hash_after"
  >
>("transcript-hashes", async (vector, { suite: provider }) => {
  const commit = decode(AuthenticatedContent, hex(vector.authenticated_content));
  const confirmed = await confirmedTranscriptHash(
    provider,
    hex(vector.interim_transcript_hash_before),
    commit,
  );
  expect(toHex(confirmed)).toBe(vector.confirmed_transcript_hash_after);
  const tag = await confirmationTag(provider, hex(vector.confirmation_key), confirmed);
  expect(tag).toEqual(commit.auth.confirmationTag);
  expect(toHex(await interimTranscriptHash(provider, confirmed, tag))).toBe(
    vector.interim_transcript_hash_after,
  );
});

type Generation = { generation: number } & Record<
  "handshake_key" | "handshake_nonce" | "application_key" | "application_nonce",
  string
>;
interface SecretTreeVector extends Fields<"encryption_secret"> {
  sender_data: Record<"sender_data_secret" | "ciphertext" | "key" | "nonce", string>;
  leaves: Generation[][];
}

forEachVector<SecretTreeVector>("secret-tree", async (vector, { suite: provider }) => {
  const { sender_data } = vector;
  const outer = await senderDataKeyAndNonce(
    provider,
    hex(sender_data.sender_data_secret),
    hex(sender_data.ciphertext),
  );
  expect([toHex(outer.key), toHex(outer.nonce)]).toEqual([sender_data.key, sender_data.nonce]);

  const width = vector.leaves.length;
  const receiving = new SecretTree(provider, width, hex(vector.encryption_secret), DEFAULT_RATCHET_LIMITS);
  const sending = new SecretTree(provider, width, hex(vector.encryption_secret), DEFAULT_RATCHET_LIMITS);
  // Leaves from the last to the first, generations as they come, then back again from what was skipped.
  for (let leaf = width - 1; leaf >= 0; leaf--) {
    for (const expected of vector.leaves[leaf] as Generation[]) {
      for (const kind of ["handshake", "application"] as const) {
        const peeked = await receiving.peek(leaf, kind, expected.generation);
        expect(toHex(peeked.key)).toBe(expected[`${kind}_key`]);
        expect(toHex(peeked.nonce)).toBe(expected[`${kind}_nonce`]);
        peeked.consume();
        let sent = await sending.next(leaf, kind);
        while (sent.generation < expected.generation) sent = await sending.next(leaf, kind);
        expect(toHex(sent.key)).toBe(expected[`${kind}_key`]);
        expect(toHex(sent.nonce)).toBe(expected[`${kind}_nonce`]);
      }
    }
  }
});

forEachVector<Fields<"init_priv" | "signer_pub" | "key_package" | "welcome">>(
  "welcome",
  async (vector, { suite: provider }) => {
    const packed = decode(MlsMessage, hex(vector.key_package));
    const message = decode(MlsMessage, hex(vector.welcome));
    if (packed.wireFormat !== 5 || message.wireFormat !== 3) throw new Error("another wire format");
    const { welcome } = message;
    const reference = toHex(await makeKeyPackageRef(provider, encode(KeyPackage, packed.keyPackage)));
    const entry = welcome.secrets.find(({ newMember }) => toHex(newMember) === reference);
    const { privateKey, publicKey } = await provider.hpke.importPrivateKey(hex(vector.init_priv));
    expect(publicKey).toEqual(packed.keyPackage.initKey);
    const groupSecrets = decode(
      GroupSecrets,
      await decryptWithLabel(
        provider,
        privateKey,
        "Welcome",
        welcome.encryptedGroupInfo,
        (entry as NonNullable<typeof entry>).encryptedGroupSecrets,
      ),
    );
    const noPsk = await pskSecret(provider, []);
    const welcomeSecret = await deriveWelcomeSecret(provider, groupSecrets.joinerSecret, noPsk);
    const { key, nonce } = await welcomeKeyAndNonce(provider, welcomeSecret);
    const groupInfo = decode(
      GroupInfo,
      await provider.aead.open(key, nonce, new Uint8Array(0), welcome.encryptedGroupInfo),
    );
    expect(
      await verifyWithLabel(
        provider,
        hex(vector.signer_pub),
        "GroupInfoTBS",
        encode(GroupInfoTBS, groupInfo),
        groupInfo.signature,
      ),
    ).toBe(true);
    const { secrets } = await deriveEpochSecrets(
      provider,
      groupSecrets.joinerSecret,
      noPsk,
      encode(GroupContext, groupInfo.groupContext),
    );
    expect(
      await confirmationTag(
        provider,
        secrets.confirmationKey,
        groupInfo.groupContext.confirmedTranscriptHash,
      ),
    ).toEqual(groupInfo.confirmationTag);
  },
);
