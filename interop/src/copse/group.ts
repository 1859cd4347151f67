// RFC 9420 §11, §12: a Copse group as the harness drives it.
import {
  type Client,
  type CommitMessage,
  type CommitOptions,
  type Extension,
  ExtensionType,
  type Group,
  type KeyPackageToAdd,
  type ProposalRequest,
  type PskChoice,
} from "@copse/core";
import { branch, type NewGroup, reinitialize } from "@copse/core/resumption";
import type {
  CommitAnswer,
  CommitChoice,
  ExtensionChoice,
  GroupInfoAnswer,
  ImplementationGroup,
  ImplementationJoiner,
  NewGroupAnswer,
  NewGroupChoice,
  PrivateKeys,
  ProposalChoice,
  ReinitMember,
  WelcomeChoice,
} from "../implementation.js";
import { takeVector, toHex, vector } from "../wire.js";
import { clientOf, leafOf, makeParty, type Party } from "./party.js";

/** The extensions of a group with one more external sender. */
function withExternalSender(extensions: readonly Extension[], sender: Uint8Array): ExtensionChoice[] {
  const others = extensions.filter(({ extensionType }) => extensionType !== ExtensionType.externalSenders);
  const before = extensions.find(({ extensionType }) => extensionType === ExtensionType.externalSenders);
  const known = before === undefined ? new Uint8Array(0) : takeVector(before.extensionData)[0];
  return [...others, { extensionType: ExtensionType.externalSenders, extensionData: vector(known, sender) }];
}

/** Without new members there is no Welcome and no tree; but the harness can ask for the tree. */
function answer(
  { welcome, ratchetTree }: NewGroup,
  group: CopseGroup,
  externalTree: boolean,
): NewGroupAnswer {
  return { group, welcome, ratchetTree: externalTree ? (ratchetTree ?? group.group.ratchetTree) : undefined };
}

export class CopseGroup implements ImplementationGroup {
  readonly encryptHandshake: boolean;
  readonly group: Group;
  private readonly party: Party;
  private readonly client: Client;
  /** The options of the last commit. */
  private reinit: CommitMessage["reinit"];
  /** The references of this epoch's proposals, own ones included, by their messages in hexadecimal. */
  private known: { readonly epoch: bigint; readonly references: Map<string, Uint8Array> };

  constructor(party: Party, client: Client, group: Group, encryptHandshake: boolean) {
    this.party = party;
    this.client = client;
    this.group = group;
    this.encryptHandshake = encryptHandshake;
    this.known = { epoch: group.epoch, references: new Map() };
  }

  get epochAuthenticator(): Uint8Array {
    return this.group.epochAuthenticator;
  }

  async groupInfo(externalTree: boolean): Promise<GroupInfoAnswer> {
    const groupInfo = await this.group.groupInfo({ ratchetTree: !externalTree });
    return { groupInfo, ratchetTree: externalTree ? this.group.ratchetTree : undefined };
  }

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return this.group.exportSecret(label, context, length);
  }

  protect(plaintext: Uint8Array, authenticatedData: Uint8Array): Promise<Uint8Array> {
    return this.group.encrypt(plaintext, { authenticatedData });
  }

  async unprotect(ciphertext: Uint8Array): Promise<{ plaintext: Uint8Array; authenticatedData: Uint8Array }> {
    const received = await this.group.receive(ciphertext);
    if (received.kind !== "application") throw new Error(`this message is of another kind: ${received.kind}`);
    return { plaintext: received.data, authenticatedData: received.authenticatedData };
  }

  storePsk(id: Uint8Array, secret: Uint8Array): void {
    this.party.psks.set(toHex(id), secret);
  }

  private get references(): Map<string, Uint8Array> {
    if (this.known.epoch !== this.group.epoch)
      this.known = { epoch: this.group.epoch, references: new Map() };
    return this.known.references;
  }

  private remember(message: Uint8Array, reference: Uint8Array | undefined): Uint8Array {
    if (reference === undefined) throw new Error("the proposal has no reference");
    this.references.set(toHex(message), reference);
    return reference;
  }

  async propose(choice: ProposalChoice): Promise<Uint8Array> {
    const message = await this.group.propose(this.request(choice));
    this.remember(message, this.group.proposals.at(-1)?.reference);
    return message;
  }

  private request(choice: ProposalChoice): ProposalRequest {
    switch (choice.type) {
      case "add":
        return { add: choice.keyPackage };
      case "update":
        return { update: true };
      case "remove":
        return { remove: leafOf(this.group.members, choice.identity) };
      case "externalPsk":
        return { psk: { external: choice.pskId } };
      case "resumptionPsk":
        return { psk: { resumption: choice.epoch } };
      case "extensions":
        return { extensions: choice.extensions };
      case "externalSender":
        return { extensions: withExternalSender(this.group.extensions, choice.externalSender) };
      case "reinit": {
        const { groupId, cipherSuite, extensions } = choice;
        return { reinit: { groupId, cipherSuite, extensions } };
      }
    }
  }

  /** Receives a proposal, unless it is already known or this client's own. */
  private async learn(message: Uint8Array): Promise<Uint8Array> {
    const known = this.references.get(toHex(message));
    if (known !== undefined) return known;
    const received = await this.group.receive(message);
    if (received.kind !== "proposal") throw new Error(`no proposal of others, but: ${received.kind}`);
    return this.remember(message, received.reference);
  }

  async commit({ byReference, byValue, forcePath, externalTree }: CommitChoice): Promise<CommitAnswer> {
    const references: Uint8Array[] = [];
    for (const message of byReference) references.push(await this.learn(message));
    const made = await this.group.commit({
      ...this.values(byValue),
      references,
      forcePath,
      ratchetTreeInWelcome: !externalTree,
    });
    return { commit: made.commit, welcome: made.welcome, ratchetTree: made.ratchetTree };
  }

  private values(choices: readonly ProposalChoice[]): CommitOptions {
    const add: KeyPackageToAdd[] = [];
    const remove: number[] = [];
    const psks: PskChoice[] = [];
    let rest: Pick<CommitOptions, "extensions" | "reinit"> = {};
    for (const choice of choices) {
      const request = this.request(choice);
      if ("add" in request) add.push(request.add);
      else if ("remove" in request) remove.push(request.remove);
      else if ("psk" in request) psks.push(request.psk);
      else if ("extensions" in request) rest = { ...rest, extensions: request.extensions };
      else if ("reinit" in request) rest = { ...rest, reinit: request.reinit };
      else throw new Error("an Update of the committer's can't be committed");
    }
    return { add, remove, psks, ...rest };
  }

  async mergeCommit(): Promise<void> {
    this.reinit = (await this.group.mergePendingCommit()).reinit;
  }

  async receiveCommit(commit: Uint8Array, proposals: readonly Uint8Array[]): Promise<void> {
    for (const message of proposals) await this.learn(message);
    const received = await this.group.receive(commit);
    if (received.kind !== "commit") throw new Error(`this message is no commit, but: ${received.kind}`);
    this.reinit = received.reinit;
  }

  async branch({
    keyPackages,
    groupId,
    extensions,
    forcePath,
    externalTree,
  }: NewGroupChoice & {
    readonly groupId: Uint8Array;
    readonly extensions: readonly ExtensionChoice[];
  }): Promise<NewGroupAnswer> {
    const made = await branch(this.client, this.group, {
      add: keyPackages,
      groupId,
      extensions,
      forcePath,
      ratchetTreeInWelcome: !externalTree,
    });
    const group = new CopseGroup(this.party, this.client, made.group, this.encryptHandshake);
    return answer(made, group, externalTree);
  }

  async prepareReinit(): Promise<ReinitMember> {
    const { reinit } = this;
    if (reinit === undefined) throw new Error("no ReInit was committed");
    const { crypto, identity, psks } = this.party;
    const party = await makeParty(crypto, reinit.cipherSuite, identity, psks);
    const client = await clientOf(party, this.encryptHandshake);
    const joiner = await CopseJoiner.of(party, client, await client.createKeyPackage());
    return {
      keyPackage: joiner.keyPackage,
      join: (choice: WelcomeChoice) => joiner.joinAfter(this, choice),
      create: async ({ keyPackages, forcePath, externalTree }: NewGroupChoice) => {
        const made = await reinitialize(client, this.group, {
          add: keyPackages,
          forcePath,
          ratchetTreeInWelcome: !externalTree,
        });
        return answer(made, new CopseGroup(party, client, made.group, this.encryptHandshake), externalTree);
      },
    };
  }

  free(): Promise<void> {
    return this.group.close();
  }
}

