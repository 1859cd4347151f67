// RFC 9420 §8, §12.4.1: the epoch that a commit begins, whether a member made it or a new member.
import type { ClientState, GroupContext, MlsContext } from "ts-mls";
import { clientState, framedContent as framing, kdf, keySchedule, secretTree, treeHash } from "./deep.js";

type CipherSuite = MlsContext["cipherSuite"];
type SignParameters = Parameters<typeof framing.createContentCommitSignature>;

export interface NextEpochRequest {
  readonly wireformat: "mls_public_message" | "mls_private_message";
  readonly commit: SignParameters[2];
  readonly sender: SignParameters[3];
  readonly signaturePrivateKey: Uint8Array;
  /** Of the epoch that ends. */
  readonly before: GroupContext;
  /** The same with the extensions that the proposals give the group. */
  readonly provisional: GroupContext;
  readonly confirmationTagBefore: Uint8Array;
  /** With the proposals and the path applied. */
  readonly tree: ClientState["ratchetTree"];
  readonly initSecret: Uint8Array;
  /** The path secret above the root's; `undefined` without a path. */
  readonly rootSecret: Uint8Array | undefined;
  readonly pskSecret: Uint8Array;
}

type SignedCommit = Awaited<ReturnType<typeof framing.createContentCommitSignature>>["framedContent"];

export interface NextEpoch {
  readonly content: SignedCommit;
  readonly auth: {
    readonly contentType: SignedCommit["contentType"];
    readonly signature: Uint8Array;
    readonly confirmationTag: Uint8Array;
  };
  /** What the committer's state has of the new epoch. */
  readonly state: Omit<ClientState, "privatePath" | "historicalReceiverData" | "groupActiveState">;
  readonly joinerSecret: Uint8Array;
  readonly welcomeSecret: Uint8Array;
}

/** Signs a commit and derives the epoch after it. */
export async function nextEpoch(request: NextEpochRequest, cs: CipherSuite): Promise<NextEpoch> {
  const { before, tree } = request;
  const { signature, framedContent: content } = await framing.createContentCommitSignature(
    before,
    request.wireformat,
    request.commit,
    request.sender,
    new Uint8Array(),
    request.signaturePrivateKey,
    cs.signature,
  );
  const groupContext = await clientState.nextEpochContext(
    request.provisional,
    request.wireformat,
    content,
    signature,
    await treeHash.treeHashRoot(tree, cs.hash),
    request.confirmationTagBefore,
    cs.hash,
  );
  const secrets = await keySchedule.initializeEpoch(
    request.initSecret,
    await commitSecretOf(request.rootSecret, cs),
    groupContext,
    request.pskSecret,
    cs.kdf,
  );
  const confirmationTag = await framing.createConfirmationTag(
    secrets.keySchedule.confirmationKey,
    groupContext.confirmedTranscriptHash,
    cs.hash,
  );
  return {
    content,
    auth: { contentType: content.contentType, signature, confirmationTag },
    state: {
      groupContext,
      ratchetTree: tree,
      secretTree: secretTree.createSecretTree((tree.length + 1) / 2, secrets.encryptionSecret),
      keySchedule: secrets.keySchedule,
      unappliedProposals: {},
      confirmationTag,
      signaturePrivateKey: request.signaturePrivateKey,
    },
    joinerSecret: secrets.joinerSecret,
    welcomeSecret: secrets.welcomeSecret,
  };
}

/** §8: of no path, zeros. */
async function commitSecretOf(rootSecret: Uint8Array | undefined, cs: CipherSuite): Promise<Uint8Array> {
  return rootSecret === undefined
    ? new Uint8Array(cs.kdf.size)
    : kdf.deriveSecret(rootSecret, "path", cs.kdf);
}
