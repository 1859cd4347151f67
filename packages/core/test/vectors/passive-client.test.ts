// RFC 9420 §12: the working group's vectors for clients that join a group by Welcome and then only receive.
import { Client, insecureAcceptAll, signerOf } from "@copse/core";
import { hex, toHex } from "@copse/test-support/bytes";
import type { PassiveClientVector as Vector } from "@copse/test-support/passive-client";
import { forEachVector, type VectorProvider } from "@copse/test-support/vectors";
import { expect } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { makeKeyPackageRef } from "../../src/crypto/labelled.js";
import { sealRecord } from "../../src/group/storage/record.js";
import { SAVED_KEY_PACKAGES, SavedKeyPackages } from "../../src/group/storage/saved-key-packages.js";
import { KeyPackage } from "../../src/wire/key-package.js";
import { MlsMessage } from "../../src/wire/mls-message.js";

/** The private keys of some vectors come without their leading zeros. */
function scalar(text: string, size: number): Uint8Array {
  return hex(text.padStart(2 * size, "0"));
}

async function joined(vector: Vector, { provider: crypto, suite }: VectorProvider) {
  const { kem, signature } = suite.suite;
  const message = decode(MlsMessage, hex(vector.key_package));
  if (message.wireFormat !== 5) throw new Error("no key package");
  const { keyPackage } = message;
  expect(toHex(encode(MlsMessage, message))).toBe(vector.key_package);
  const client = await Client.create({
    crypto,
    suite: vector.cipher_suite,
    credential: keyPackage.leafNode.credential,
    authentication: insecureAcceptAll(),
    signer: signerOf(
      suite,
      await suite.signature.importPrivateKey(scalar(vector.signature_priv, signature.Nsk)),
    ),
    policy: {
      maxLifetime: 2 ** 64,
      now: () => 1_000_000_000_000,
      maxPastEpochs: 100,
    },
    externalPsk: (id) => {
      const known = vector.external_psks.find(({ psk_id }) => psk_id === toHex(id));
      return known && hex(known.psk);
    },
  });
  const { bytes } = await sealRecord(
    suite,
    encode(SavedKeyPackages, {
      format: SAVED_KEY_PACKAGES,
      cipherSuite: vector.cipher_suite,
      keyPackages: [
        {
          keyPackage: hex(vector.key_package),
          reference: await makeKeyPackageRef(suite, encode(KeyPackage, keyPackage)),
          initKey: scalar(vector.init_priv, kem.Nsk),
          leafKey: scalar(vector.encryption_priv, kem.Nsk),
          joined: [],
        },
      ],
    }),
  );
  await client.loadKeyPackages(bytes);
  const group = await client.join(hex(vector.welcome), {
    ratchetTree: vector.ratchet_tree === null ? undefined : hex(vector.ratchet_tree),
  });
  expect(toHex(group.epochAuthenticator)).toBe(vector.initial_epoch_authenticator);
  return group;
}

for (const [file, suites] of [
  ["passive-client-welcome", undefined],
  ["passive-client-handling-commit", undefined],
  ["passive-client-random", [1]],
] as const) {
  forEachVector<Vector>(
    file,
    async (vector, by) => {
      const group = await joined(vector, by);
      for (const { proposals, commit, epoch_authenticator } of vector.epochs) {
        for (const proposal of proposals) await group.receive(hex(proposal));
        await group.receive(hex(commit));
        expect(toHex(group.epochAuthenticator)).toBe(epoch_authenticator);
      }
    },
    suites && { suites },
  );
}
