// RFC 9420 §5, §8, §9: vectors for the labelled operations, the key schedule, PSKs and the secret tree.
import { encode } from "../../packages/core/src/codec/codec.js";
import {
  deriveSecret,
  deriveTreeSecrets,
  encryptWithLabel,
  expandWithLabel,
  mlsExporter,
  refHash,
  signWithLabel,
} from "../../packages/core/src/crypto/labelled.js";
import { senderDataKeyAndNonce } from "../../packages/core/src/framing/private-message.js";
import {
  deriveEpochSecrets,
  deriveJoinerSecret,
  deriveWelcomeSecret,
  pskSecret,
} from "../../packages/core/src/schedule/key-schedule.js";
import { SecretTree } from "../../packages/core/src/schedule/secret-tree.js";
import { GroupContext } from "../../packages/core/src/wire/group-context.js";
import { PSKType } from "../../packages/core/src/wire/psk.js";
import { toHex, type VectorContext } from "./source.js";
import { signerPair } from "./trees.js";

export async function cryptoBasics({ id, source, suite }: VectorContext) {
  const { Nh } = suite.suite.hash;
  const value = source.bytes(Nh);
  const secret = () => source.bytes(Nh);
  const expand = { secret: secret(), label: "ExpandWithLabel", context: source.bytes(Nh), length: 16 };
  const derive = { secret: secret(), label: "DeriveSecret" };
  const tree = { secret: secret(), label: "DeriveTreeSecret", generation: source.below(2 ** 32) };
  const [treeSecret] = await deriveTreeSecrets(suite, tree.secret, tree.generation, [[tree.label, Nh]]);
  const { signer, privateKey } = await signerPair(suite);
  const content = source.bytes(Nh);
  const encryption = await suite.hpke.generateKeyPair();
  const sealed = { label: "EncryptWithLabel", context: source.bytes(Nh), plaintext: source.bytes(Nh) };
  const { kemOutput, ciphertext } = await encryptWithLabel(
    suite,
    encryption.publicKey,
    sealed.label,
    sealed.context,
    sealed.plaintext,
  );
  return {
    cipher_suite: id,
    ref_hash: { label: "RefHash", value: toHex(value), out: toHex(await refHash(suite, "RefHash", value)) },
    expand_with_label: {
      secret: toHex(expand.secret),
      label: expand.label,
      context: toHex(expand.context),
      length: expand.length,
      out: toHex(await expandWithLabel(suite, expand.secret, expand.label, expand.context, expand.length)),
    },
    derive_secret: {
      secret: toHex(derive.secret),
      label: derive.label,
      out: toHex(await deriveSecret(suite, derive.secret, derive.label)),
    },
    derive_tree_secret: {
      secret: toHex(tree.secret),
      label: tree.label,
      generation: tree.generation,
      length: Nh,
      out: toHex(treeSecret as Uint8Array),
    },
    sign_with_label: {
      priv: toHex(privateKey),
      pub: toHex(signer.publicKey),
      content: toHex(content),
      label: "SignWithLabel",
      signature: toHex(await signWithLabel(signer, "SignWithLabel", content)),
    },
    encrypt_with_label: {
      priv: toHex(await suite.hpke.exportPrivateKey(encryption.privateKey)),
      pub: toHex(encryption.publicKey),
      label: sealed.label,
      context: toHex(sealed.context),
      plaintext: toHex(sealed.plaintext),
      kem_output: toHex(kemOutput),
      ciphertext: toHex(ciphertext),
    },
  };
}

