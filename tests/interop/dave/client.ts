// A client of Discord's voice gateway over Copse: RFC 9420 as DAVE (version 1) profiles it.

import {
  basicCredential,
  Client,
  type CommitAction,
  type CryptoProvider,
  ExtensionType,
  type Group,
  insecureAcceptAll,
  isBasicCredential,
  type Member,
  type Policy,
  type ProposalAction,
  ProposalType,
  unframe,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { readMessage } from "@copse/core/message";
import type { VoiceClient } from "@copse/peer-davey";
import { concat, equal, takeVector, vector } from "./bytes.js";
import { decryptFrame, encryptFrame, littleEndian, SENDER_KEY_LABEL, SENDER_KEY_SIZE } from "./media.js";

const SUITE = 2;

/** 8 bytes, big-endian. */
export function bigEndian(id: string): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(id));
  return bytes;
}

export function userIdOf({ credential }: Pick<Member, "credential">): string {
  if (!isBasicCredential(credential)) throw new Error("expected a basic credential");
  return Buffer.from(credential.identity).readBigUInt64BE().toString();
}

/** What DAVE and its clients need of any policy: PublicMessages, and key packages that never expire. */
export const OPEN_POLICY: Partial<Policy> = {
  handshake: "public",
  lifetime: Number.POSITIVE_INFINITY,
  maxLifetime: Number.POSITIVE_INFINITY,
};

/** Only the gateway proposes, and only Adds and Removes. */
function isOfGateway({ proposal, proposer }: Pick<ProposalAction, "proposal" | "proposer">): boolean {
  const { proposalType } = proposal;
  return (
    proposer.kind === "external" &&
    (proposalType === ProposalType.add || proposalType === ProposalType.remove)
  );
}

/** A commit refers to such proposals, and to no others. Each user is a member once. */
function isOfDave({ external, proposals, before, after, leafIndex }: CommitAction): boolean {
  const users = after.members.map(userIdOf);
  const [old, renewed] = [before.member(leafIndex), after.member(leafIndex)];
  return (
    !external &&
    proposals.length > 0 &&
    proposals.every((one) => one.reference !== undefined && isOfGateway(one)) &&
    new Set(users).size === users.length &&
    old !== undefined &&
    renewed !== undefined &&
    equal(old.signatureKey, renewed.signatureKey)
  );
}

/** DAVE's rules, for members and for the gateway. */
export const DAVE_POLICY: Partial<Policy> = {
  ...OPEN_POLICY,
  authorize: (action) =>
    action.kind === "commit" ? isOfDave(action) : isOfGateway(action) ? "keep" : "refuse",
};

export class CopseVoiceClient implements VoiceClient {
  readonly kind = "copse";
  readonly userId: string;
  readonly client: Client;
  /** Why the last commit or Welcome could not be processed. */
  problem: unknown;
  readonly #channelId: string;
  #sender = new Uint8Array();
  #group: Group | undefined;
  #secrets = new Map<string, Promise<Uint8Array>>();
  #frames = 0;

  private constructor(userId: string, channelId: string, client: Client) {
    this.userId = userId;
    this.#channelId = channelId;
    this.client = client;
  }

  static async create(
    crypto: CryptoProvider,
    userId: string,
    channelId: string,
    policy: Partial<Policy> = DAVE_POLICY,
  ): Promise<CopseVoiceClient> {
    const credential = basicCredential(bigEndian(userId));
    const authentication = insecureAcceptAll();
    const client = await Client.create({ crypto, suite: SUITE, credential, authentication, policy });
    return new CopseVoiceClient(userId, channelId, client);
  }

