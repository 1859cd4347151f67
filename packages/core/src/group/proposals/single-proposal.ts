// RFC 9420 §12.1, §7.3, §10.1: whether a single proposal is valid, whoever commits it.
import { equalBytes } from "../../bytes.js";
import { verifyOwnSignatures } from "../../crypto/index.js";
import { ensure, isVerdict } from "../../errors.js";
import { blame, type SourcedProposal } from "../../framing/index.js";
import { checkKeyPackage, keyPackageVerifyRequests } from "../../key-package/index.js";
import { all, type VerifyRequest } from "../../provider/index.js";
import { checkLeafNode, checkLifetime, leafNodeVerifyRequest } from "../../tree/index.js";
import {
  type Extension,
  isCustomProposal,
  isCustomPsk,
  isProposal,
  type KeyPackage,
  type LeafNode,
  LeafNodeSource,
  type PreSharedKeyID,
  ProposalType,
  PSKType,
  ResumptionPSKUsage,
  SenderType,
} from "../../wire/index.js";
import { authenticate, type Entrant } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { checkCapabilities, checkReinit, type Registry, requirementsOf } from "../extensions/index.js";
import { enteringSenders } from "../external-senders.js";
import { lifetimeRule } from "../policy.js";
import { checkPskNonce } from "../psks.js";

/** The checks that need the provider or the application. They run after those that need neither. */
interface DeferredChecks {
  readonly signatures: VerifyRequest[];
  readonly entrants: Entrant[];
  readonly encryptionKeys: Uint8Array[];
}

/** Runs deferred checks in batches. @throws ValidationError, CryptoError, MlsError `authentication` */
async function runDeferred(
  config: GroupConfig,
  groupId: Uint8Array | undefined,
  checks: DeferredChecks,
): Promise<void> {
  const { provider } = config;
  await all(checks.encryptionKeys.map((key) => provider.hpke.validatePublicKey(key)));
  ensure(
    await verifyOwnSignatures(provider, checks.signatures),
    "7.3: the signatures of a LeafNode and of its KeyPackage must be valid using signature_key",
  );
  for (const entrant of checks.entrants) await authenticate(config, groupId, entrant);
}

function deferKeyPackage(
  keyPackage: KeyPackage,
  { signatures, entrants, encryptionKeys }: DeferredChecks,
): void {
  signatures.push(...keyPackageVerifyRequests(keyPackage));
  entrants.push({ identity: keyPackage.leafNode, role: "member" });
  encryptionKeys.push(keyPackage.initKey, keyPackage.leafNode.encryptionKey);
}

/**
 * §10.1: checks a key package by itself, as it is checked before it is added to a group, except for its lifetime, which
 * changes, and for what a group asks for.
 * @throws ValidationError, CryptoError, MlsError `authentication`
 */
export async function checkKeyPackageAlone(config: GroupConfig, keyPackage: KeyPackage): Promise<void> {
  checkKeyPackage(keyPackage, config.provider.suite, undefined);
  config.registry.checkLeafNode(keyPackage.leafNode, []);
  checkKeyPackageLists(config.registry, keyPackage);
  const deferred: DeferredChecks = { signatures: [], entrants: [], encryptionKeys: [] };
  deferKeyPackage(keyPackage, deferred);
  await runDeferred(config, undefined, deferred);
}

/** Whether this client sends a proposal or a commit, or has received it: some rules are for senders alone. */
export type Direction = "sending" | "receiving";

/** The rules for leaf nodes in a group with these GroupContext extensions. */
export function leafRules(config: GroupConfig, extensions: readonly Extension[], direction: Direction) {
  return {
    requirements: requirementsOf(config.provider.suite, extensions),
    extensions,
    registry: config.registry,
    lifetime: lifetimeRule(config.policy, direction),
  };
}

type LeafRules = ReturnType<typeof leafRules>;

/**
 * §7.3, for the leaf node of an Update or an UpdatePath.
 * @param replaced the leaf node that it replaces
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

/** The usages of a resumption PSK in the first commit of a group that resumes another one (§11.2, §11.3). */
export type ResumptionUsage = typeof ResumptionPSKUsage.reinit | typeof ResumptionPSKUsage.branch;

/**
 * §12.1.4: checks the PSK of a PreSharedKey proposal.
 * @param resumption the usage that is valid besides `application`, if any
 * @throws ValidationError
 */