/** The private keys of the client's only key package. */
async function privateKeysOf(client: Client, { signaturePrivateKey }: Party): Promise<PrivateKeys> {
  // Behind the format's number and the suite: key packages with their references, init keys and leaf keys.
  const [entries] = takeVector((await client.saveKeyPackages()).slice(3));
  const [, afterKeyPackage] = takeVector(entries);
  const [, afterReference] = takeVector(afterKeyPackage);
  const [init, afterInit] = takeVector(afterReference);
  const [encryption] = takeVector(afterInit);
  return { init, encryption, signature: signaturePrivateKey };
}

export class CopseJoiner implements ImplementationJoiner {
  readonly keyPackage: Uint8Array;
  readonly privateKeys: PrivateKeys;
  private readonly party: Party;
  private readonly client: Client;

  private constructor(party: Party, client: Client, keyPackage: Uint8Array, privateKeys: PrivateKeys) {
    this.party = party;
    this.client = client;
    this.keyPackage = keyPackage;
    this.privateKeys = privateKeys;
  }

  /** @param keyPackage of the client's that is its only one; empty where it went into a proposal */
  static async of(
    party: Party,
    client: Client,
    keyPackage: Uint8Array = new Uint8Array(0),
  ): Promise<CopseJoiner> {
    return new CopseJoiner(party, client, keyPackage, await privateKeysOf(client, party));
  }

  storePsk(id: Uint8Array, secret: Uint8Array): void {
    this.party.psks.set(toHex(id), secret);
  }

  /**
   * The harness says only now how handshakes are framed. So a new client takes over the key package.
   * @param previous the group that the new one follows (§11.2, §11.3)
   */
  private async enter(
    encryptHandshake: boolean,
    { welcome, ratchetTree }: WelcomeChoice,
    previous?: Group,
  ): Promise<CopseGroup> {
    const client = await clientOf(this.party, encryptHandshake);
    await client.loadKeyPackages(await this.client.saveKeyPackages());
    const group = await client.join(welcome, { ratchetTree, previous });
    return new CopseGroup(this.party, client, group, encryptHandshake);
  }

  join(choice: WelcomeChoice & { readonly encryptHandshake: boolean }): Promise<CopseGroup> {
    return this.enter(choice.encryptHandshake, choice);
  }

  joinBranch(from: ImplementationGroup, choice: WelcomeChoice): Promise<CopseGroup> {
    if (!(from instanceof CopseGroup)) throw new TypeError("a group of another implementation");
    return this.enter(from.encryptHandshake, choice, from.group);
  }

  /** Joins the new group of a ReInit. */
  joinAfter(from: CopseGroup, choice: WelcomeChoice): Promise<CopseGroup> {
    return this.enter(from.encryptHandshake, choice, from.group);
  }
}
