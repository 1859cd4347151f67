// RFC 9420 §7.8, §8, §9, §12: ts-mls agrees with the vectors that we generated.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { hex, toHex } from "@copse/test-support/bytes";
import type { PassiveClientVector as Passive } from "@copse/test-support/passive-client";
import { ownVectors } from "@copse/test-support/vectors";
import {
  bytesToBase64,
  type CiphersuiteImpl,
  type CiphersuiteName,
  type Decoder,
  type GroupContext,
  getCiphersuiteImpl,
  joinGroup,
  type MlsContext,
  mlsExporter,
  processPrivateMessage,
  processPublicMessage,
  protocolVersions,
  type RatchetTree,
  unsafeTestingAuthenticationService,
  wireformats,
} from "ts-mls";
import { expect, it } from "vitest";
import { ratchetTreeDecoder } from "../src/internals.js";
import { decodeWhole, fromBytes } from "../src/messages.js";

const NAMES: Record<number, CiphersuiteName> = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  2: "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
};

/** A test for each vector of a file in the suites that ts-mls has here. */
function forEach<T extends { cipher_suite: number }>(
  file: string,
  check: (vector: T, suite: CiphersuiteImpl) => Promise<void>,
): void {
  const vectors = ownVectors<T>(file).filter(({ cipher_suite }) => cipher_suite in NAMES);
  for (const [index, vector] of vectors.entries()) {
    it(`ts-mls takes ${file}, suite ${vector.cipher_suite}, ${index}`, async () => {
      await check(vector, await getCiphersuiteImpl(NAMES[vector.cipher_suite] as CiphersuiteName));
    });
  }
}

// The package's exports map names only its entry, so the files beside it are imported by address.
const entry = pathToFileURL(createRequire(import.meta.url).resolve("ts-mls"));
const beside = (file: string) => import(/* @vite-ignore */ new URL(file, entry).href);

async function follow(vector: Passive, cipherSuite: CiphersuiteImpl): Promise<void> {
  const context: MlsContext = {
    cipherSuite,
    authService: unsafeTestingAuthenticationService,
    externalPsks: Object.fromEntries(
      vector.external_psks.map(({ psk_id, psk }) => [bytesToBase64(hex(psk_id)), hex(psk)]),
    ),
  };
  const keyPackage = fromBytes(hex(vector.key_package));
  const welcome = fromBytes(hex(vector.welcome));
  if (
    keyPackage.wireformat !== wireformats.mls_key_package ||
    welcome.wireformat !== wireformats.mls_welcome
  ) {
    throw new Error("other wire formats");
  }
  let state = await joinGroup({
    context,
    welcome: welcome.welcome,
    keyPackage: keyPackage.keyPackage,
    privateKeys: {
      hpkePrivateKey: hex(vector.encryption_priv),
      initPrivateKey: hex(vector.init_priv),
      signaturePrivateKey: hex(vector.signature_priv),
    },
    ...(vector.ratchet_tree !== null && {
      ratchetTree: decodeWhole(ratchetTreeDecoder, hex(vector.ratchet_tree), "a ratchet tree"),
    }),
  });
  expect(toHex(state.keySchedule.epochAuthenticator)).toBe(vector.initial_epoch_authenticator);
  for (const { proposals, commit, epoch_authenticator } of vector.epochs) {
    for (const bytes of [...proposals, commit]) {
      const message = fromBytes(hex(bytes));
      // Not `processMessage`, which forgets the external PSKs where the message is a PrivateMessage.
      if (message.wireformat === wireformats.mls_private_message) {
        const { privateMessage } = message;
        state = (await processPrivateMessage({ context, state, privateMessage })).newState;
      } else if (message.wireformat === wireformats.mls_public_message) {
        const { publicMessage } = message;
        state = (await processPublicMessage({ context, state, publicMessage })).newState;
      } else throw new Error("neither a PublicMessage nor a PrivateMessage");
    }
    expect(toHex(state.keySchedule.epochAuthenticator)).toBe(epoch_authenticator);
  }
}

forEach<Passive>("passive-client-welcome", follow);
forEach<Passive>("passive-client-handling-commit", follow);
forEach<Passive>("passive-client-random", follow);

interface KeySchedule {
  cipher_suite: number;
  group_id: string;
  initial_init_secret: string;
  epochs: (Record<string, string> & {
    exporter: { label: string; context: string; length: number; secret: string };
  })[];
}

