// RFC 9420 §12.1, §7.3, §10.1: whether a single proposal is valid, whoever commits it.
import { equalBytes } from "../../bytes.js";
import { verifyAll } from "../../crypto/index.js";
import { ensure } from "../../errors.js";
import { blame, type SourcedProposal } from "../../framing/index.js";
import { checkKeyPackage, keyPackageVerifyRequests } from "../../key-package/index.js";
import { all, type VerifyRequest } from "../../provider/index.js";
import { checkLeafNode, leafNodeVerifyRequest, type RatchetTree } from "../../tree/index.js";
import {
  type Credential,
  type Extension,
  isCustomProposal,
  isCustomPsk,
  type KeyPackage,
  type LeafNode,
  LeafNodeSource,
  type PreSharedKeyID,
  ProposalType,
  PSKType,
  ResumptionPSKUsage,
  SenderType,
} from "../../wire/index.js";
import { authenticate } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { checkCapabilities, requirementsOf } from "../extensions/index.js";
import { lifetimeRule } from "../policy.js";

/** What is left to ask of the provider and of the application, after the rules that need neither. */
interface OpenQuestions {
  readonly signatures: VerifyRequest[];
  readonly claims: { leafNode: LeafNode; replaces?: Credential | undefined }[];
  readonly encryptionKeys: Uint8Array[];
}

/** Asks the open questions, all together. @throws ValidationError, CryptoError, MlsError `authentication` */
async function askAll(config: GroupConfig, groupId: Uint8Array, questions: OpenQuestions): Promise<void> {
  const { provider } = config;
  await all(questions.encryptionKeys.map((key) => provider.hpke.validatePublicKey(key)));
  const valid = await verifyAll(provider, questions.signatures);
  ensure(
    valid.every((one) => one),
    "7.3: the signatures of a LeafNode and of its KeyPackage must be valid using signature_key",
  );
  for (const { leafNode, replaces } of questions.claims) {
    await authenticate(config, groupId, leafNode, replaces);
  }
}

/** The requirements that leaf nodes in this epoch must meet, with the extensions that a commit may change. */
export function leafRules(config: GroupConfig, extensions: readonly Extension[]) {
  return {
    requirements: requirementsOf(config.provider.suite, extensions),
    extensions,
    registry: config.registry,
    lifetime: lifetimeRule(config.policy, "now"),
  };
}

type LeafRules = ReturnType<typeof leafRules>;

function checkAdd(config: GroupConfig, keyPackage: KeyPackage, rules: LeafRules): void {
  checkKeyPackage(keyPackage, config.provider.suite, rules.lifetime);
  checkCapabilities(keyPackage.leafNode, rules.requirements);
  rules.registry.checkLeafNode(keyPackage.leafNode, rules.extensions);
  rules.registry.checkExtensions(keyPackage.extensions, "keyPackage");
}

/**
 * §7.3 for the leaf node of an Update or of an update path that takes the place of another.
 * @throws ValidationError
 */
export function checkReplacement(
  leafNode: LeafNode,
  source: LeafNode["leafNodeSource"]["type"],
  replaced: LeafNode | undefined,
  rules: LeafRules,
): void {
  checkLeafNode(leafNode, source, rules.lifetime);
  checkCapabilities(leafNode, rules.requirements);
  rules.registry.checkLeafNode(leafNode, rules.extensions);
  ensure(
    replaced === undefined || !equalBytes(leafNode.encryptionKey, replaced.encryptionKey),
    "7.3: the encryption_key must be different from that of the leaf node being replaced",
  );
}

/** The usage of a resumption PSK that ties the first commit of a group to another group (§11.2, §11.3). */
export type ResumptionUsage = typeof ResumptionPSKUsage.reinit | typeof ResumptionPSKUsage.branch;

/**
 * §12.1.4: what a PreSharedKey proposal must be.
 * @param resumption the one usage besides `application` that belongs to the commit
 * @throws ValidationError
 */
export function checkPskId(psk: PreSharedKeyID, Nh: number, resumption?: ResumptionUsage): void {
  ensure(
    psk.pskNonce.length === Nh,
    "12.1.4: psk_nonce must be of length KDF.Nh",
    () => `${psk.pskNonce.length} bytes`,
  );
  if (isCustomPsk(psk) || psk.pskType !== PSKType.resumption || psk.usage === resumption) return;
  ensure(
    psk.usage !== ResumptionPSKUsage.reinit,
    "12.1.4: a resumption PSK with usage reinit belongs to the first commit after a reinitialization",
  );
  ensure(
    psk.usage !== ResumptionPSKUsage.branch,
    "12.1.4: a resumption PSK with usage branch belongs to the first commit of a subgroup",
  );
}

