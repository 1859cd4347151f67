// RFC 9420 §10, §12.4.3.1: a client with one key package, and how it joins.
import type { Client, Group } from "@copse/core";
import type {
  ImplementationGroup,
  ImplementationJoiner,
  PrivateKeys,
  WelcomeChoice,
} from "../implementation.js";
import { takeVector, toHex } from "../wire.js";
import { CopseGroup } from "./group.js";
import { clientOf, type Party } from "./party.js";

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