function checkPskId(psk: PreSharedKeyID, Nh: number, resumption?: ResumptionUsage): void {
  checkPskNonce(psk, Nh);
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

/** §13.4: the lists of extensions of a key package that this client sends or reads, by all rules that it knows. */
function checkKeyPackageLists(registry: Registry, { leafNode, extensions }: KeyPackage): void {
  registry.checkExtensions(leafNode.extensions, "leafNode");
  registry.checkExtensions(extensions, "keyPackage");
}

/**
 * The rules that are for senders alone, because receivers may disagree about them. Also for proposals that were
 * received and checked before: time passes. @throws ValidationError
 */
export function checkSending(
  { policy, isOpen, registry }: GroupConfig,
  { groupContext }: Pick<PublicEpoch, "groupContext">,
  { proposal }: SourcedProposal,
): void {
  if (isProposal(proposal, ProposalType.add)) {
    const rule = lifetimeRule(policy, "sending");
    if (rule !== undefined) checkLifetime(proposal.keyPackage.leafNode, rule);
    checkKeyPackageLists(registry, proposal.keyPackage);
  }
  const isReInit = isProposal(proposal, ProposalType.reinit);
  if (isReInit || isProposal(proposal, ProposalType.groupContextExtensions))
    registry.checkExtensions(proposal.extensions, "groupContext");
  ensure(
    !isReInit || equalBytes(proposal.groupId, groupContext.groupId) || isOpen?.(proposal.groupId) !== true,
    "12.4.3: group_id must be unique among the groups that a client participates in",
    "the ReInit names another group of this client",
  );
}

/** The checks of one proposal that need neither the provider nor the application. The others go into `deferred`. */
function checkOne(
  config: GroupConfig,
  epoch: PublicEpoch,
  sourced: SourcedProposal,
  rules: LeafRules,
  deferred: DeferredChecks,
  resumption: ResumptionUsage | undefined,
): void {
  const { groupId } = epoch.groupContext;
  const { proposal, sender } = sourced;
  if (isCustomProposal(proposal)) {
    rules.registry.checkProposal(proposal, sourced, epoch);
    return;
  }
  switch (proposal.proposalType) {
    case ProposalType.add: {
      const { keyPackage } = proposal;
      checkKeyPackage(keyPackage, config.provider.suite, rules.lifetime);
      checkCapabilities(keyPackage.leafNode, rules.requirements);
      rules.registry.checkLeafNode(keyPackage.leafNode, rules.extensions);
      rules.registry.checkExtensions(keyPackage.extensions, "keyPackage", rules.extensions);
      deferKeyPackage(keyPackage, deferred);
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
      deferred.signatures.push(leafNodeVerifyRequest(leafNode, groupId, sender.leafIndex));
      const replaces = replaced && ({ old: replaced, by: "update" } as const);
      deferred.entrants.push({ identity: leafNode, role: "member", replaces });
      deferred.encryptionKeys.push(leafNode.encryptionKey);
      return;
    }
    case ProposalType.remove:
      ensure(
        epoch.tree.leaf(proposal.removed) !== undefined,
        "12.1.3: removed must identify a non-blank leaf node",
        () => `leaf ${proposal.removed}`,
      );
      return;
    case ProposalType.psk:
      checkPskId(proposal.psk, config.provider.suite.hash.Nh, resumption);
      if (isCustomPsk(proposal.psk)) rules.registry.checkPsk(proposal.psk);
      return;
    case ProposalType.reinit:
      ensure(
        proposal.version >= epoch.groupContext.version,
        "12.1.5: the version of a ReInit must not be less than the group's",
        () => `expected at least ${epoch.groupContext.version}, got ${proposal.version}`,
      );
      // The members are those of this group. They needn't support what the new one requires.
      rules.registry.checkExtensions(proposal.extensions, "groupContext", rules.extensions);
      checkReinit(config.provider.suite, proposal, epoch.tree.members());
      return;
    case ProposalType.externalInit:
      ensure(
        sender.senderType === SenderType.newMemberCommit,
        "12.1.6: an ExternalInit can only be used by new members, in an external commit",
      );
      return;
    case ProposalType.groupContextExtensions:
      requirementsOf(config.provider.suite, proposal.extensions);
      rules.registry.checkExtensions(proposal.extensions, "groupContext", proposal.extensions);
      deferred.entrants.push(...enteringSenders(proposal.extensions, epoch.groupContext.extensions));
      return;
  }
}

/**
 * Checks each proposal, except those that were checked before. Signatures are verified in one batch, and one by one
 * only if the batch fails.
 * @param extensions the GroupContext extensions that leaf nodes must support: after the commit, or the epoch's
 * @param direction whether this client sends the proposals or a commit of them, or received them
 * @param resumption as in {@link checkPskId}
 * @throws ValidationError, CryptoError, MlsError `authentication`; `proposal` names the invalid one
 */
export async function checkProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  extensions: readonly Extension[],
  direction: Direction,
  resumption?: ResumptionUsage,
): Promise<void> {
  if (proposals.length === 0) return;
  const rules = leafRules(config, extensions, direction);
  const { groupId } = epoch.groupContext;
  const deferred: DeferredChecks[] = [];
  for (const [index, sourced] of proposals.entries()) {
    const checks: DeferredChecks = { signatures: [], entrants: [], encryptionKeys: [] };
    deferred.push(checks);
    try {
      if (sourced.checked !== true) checkOne(config, epoch, sourced, rules, checks, resumption);
      if (direction === "sending") checkSending(config, epoch, sourced);
    } catch (error) {
      throw blame(error, sourced, index);
    }
  }
  try {
    await runDeferred(config, groupId, {
      signatures: deferred.flatMap((one) => one.signatures),
      entrants: deferred.flatMap((one) => one.entrants),
      encryptionKeys: deferred.flatMap((one) => one.encryptionKeys),
    });
  } catch (error) {
    if (!isVerdict(error)) throw error;
    for (const [index, checks] of deferred.entries()) {
      try {
        await runDeferred(config, groupId, checks);
      } catch (cause) {
        throw blame(cause, proposals[index] as SourcedProposal, index);
      }
    }
    throw error;
  }
}