  get group(): Group {
    if (this.#group === undefined) throw new Error(`${this.userId} is in no group`);
    return this.#group;
  }

  async externalSender(sender: Uint8Array): Promise<void> {
    this.#sender = sender.slice();
    await this.startAnew();
  }

  async keyPackage(): Promise<Uint8Array> {
    return unframe(await this.client.createKeyPackage());
  }

  async proposals(operation: 0 | 1, proposals: Uint8Array, users: readonly string[]) {
    const { group } = this;
    let [rest] = takeVector(proposals);
    while (rest.length > 0) {
      if (operation === 1) {
        const [reference, others] = takeVector(rest);
        await group.dropProposals(reference);
        rest = others;
        continue;
      }
      const { message, rest: others } = readMessage(rest);
      const received = await group.receive(message);
      if (received.kind !== "proposal") throw new Error(`expected a proposal, got: ${received.kind}`);
      const { proposal } = received;
      if ("keyPackage" in proposal && !users.includes(userIdOf(proposal.keyPackage.leafNode))) {
        throw new Error("the proposal adds somebody who isn't expected");
      }
      rest = others as Uint8Array;
    }
    if (!group.proposals.some(({ willCommit }) => willCommit)) {
      if (group.hasPendingCommit) await group.clearPendingCommit();
      return undefined;
    }
    // A commit that wasn't accepted yet gives way to one of all proposals that are there now.
    const { commit, welcome } = await group.commit({ replacePending: true });
    return concat(commit, ...(welcome === undefined ? [] : [unframe(welcome)]));
  }

  async commit(_transition: number, commit: Uint8Array): Promise<boolean> {
    return this.#try(async () => {
      const received = await this.group.receive(commit);
      if (received.kind !== "commit") throw new Error(`expected a commit, got: ${received.kind}`);
    });
  }

  async welcome(_transition: number, welcome: Uint8Array): Promise<boolean> {
    return this.#try(async () => {
      const staged = await this.client.readWelcome(welcome);
      const [only, ...others] = staged.extensions;
      const isExpected = only !== undefined && equal(only.extensionData, vector(this.#sender));
      if (only?.extensionType !== ExtensionType.externalSenders || others.length > 0 || !isExpected) {
        await staged.discard();
        throw new Error("expected the gateway as the only external sender, and no other extension");
      }
      // It replaces the group of one, which has the same ID.
      this.#group = await staged.join({ replace: true });
    });
  }

  async encrypt(frame: Uint8Array): Promise<Uint8Array> {
    return encryptFrame(await this.secretOf(this.userId), this.#frames++, frame);
  }

  async decrypt(from: string, frame: Uint8Array): Promise<Uint8Array> {
    return decryptFrame(await this.secretOf(from), frame);
  }

  /** Beyond DAVE: joins by an external commit, which it returns. */
  async joinByExternalCommit(groupInfo: Uint8Array): Promise<Uint8Array> {
    const { group, commit } = await joinByExternalCommit(this.client, groupInfo, { replace: true });
    await group.mergePendingCommit();
    this.#group = group;
    return commit;
  }

  /** Beyond DAVE: so that the gateway can follow the group, and check what its members do. */
  groupInfo(): Promise<Uint8Array> {
    return this.group.groupInfo();
  }

  get epoch(): bigint {
    return this.group.epoch;
  }

  get leafIndex(): number {
    return this.group.ownLeafIndex;
  }

  get epochAuthenticator(): Uint8Array {
    return this.group.epochAuthenticator;
  }

  get users(): readonly string[] {
    return this.group.members.map(userIdOf);
  }

  /** The secret of a sender's key ratchet in this epoch. */
  secretOf(userId: string): Promise<Uint8Array> {
    const known = `${this.epoch} ${userId}`;
    let secret = this.#secrets.get(known);
    if (secret === undefined) {
      if (userId === this.userId) this.#frames = 0;
      secret = this.group.exportSecret(SENDER_KEY_LABEL, littleEndian(userId), SENDER_KEY_SIZE);
      this.#secrets.set(known, secret);
    }
    return secret;
  }

  async startAnew(): Promise<void> {
    await this.#group?.close();
    this.#secrets.clear();
    this.#group = await this.client.createGroup({
      groupId: bigEndian(this.#channelId),
      extensions: [{ extensionType: ExtensionType.externalSenders, extensionData: vector(this.#sender) }],
    });
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.problem = error;
      await this.startAnew();
      return false;
    }
  }
}
