// RFC 9420 §11, §12.1.8, §12.4.3: Copse as the harness drives it, with any provider.

import { basicCredential, type CryptoProvider, externalSenders, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { type ExternalProposalRequest, PublicGroup } from "@copse/core/public-group";
import type {
  GroupInfoAnswer,
  ImplementationSigner,
  MlsImplementation,
  ProposalChoice,
} from "../implementation.js";
import { takeVector, toHex } from "../wire.js";
import { CopseGroup, CopseJoiner } from "./group.js";
import { clientOf, isNamed, LIFETIMES, leafOf, makeParty, type Party, type Psks } from "./party.js";

/** Follows the group of a GroupInfo, without being a member. */
function follow(crypto: CryptoProvider, { groupInfo, ratchetTree }: GroupInfoAnswer): Promise<PublicGroup> {
  const authentication = insecureAcceptAll();
  return PublicGroup.follow({ crypto, authentication, policy: LIFETIMES, groupInfo, ratchetTree });
}

function externalChoice(observer: PublicGroup, choice: ProposalChoice): ExternalProposalRequest {
  switch (choice.type) {
    case "add":
      return { add: choice.keyPackage };
    case "remove":
      return { remove: leafOf(observer.members, choice.identity) };
    case "externalPsk":
      return { psk: { external: choice.pskId } };
    case "resumptionPsk":
      return { psk: { resumption: choice.epoch } };
    case "extensions":
      return { extensions: choice.extensions };
    case "reinit": {
      const { groupId, cipherSuite, extensions } = choice;
      return { reinit: { groupId, cipherSuite, extensions } };
    }
    default:
      throw new Error(`an external sender can't propose this: ${choice.type}`);
  }
}

function signerOf({ crypto, signer, identity }: Party): ImplementationSigner {
  const credential = basicCredential(identity);
  const { extensionData } = externalSenders([{ signatureKey: signer.publicKey, credential }]);
  return {
    externalSender: takeVector(extensionData)[0],
    async propose(groupInfo, choice) {
      // The observer finds the signer's index by its key; the index that the harness gives is always 0.
      const observer = await follow(crypto, groupInfo);
      return observer.propose(signer, externalChoice(observer, choice));
    },
  };
}

/** An implementation for `mlsClientService`: all suites of the provider. */
export function copseImplementation(crypto: CryptoProvider): MlsImplementation {
  // PSKs outlive epochs and groups. Clients of the same identity share them.
  const pskStores = new Map<string, Psks>();
  const party = (suite: number, identity: Uint8Array): Promise<Party> => {
    const name = toHex(identity);
    const psks = pskStores.get(name) ?? new Map<string, Uint8Array>();
    pskStores.set(name, psks);
    return makeParty(crypto, suite, identity, psks);
  };
  return {
    name: `copse/${crypto.name}`,
    suites: crypto.suites.map(({ id }) => id),
    async createGroup({ groupId, cipherSuite, encryptHandshake, identity }) {
      const owner = await party(cipherSuite, identity);
      const client = await clientOf(owner, encryptHandshake);
      return new CopseGroup(owner, client, await client.createGroup({ groupId }), encryptHandshake);
    },
    async createKeyPackage({ cipherSuite, identity }) {
      const owner = await party(cipherSuite, identity);
      const client = await clientOf(owner, true);
      return CopseJoiner.of(owner, client, await client.createKeyPackage());
    },
    async externalJoin({ groupInfo, ratchetTree, encryptHandshake, identity, removePrior, psks }) {
      const { cipherSuite } = await follow(crypto, { groupInfo, ratchetTree });
      const owner = await party(cipherSuite.id, identity);
      for (const { id, secret } of psks) owner.psks.set(toHex(id), secret);
      const client = await clientOf(owner, encryptHandshake);
      const joined = await joinByExternalCommit(client, groupInfo, {
        ratchetTree,
        resync: removePrior ? isNamed(identity) : false,
        psks: psks.map(({ id }) => ({ external: id })),
      });
      // Whoever drives the service delivers the commit to all members.
      await joined.group.mergePendingCommit();
      return {
        group: new CopseGroup(owner, client, joined.group, encryptHandshake),
        commit: joined.commit,
      };
    },
    async newMemberAddProposal({ groupInfo, identity }) {
      const observer = await follow(crypto, { groupInfo, ratchetTree: undefined });
      const owner = await party(observer.cipherSuite.id, identity);
      const client = await clientOf(owner, true);
      const proposal = await proposeJoin(client, observer);
      return { proposal, joiner: await CopseJoiner.of(owner, client) };
    },
    async createExternalSigner({ cipherSuite, identity }) {
      return signerOf(await party(cipherSuite, identity));
    },
  };
}