function memberAt(tree: RatchetTree, leafIndex: number): LeafNode {
  const leafNode = tree.leaf(leafIndex);
  ensure(
    leafNode !== undefined,
    "12.1.3: removed must identify a non-blank leaf node",
    () => `leaf ${leafIndex}`,
  );
  return leafNode;
}

/** The rules of one proposal that need neither the provider nor the application; what is left goes into `open`. */
function checkOne(
  config: GroupConfig,
  epoch: PublicEpoch,
  { proposal, sender, reference }: SourcedProposal,
  rules: LeafRules,
  open: OpenQuestions,
  resumption: ResumptionUsage | undefined,
): void {
  const { groupId } = epoch.groupContext;
  if (isCustomProposal(proposal)) {
    rules.registry.checkProposal(proposal, sender, reference, epoch);
    return;
  }
  switch (proposal.proposalType) {
    case ProposalType.add: {
      const { keyPackage } = proposal;
      checkAdd(config, keyPackage, rules);
      open.signatures.push(...keyPackageVerifyRequests(keyPackage));
      open.claims.push({ leafNode: keyPackage.leafNode });
      open.encryptionKeys.push(keyPackage.leafNode.encryptionKey);
      return;
    }
    case ProposalType.update: {
      ensure(
        sender.senderType === SenderType.member,
        "12.1.2: an Update replaces the leaf node of its sender, a member",
      );
      const { leafNode } = proposal;
      const replaced = epoch.tree.leaf(sender.leafIndex);
      checkReplacement(leafNode, LeafNodeSource.update, replaced, rules);
      open.signatures.push(leafNodeVerifyRequest(leafNode, groupId, sender.leafIndex));
      open.claims.push({ leafNode, replaces: replaced?.credential });
      open.encryptionKeys.push(leafNode.encryptionKey);
      return;
    }
    case ProposalType.remove:
      memberAt(epoch.tree, proposal.removed);
      return;
    case ProposalType.psk:
      checkPskId(proposal.psk, config.provider.suite.hash.Nh, resumption);
      if (isCustomPsk(proposal.psk)) rules.registry.checkPsk(proposal.psk);
      return;
    case ProposalType.reinit:
      ensure(
        proposal.version >= epoch.groupContext.version,
        "12.1.5: the version of a ReInit must not be less than the group's",
      );
      return;
    case ProposalType.externalInit:
      ensure(
        sender.senderType === SenderType.newMemberCommit,
        "12.1.6: an ExternalInit can only be used by new members, in an external commit",
      );
      return;
    case ProposalType.groupContextExtensions:
      requirementsOf(config.provider.suite, proposal.extensions);
      rules.registry.checkExtensions(proposal.extensions, "groupContext");
      return;
  }
}

/**
 * Checks proposals one by one, each for itself; those that were checked before are passed over. Signatures are
 * verified in one batch, and one after the other only to find out which is wrong.
 * @param extensions the GroupContext extensions that leaf nodes must fit: those of the commit, or the epoch's
 * @param resumption as in {@link checkPskId}
 * @throws ValidationError, CryptoError or MlsError `authentication`, each with `proposal` saying which
 */
export async function checkProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  extensions: readonly Extension[],
  resumption?: ResumptionUsage,
): Promise<void> {
  if (proposals.length === 0) return;
  const rules = leafRules(config, extensions);
  const { groupId } = epoch.groupContext;
  const open: OpenQuestions[] = [];
  for (const [index, sourced] of proposals.entries()) {
    const questions: OpenQuestions = { signatures: [], claims: [], encryptionKeys: [] };
    open.push(questions);
    if (sourced.checked) continue;
    try {
      checkOne(config, epoch, sourced, rules, questions, resumption);
    } catch (error) {
      throw blame(error, sourced, index);
    }
  }
  try {
    await askAll(config, groupId, {
      signatures: open.flatMap((one) => one.signatures),
      claims: open.flatMap((one) => one.claims),
      encryptionKeys: open.flatMap((one) => one.encryptionKeys),
    });
  } catch (error) {
    for (const [index, questions] of open.entries()) {
      try {
        await askAll(config, groupId, questions);
      } catch (own) {
        throw blame(own, proposals[index] as SourcedProposal, index);
      }
    }
    throw error;
  }
}
