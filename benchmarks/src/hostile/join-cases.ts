// RFC 9420 §12.4.3: hostile Welcomes and GroupInfos, whose whole group may be the attacker's.

import { generateSigner, type Signer } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import {
  authentication,
  client,
  crypto,
  EMPTY,
  groupInfoMessage,
  groupInfoOf,
  leafNode,
  manyExtensions,
  provider,
  SUITE,
  welcomeTo,
} from "./attacker.js";
import type { HostileCase } from "./cases.js";
import type { GroupInfo, RatchetTreeNodes } from "./core.js";
import type { Attempt } from "./measure.js";
import { repeat } from "./receive-cases.js";

const KB = 1024;
/** The most nodes that a tree may have by default. */
const NODES = 32_000;

type Nodes = (RatchetTreeNodes[number] | undefined)[];
interface Forest {
  readonly nodes: Nodes;
  readonly signer: Signer;
  readonly leafIndex: number;
}

const leafOf = async (signer: Signer) => ({ nodeType: 1 as const, leafNode: await leafNode({}, signer) });

/** A tree of blank nodes, but for its last leaf. */
async function blanks(size: number): Promise<Forest> {
  const signer = await generateSigner(crypto, SUITE);
  const leafIndex = Math.floor(size / 2);
  const nodes: Nodes = repeat(2 * leafIndex, () => undefined);
  nodes.push(await leafOf(signer));
  return { nodes, signer, leafIndex };
}

/** A tree full of the smallest leaves. */
async function leaves(size: number): Promise<Forest> {
  const signer = await generateSigner(crypto, SUITE);
  const all = await Promise.all(repeat(size / 190, async () => leafOf(await generateSigner(crypto, SUITE))));
  const nodes: Nodes = all.flatMap((leaf, i) => (i === 0 ? [leaf] : [undefined, leaf]));
  nodes[0] = await leafOf(signer);
  return { nodes, signer, leafIndex: 0 };
}

/** The parents above the first leaf list all other leaves as unmerged: each has an original tree hash to compute. */
async function unmerged(size: number): Promise<Forest> {
  const signer = await generateSigner(crypto, SUITE);
  let width = 2;
  while (2 * width * 210 <= size) width *= 2;
  const all = await Promise.all(
    repeat(width, async (i) => leafOf(i === 0 ? signer : await generateSigner(crypto, SUITE))),
  );
  const nodes: Nodes = all.flatMap((leaf, i) => (i === 0 ? [leaf] : [undefined, leaf]));
  for (let half = 1; half < width; half *= 2) {
    const unmergedLeaves = repeat(2 * half - 1, (i) => i + 1);
    const parentNode = { encryptionKey: provider.random(32), parentHash: EMPTY, unmergedLeaves };
    nodes[2 * half - 1] = { nodeType: 2, parentNode };
  }
  return { nodes, signer, leafIndex: 0 };
}

async function joining(groupInfo: GroupInfo, rest: Parameters<typeof welcomeTo>[2] = {}): Promise<Attempt> {
  const bob = await client("bob");
  const welcome = await welcomeTo(groupInfo, await bob.createKeyPackage(), rest);
  return { bytes: welcome.length, run: () => bob.join(welcome) };
}

type IdSize = Pick<Parameters<typeof welcomeTo>[2], "idSize">;

async function externally(groupInfo: GroupInfo, { idSize }: IdSize = {}): Promise<Attempt> {
  const bob = await client("bob");
  const bytes = groupInfoMessage(groupInfo, idSize);
  return { bytes: bytes.length, run: () => joinByExternalCommit(bob, bytes) };
}

async function following(groupInfo: GroupInfo, { idSize }: IdSize = {}): Promise<Attempt> {
  const bytes = groupInfoMessage(groupInfo, idSize);
  return { bytes: bytes.length, run: () => PublicGroup.follow({ crypto, authentication, groupInfo: bytes }) };
}

const ENTRIES = { join: joining, joinByExternalCommit: externally, "PublicGroup.follow": following } as const;

function trees(name: string, size: number, grow: (size: number) => Promise<Forest>): HostileCase[] {
  return Object.entries(ENTRIES).flatMap(([entry, give]) =>
    ([true, false] as const).map((junk): HostileCase => {
      // A forest takes long to grow, and is only read.
      const grown = new Map<number, Promise<Forest>>();
      return {
        entry,
        name: `${name}${junk ? ", junk signature" : ""}`,
        stage: junk ? "before" : "after",
        size,
        async make(length) {
          const forest = grown.get(length) ?? grow(length);
          grown.set(length, forest);
          const { nodes, signer, leafIndex } = await forest;
          return give(await groupInfoOf(nodes, signer, leafIndex, { junk }));
        },
      };
    }),
  );
}

const small = async (form: Parameters<typeof groupInfoOf>[3]): Promise<GroupInfo> => {
  const signer = await generateSigner(crypto, SUITE);
  return groupInfoOf([await leafOf(signer)], signer, 0, form);
};

export const joinCases: readonly HostileCase[] = [
  ...trees("a tree of blank nodes", NODES, blanks),
  ...trees("a tree of small leaves", 370 * KB, leaves),
  ...trees("a tree of unmerged leaves", 370 * KB, unmerged),
  ...Object.entries(ENTRIES).map(
    ([entry, give]): HostileCase => ({
      entry,
      name: "many GroupInfo extensions",
      stage: "before",
      size: 900 * KB,
      make: async (size) => give(await small({ extensions: manyExtensions(size), junk: true })),
    }),
  ),
  ...Object.entries(ENTRIES).map(
    ([entry, give]): HostileCase => ({
      entry,
      name: "many GroupContext extensions",
      stage: "before",
      size: 900 * KB,
      make: async (size) => give(await small({ groupExtensions: manyExtensions(size), junk: true })),
    }),
  ),
  ...Object.entries(ENTRIES).map(
    ([entry, give]): HostileCase => ({
      entry,
      name: "a large group ID",
      stage: "before",
      size: 15 * KB * KB,
      make: async (idSize) => give(await small({ junk: true }), { idSize }),
    }),
  ),
  {
    entry: "join",
    name: "many group secrets",
    stage: "before",
    size: 900 * KB,
    make: async (size) => joining(await small({}), { others: size / 3 }),
  },
  {
    entry: "join",
    name: "many PSK ids",
    stage: "before",
    size: 900 * KB,
    make: async (size) => joining(await small({}), { psks: size / 3 }),
  },
  {
    entry: "join",
    name: "a Welcome for somebody else",
    stage: "before",
    size: 900 * KB,
    async make(size) {
      const stranger = await client("stranger");
      const welcome = await welcomeTo(await small({}), await stranger.createKeyPackage(), {
        others: size / 3,
      });
      const bob = await client("bob");
      return { bytes: welcome.length, run: () => bob.join(welcome) };
    },
  },
];