export async function keySchedule({ id, source, suite }: VectorContext, epochCount: number) {
  const { Nh } = suite.suite.hash;
  const groupId = source.bytes(32);
  const initialInitSecret = source.bytes(Nh);
  let initSecret = initialInitSecret.slice();
  const epochs = [];
  for (let epoch = 0; epoch < epochCount; epoch++) {
    const treeHash = source.bytes(Nh);
    const confirmedTranscriptHash = source.bytes(Nh);
    const commitSecret = source.bytes(Nh);
    // Every other epoch has no PSK: its psk_secret is all zero (§8.4).
    const psk = epoch % 2 === 0 ? source.bytes(Nh) : new Uint8Array(Nh);
    const groupContext = encode(GroupContext, {
      version: 1,
      cipherSuite: id,
      groupId,
      epoch: BigInt(epoch),
      treeHash,
      confirmedTranscriptHash,
      extensions: [],
    });
    const joiner = await deriveJoinerSecret(suite, { initSecret, commitSecret, groupContext });
    const { secrets } = await deriveEpochSecrets(suite, joiner, psk, groupContext);
    const { publicKey } = await suite.hpke.deriveKeyPair(secrets.externalSecret);
    const label = toHex(source.bytes(16));
    const context = source.bytes(Nh);
    epochs.push({
      tree_hash: toHex(treeHash),
      commit_secret: toHex(commitSecret),
      psk_secret: toHex(psk),
      confirmed_transcript_hash: toHex(confirmedTranscriptHash),
      group_context: toHex(groupContext),
      joiner_secret: toHex(joiner),
      welcome_secret: toHex(await deriveWelcomeSecret(suite, joiner, psk)),
      init_secret: toHex(secrets.initSecret),
      sender_data_secret: toHex(secrets.senderDataSecret),
      encryption_secret: toHex(secrets.encryptionSecret),
      exporter_secret: toHex(secrets.exporterSecret),
      epoch_authenticator: toHex(secrets.epochAuthenticator),
      external_secret: toHex(secrets.externalSecret),
      confirmation_key: toHex(secrets.confirmationKey),
      membership_key: toHex(secrets.membershipKey),
      resumption_psk: toHex(secrets.resumptionPsk),
      external_pub: toHex(publicKey),
      exporter: {
        label,
        context: toHex(context),
        length: Nh,
        secret: toHex(await mlsExporter(suite, secrets.exporterSecret, label, context, Nh)),
      },
    });
    initSecret = secrets.initSecret.slice();
  }
  return {
    cipher_suite: id,
    group_id: toHex(groupId),
    initial_init_secret: toHex(initialInitSecret),
    epochs,
  };
}

export async function psks({ id, source, suite }: VectorContext, count: number) {
  const { Nh } = suite.suite.hash;
  const named = Array.from({ length: count }, () => ({
    id: { pskType: PSKType.external, pskId: source.bytes(Nh), pskNonce: source.bytes(Nh) },
    psk: source.bytes(Nh),
  }));
  return {
    cipher_suite: id,
    psks: named.map(({ id: { pskId, pskNonce }, psk }) => ({
      psk_id: toHex(pskId),
      psk: toHex(psk),
      psk_nonce: toHex(pskNonce),
    })),
    psk_secret: toHex(await pskSecret(suite, named)),
  };
}

export async function secretTree(
  { id, source, suite }: VectorContext,
  width: number,
  generations: readonly number[],
) {
  const { Nh } = suite.suite.hash;
  const senderDataSecret = source.bytes(Nh);
  const ciphertext = source.bytes(77);
  const { key, nonce } = await senderDataKeyAndNonce(suite, senderDataSecret, ciphertext);
  const encryptionSecret = source.bytes(Nh);
  const tree = new SecretTree(suite, width, encryptionSecret.slice());
  const leaves = [];
  for (let leaf = 0; leaf < width; leaf++) {
    const made = [];
    for (const generation of generations) {
      const handshake = await tree.peek(leaf, "handshake", generation);
      const application = await tree.peek(leaf, "application", generation);
      made.push({
        generation,
        handshake_key: toHex(handshake.key),
        handshake_nonce: toHex(handshake.nonce),
        application_key: toHex(application.key),
        application_nonce: toHex(application.nonce),
      });
    }
    leaves.push(made);
  }
  return {
    cipher_suite: id,
    encryption_secret: toHex(encryptionSecret),
    sender_data: {
      sender_data_secret: toHex(senderDataSecret),
      ciphertext: toHex(ciphertext),
      key: toHex(key),
      nonce: toHex(nonce),
    },
    leaves,
  };
}
