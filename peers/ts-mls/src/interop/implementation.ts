// RFC 9420 over ts-mls behind the harness's calls: an independent implementation, with its known faults worked around.
import type { GroupInfoAnswer, ImplementationSigner, MlsImplementation } from "@copse/interop";
import { vector } from "@copse/interop";
import {
  createGroup,
  type GroupInfo,
  proposeAddExternal,
  protocolVersions,
  type RatchetTree,
  senderTypes,
  wireformats,
} from "ts-mls";
import { ratchetTreeDecoder } from "../internals.js";
import { SUITES } from "../keys.js";
import { decodeWhole, fromBytes, sameBytes, toBytes } from "../messages.js";
import { groupInfos, publicFraming } from "./deep.js";
import { joinExternally } from "./external-join.js";
import { TsMlsGroup, TsMlsJoiner } from "./group.js";
import { makeParty, type Party } from "./party.js";
import { leafOf, senderKeys, toProposal } from "./proposals.js";

/** A GroupInfo and the tree that comes with it or beside it. */
function readGroupInfo({ groupInfo, ratchetTree }: GroupInfoAnswer): { info: GroupInfo; tree: RatchetTree } {
  const message = fromBytes(groupInfo);
  if (message.wireformat !== wireformats.mls_group_info) throw new Error("not a GroupInfo");
  const info = message.groupInfo;
  const tree =
    ratchetTree === undefined
      ? groupInfos.ratchetTreeFromExtension(info)
      : decodeWhole(ratchetTreeDecoder, ratchetTree, "a ratchet tree");
  if (tree === undefined) throw new Error("no ratchet tree");
  return { info, tree };
}

function makeSigner({ identity, keys, context }: Party): ImplementationSigner {
  const { rng, kdf } = context.cipherSuite;
  return {
    externalSender: new Uint8Array([...vector(keys.publicKey), 0, 1, ...vector(identity)]),
    async propose(groupInfo, choice) {
      const { info, tree } = readGroupInfo(groupInfo);
      const { groupContext } = info;
      if (choice.type === "update") throw new Error("an external sender can't propose this");
      const senderIndex = senderKeys(groupContext.extensions).findIndex((key) =>
        sameBytes(key, keys.publicKey),
      );
      if (senderIndex < 0) throw new Error("the group doesn't list this signer");
      const made = await publicFraming.protectExternalProposalPublic(
        keys.signKey,
        groupContext,
        new Uint8Array(),
        toProposal(choice, { groupContext, tree }, (length) => rng.randomBytes(length), kdf.size),
        { senderType: senderTypes.external, senderIndex },
        context.cipherSuite,
      );
      return toBytes({
        version: protocolVersions.mls10,
        wireformat: wireformats.mls_public_message,
        publicMessage: made.publicMessage,
      });
    },
  };
}

/** An implementation for `mlsClientService`: ts-mls 2.0.0-rc.10 in suites 1, 2 and 3. */
export function tsMlsImplementation(): MlsImplementation {
  return {
    name: "ts-mls",
    suites: Object.keys(SUITES).map(Number),
    async createGroup({ groupId, cipherSuite, encryptHandshake, identity }) {
      const own = await TsMlsJoiner.of(await makeParty(cipherSuite, identity));
      const state = await createGroup({
        context: own.party.context,
        groupId,
        keyPackage: own.publicPackage,
        privateKeyPackage: own.privatePackage,
      });
      return new TsMlsGroup(own.party, state, encryptHandshake);
    },
    async createKeyPackage({ cipherSuite, identity }) {
      return TsMlsJoiner.of(await makeParty(cipherSuite, identity));
    },
    async externalJoin({ groupInfo, ratchetTree, encryptHandshake, identity, removePrior, psks }) {
      const { info, tree } = readGroupInfo({ groupInfo, ratchetTree });
      const own = await TsMlsJoiner.of(await makeParty(info.groupContext.cipherSuite, identity));
      for (const { id, secret } of psks) own.storePsk(id, secret);
      const { newState, commit } = await joinExternally({
        context: own.party.context,
        groupInfo: info,
        ratchetTree: tree,
        keyPackage: own.publicPackage,
        privateKeys: own.privatePackage,
        removed: removePrior ? leafOf(tree, identity) : undefined,
        pskIds: psks.map(({ id }) => id),
      });
      return { group: new TsMlsGroup(own.party, newState, encryptHandshake), commit: toBytes(commit) };
    },
    async newMemberAddProposal({ groupInfo, identity }) {
      const { info } = readGroupInfo({ groupInfo, ratchetTree: undefined });
      const joiner = await TsMlsJoiner.of(await makeParty(info.groupContext.cipherSuite, identity));
      const proposal = await proposeAddExternal(
        info,
        joiner.publicPackage,
        joiner.privatePackage,
        joiner.party.context.cipherSuite,
      );
      return { joiner, proposal: toBytes(proposal) };
    },
    async createExternalSigner({ cipherSuite, identity }) {
      return makeSigner(await makeParty(cipherSuite, identity));
    },
  };
}