const {
  initializeEpoch,
}: {
  initializeEpoch(
    initSecret: Uint8Array,
    commitSecret: Uint8Array,
    groupContext: GroupContext,
    pskSecret: Uint8Array,
    kdf: CiphersuiteImpl["kdf"],
  ): Promise<{
    keySchedule: Record<string, Uint8Array>;
    joinerSecret: Uint8Array;
    welcomeSecret: Uint8Array;
    encryptionSecret: Uint8Array;
  }>;
} = await beside("keySchedule.js");

forEach<KeySchedule>("key-schedule", async (vector, suite) => {
  let initSecret = hex(vector.initial_init_secret);
  for (const [number, { exporter, ...epoch }] of vector.epochs.entries()) {
    const bytes = (name: string) => hex(epoch[name] as string);
    const made = await initializeEpoch(
      initSecret,
      bytes("commit_secret"),
      {
        version: protocolVersions.mls10,
        cipherSuite: vector.cipher_suite as GroupContext["cipherSuite"],
        groupId: hex(vector.group_id),
        epoch: BigInt(number),
        treeHash: bytes("tree_hash"),
        confirmedTranscriptHash: bytes("confirmed_transcript_hash"),
        extensions: [],
      },
      bytes("psk_secret"),
      suite.kdf,
    );
    const { keySchedule, ...others } = made;
    // Names such as `joinerSecret` and `joiner_secret` differ in their form only.
    for (const [name, secret] of Object.entries({ ...keySchedule, ...others })) {
      expect(toHex(secret), name).toBe(epoch[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)]);
    }
    const { exporterSecret } = keySchedule;
    const { label, context, length, secret } = exporter;
    const exported = await mlsExporter(exporterSecret as Uint8Array, label, hex(context), length, suite);
    expect(toHex(exported)).toBe(secret);
    initSecret = bytes("init_secret");
  }
});

type Hash = CiphersuiteImpl["hash"];
const trees: {
  treeHash: {
    treeHash(tree: RatchetTree, node: number, hash: Hash): Promise<Uint8Array>;
    treeHashRoot(tree: RatchetTree, hash: Hash): Promise<Uint8Array>;
  };
  parentHash: { verifyParentHashes(tree: RatchetTree, hash: Hash): Promise<boolean> };
  ratchetTree: { resolution(tree: RatchetTree, node: number): number[] };
} = {
  treeHash: await beside("treeHash.js"),
  parentHash: await beside("parentHash.js"),
  ratchetTree: await beside("ratchetTree.js"),
};

const treeOf = (bytes: string): RatchetTree =>
  decodeWhole(ratchetTreeDecoder as Decoder<RatchetTree>, hex(bytes), "a ratchet tree");

forEach<{ cipher_suite: number; tree: string; tree_hashes: string[]; resolutions: number[][] }>(
  "tree-validation",
  async (vector, suite) => {
    const tree = treeOf(vector.tree);
    for (const [node, hash] of vector.tree_hashes.entries()) {
      expect(toHex(await trees.treeHash.treeHash(tree, node, suite.hash))).toBe(hash);
      expect(trees.ratchetTree.resolution(tree, node)).toEqual(vector.resolutions[node]);
    }
    expect(await trees.parentHash.verifyParentHashes(tree, suite.hash)).toBe(true);
  },
);

const {
  updatePathDecoder,
  applyUpdatePath,
}: {
  updatePathDecoder: Decoder<object>;
  applyUpdatePath(tree: RatchetTree, sender: number, path: object, hash: Hash): Promise<void>;
} = await beside("updatePath.js");

interface TreeKem {
  cipher_suite: number;
  ratchet_tree: string;
  update_paths: { sender: number; update_path: string; tree_hash_after: string }[];
}

forEach<TreeKem>("treekem", async (vector, suite) => {
  for (const { sender, update_path, tree_hash_after } of vector.update_paths) {
    const tree = treeOf(vector.ratchet_tree);
    const path = decodeWhole(updatePathDecoder, hex(update_path), "an UpdatePath");
    await applyUpdatePath(tree, sender, path, suite.hash);
    expect(toHex(await trees.treeHash.treeHashRoot(tree, suite.hash))).toBe(tree_hash_after);
  }
});
