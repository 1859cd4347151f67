// RFC 9420 §2.1, §6: decoding alone, as a server does it, of each kind of MLSMessage.
import { generateSigner } from "@copse/core";
import {
  client,
  crypto,
  groupInfoMessage,
  groupInfoOf,
  infiltrated,
  keyPackage,
  keyPackageMessage,
  leafNode,
  manyExtensions,
  privately,
  publicly,
  SUITE,
  welcomeTo,
} from "./attacker.js";
import type { HostileCase } from "./cases.js";
import { decode, MlsMessage } from "./core.js";
import { longLists, references } from "./receive-cases.js";

const KB = 1024;

async function emptyGroup(size: number) {
  const signer = await generateSigner(crypto, SUITE);
  const leaf = { nodeType: 1 as const, leafNode: await leafNode({}, signer) };
  return groupInfoOf([leaf], signer, 0, { extensions: manyExtensions(size) });
}

const MADE: readonly (readonly [name: string, size: number, make: (size: number) => Promise<Uint8Array>])[] =
  [
    [
      "a PublicMessage of short references",
      700 * KB,
      async (size) => publicly(await infiltrated(), references(size)),
    ],
    [
      "a PrivateMessage",
      700 * KB,
      async (size) =>
        privately(await infiltrated(), { contentType: 1, applicationData: new Uint8Array(size) }),
    ],
    [
      "a Welcome of many group secrets",
      700 * KB,
      async (size) =>
        welcomeTo(await emptyGroup(3), await (await client("bob")).createKeyPackage(), { others: size / 3 }),
    ],
    ["a GroupInfo of many extensions", 700 * KB, async (size) => groupInfoMessage(await emptyGroup(size))],
    [
      "a key package of long lists",
      10 * KB,
      async (size) => keyPackageMessage((await keyPackage(longLists(size / 2))).keyPackage),
    ],
  ];

export const decodeCases: readonly HostileCase[] = MADE.map(([name, size, make]) => ({
  entry: "decode",
  name,
  stage: "before",
  size,
  async make(length) {
    const bytes = await make(length);
    return { bytes: bytes.length, run: async () => decode(MlsMessage, bytes) };
  },
}));
