// RFC 9420 §10, §12: hostile key packages and proposals that a member works with, and bytes that were saved.
import type { MlsExtension, Proposal } from "@copse/core";
import { appData, appDataUpdate } from "@copse/extensions";
import { uint } from "../tls.js";
import {
  client,
  committing,
  EMPTY,
  type Infiltrated,
  infiltrated,
  keyPackage,
  keyPackageMessage,
  manyExtensions,
  privately,
  publicly,
} from "./attacker.js";
import type { HostileCase } from "./cases.js";
import { repeat } from "./receive-cases.js";

const KB = 1024;

const points = (count: number): number[] => repeat(count, (i) => 0x4000 + (i % 0x8000));

function add(
  name: string,
  size: number,
  leafOf: (size: number) => object,
  changesOf: (size: number) => object = () => ({}),
): HostileCase {
  return {
    entry: "add",
    name,
    stage: "after",
    size,
    async make(length) {
      const { bob } = await infiltrated();
      const bytes = keyPackageMessage((await keyPackage(leafOf(length), changesOf(length))).keyPackage);
      return {
        bytes: bytes.length,
        run: () => bob.add([bytes]),
      };
    },
  };
}

const KEY_PACKAGE = 120 * KB;

const component: MlsExtension = appData({
  components: [{ componentId: 0x8001, update: (_, updates) => updates.at(-1) ?? EMPTY }],
});

/** Bob commits what he received. */
async function committed(
  messages: (from: Infiltrated, size: number) => Promise<Uint8Array[]>,
  size: number,
  others = 2,
) {
  const from = await infiltrated(others);
  const received = await messages(from, size);
  for (const one of received) await from.bob.receive(one).catch(() => undefined);
  return {
    bytes: received.reduce((sum, { length }) => sum + length, 0),
    run: () => from.bob.commit(),
  };
}

/** How many proposals a member may send in an epoch. */
const SHARE = 256;

/** Proposals of all other members to remove one, as many as fit. */
async function removesOf(from: Infiltrated, size: number): Promise<Uint8Array[]> {
  const messages = [];
  const content = { contentType: 2 as const, proposal: { proposalType: 3 as const, removed: 2 } };
  for (let i = 0; i < Math.min(size / 200, SHARE * (from.signers.length - 1)); i++) {
    const leafIndex = 1 + Math.floor(i / SHARE);
    const sender = { senderType: 1 as const, leafIndex };
    const signer = from.signers[leafIndex] as (typeof from.signers)[number];
    messages.push(await publicly(from, content, { sender, signer, authenticatedData: uint(4, i) }));
  }
  return messages;
}

export const memberCases: readonly HostileCase[] = [
  add("key package: long lists", 10 * KB, (size) => {
    const list = points(Math.min(1023, size / 12));
    const extensions = repeat(Math.min(128, list.length), (i) => ({
      extensionType: list[list.length - 1 - i] as number,
      extensionData: EMPTY,
    }));
    return {
      capabilities: {
        versions: [1, ...list],
        cipherSuites: [1, ...list],
        extensions: list,
        proposals: list,
        credentials: [1, ...list],
      },
      extensions,
    };
  }),
  add("key package: certificates", KEY_PACKAGE, (size) => ({
    credential: {
      credentialType: 2,
      certificates: repeat(64, () => ({ certData: new Uint8Array(size / 64) })),
    },
  })),
  add(
    "key package: extensions",
    KEY_PACKAGE,
    () => ({}),
    (size) => ({ extensions: manyExtensions(size) }),
  ),
  {
    entry: "receive",
    name: "commit: AppDataUpdates",
    stage: "after",
    size: 96 * KB,
    async make(size) {
      const from = await infiltrated(1, [component]);
      const update: Proposal = appDataUpdate(0x8001, EMPTY);
      const bytes = await publicly(from, committing(repeat(size / 7, () => update)));
      return { bytes: bytes.length, run: () => from.bob.receive(bytes) };
    },
  },
  {
    entry: "commit",
    name: "received Adds that conflict",
    stage: "after",
    size: 300 * KB,
    make: (size) =>
      committed(async (from, length) => {
        const half = Math.floor(length / 700);
        const messages = [];
        for (let i = 0; i < half; i++) {
          const { keyPackage: one } = await keyPackage();
          // The same leaf key in the next: only one of them can be added.
          const { keyPackage: other } = await keyPackage({ encryptionKey: one.leafNode.encryptionKey });
          for (const added of [one, other]) {
            const content = {
              contentType: 2 as const,
              proposal: { proposalType: 1 as const, keyPackage: added },
            };
            messages.push(await publicly(from, content));
          }
        }
        return messages;
      }, size),
  },
  {
    entry: "commit",
    name: "received proposals that fill the share of each member",
    stage: "after",
    size: 400 * KB,
    make: (size) => committed(removesOf, size, 7),
  },
  {
    entry: "save",
    name: "a state with large proposals",
    stage: "after",
    size: 2 * KB * KB,
    async make(size) {
      const from = await infiltrated();
      let bytes = 0;
      while (bytes < size) {
        const credential = { credentialType: 1, identity: new Uint8Array(100 * KB) };
        const { keyPackage: added } = await keyPackage({ credential });
        const proposal = { proposalType: 1 as const, keyPackage: added };
        const message = await publicly(from, { contentType: 2, proposal });
        bytes += message.length;
        await from.bob.receive(message).catch(() => undefined);
      }
      return { bytes, run: () => from.bob.save() };
    },
  },
  {
    entry: "restore",
    name: "a state with many proposals",
    stage: "after",
    size: 400 * KB,
    async make(size) {
      const from = await infiltrated(7);
      for (const one of await removesOf(from, size)) await from.bob.receive(one);
      const saved = await from.bob.save();
      await from.bob.close();
      return { bytes: saved.length, run: () => from.bobClient.restore(saved) };
    },
  },
  {
    entry: "restore",
    name: "a state with skipped keys",
    stage: "after",
    size: 40 * KB,
    async make(size) {
      const from = await infiltrated();
      const generation = Math.min(1000, Math.floor(size / 40));
      const late = await privately(from, { contentType: 1, applicationData: EMPTY }, { generation });
      await from.bob.receive(late);
      const saved = await from.bob.save();
      await from.bob.close();
      return { bytes: saved.length, run: () => from.bobClient.restore(saved) };
    },
  },
  {
    entry: "loadKeyPackages",
    name: "many key packages",
    stage: "after",
    size: 60 * KB,
    async make(size) {
      const owner = await client("owner");
      for (let i = 0; i < size / 500; i++) await owner.createKeyPackage();
      const saved = await owner.saveKeyPackages();
      const other = await client("other");
      return { bytes: saved.length, run: () => other.loadKeyPackages(saved) };
    },
  },
];
