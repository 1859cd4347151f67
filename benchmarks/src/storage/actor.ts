// A member whose state is kept in one of several ways, and another one without a storage, to whom it talks.
import { Client, type Group, generateSigner, insecureAcceptAll, type Signer } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { livedInGroup } from "../lived-in-tree.js";
import type { Progress } from "../progress.js";
import type { Keeping } from "./storages.js";

export const SUITE = 1;
const crypto = nodeProvider();
const MAX_MEMBERS = 101_000;
const common = {
  crypto,
  suite: SUITE,
  authentication: insecureAcceptAll(),
  policy: { maxMembers: MAX_MEMBERS, maxJoinSize: MAX_MEMBERS * 1024 },
};

/** One way to keep the state, in one group. */
export class Actor {
  readonly keeping: Keeping;
  readonly #signer: Signer;
  #client: Client;
  group!: Group;
  peer!: Group;
  /** What `save` returned last. */
  saved: Uint8Array | undefined;

  private constructor(keeping: Keeping, client: Client, signer: Signer) {
    this.keeping = keeping;
    this.#client = client;
    this.#signer = signer;
  }

  static async create(keeping: Keeping, groupInfo: Uint8Array | undefined): Promise<Actor> {
    const signer = await generateSigner(crypto, SUITE);
    const actor = new Actor(keeping, await actorsClient(keeping, signer), signer);
    const peer = await Client.create({ ...common, credential: "peer" });
    if (groupInfo === undefined) {
      actor.group = await actor.#client.createGroup();
      const { welcome } = await actor.group.add(await peer.createKeyPackage());
      await actor.group.mergePendingCommit();
      actor.peer = await peer.join(welcome as Uint8Array);
    } else {
      const own = await joinByExternalCommit(actor.#client, groupInfo);
      await own.staged.merge();
      actor.group = own.group;
      const theirs = await joinByExternalCommit(peer, await actor.group.groupInfo());
      await actor.group.receive(theirs.commit);
      await theirs.staged.merge();
      actor.peer = theirs.group;
    }
    return actor;
  }

  /** Does something, and saves where nobody else does. */
  async done<T>(work: () => Promise<T>): Promise<T> {
    const result = await work();
    if (this.keeping.name === "save()") this.saved = await this.group.save();
    return result;
  }

  /** The group as another process finds it. */
  async restore(): Promise<void> {
    const { counted } = this.keeping;
    if (counted === undefined) {
      const client = await Client.create({ ...common, credential: "actor", signer: this.#signer });
      this.group = await client.restore(this.saved as Uint8Array);
      this.#client = client;
      return;
    }
    const client = await openClient({
      ...common,
      credential: "actor",
      storage: counted.storage,
      signer: this.#signer,
    });
    this.group = (await client.group(this.group.groupId)) as Group;
    this.#client = client;
  }
}

function actorsClient({ counted }: Keeping, signer: Signer): Promise<Client> {
  const options = { ...common, credential: "actor", signer };
  return counted === undefined
    ? Client.create(options)
    : openClient({ ...options, storage: counted.storage });
}

/** A GroupInfo of a lived-in group that two more can join; `undefined` for a group of two. */
export async function groupOf(members: number, progress: Progress): Promise<Uint8Array | undefined> {
  if (members < 6) return undefined;
  // Three leaves of it are blank, for two of those who come.
  const { groupInfo } = await livedInGroup(crypto.suite(SUITE), members + 1, (made) => {
    if (made % 1000 === 0) progress(`a group of ${members}: member ${made}`);
  });
  return groupInfo;
}
