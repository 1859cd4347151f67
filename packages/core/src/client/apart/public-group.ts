// RFC 9420 §12.1.8, §16: following a group, and sending it proposals, without being a member: for servers.
import { type Bytes, copied, equalBytes, needBytes } from "../../bytes.js";
import { guardProvider, guardSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import { type MlsExtension, Registry } from "../../group/extensions/index.js";
import {
  type AsyncContext,
  type AuthenticationService,
  type CachedProposal,
  epochContext,
  type GroupConfig,
  guardHooks,
  needAuthentication,
  POLICY,
  type Policy,
  type PublicCandidate,
  policyOf,
} from "../../group/index.js";
import {
  type CommitMessage,
  type Followed,
  type FollowedCommit,
  followCommit,
  followFrom,
  followMessage,
  type MembersView,
  type ProposalMessage,
  type PublicGroupState,
  resumeFrom,
} from "../../group/messages/index.js";
import {
  cacheProposal,
  type ExternalProposalRequest,
  externalSenderProposal,
} from "../../group/proposals/index.js";
import {
  answer,
  Lock,
  OPERATION,
  type OperationOptions,
  perform,
  type Steps,
} from "../../operation/index.js";
import { checkOptions, needed, type OptionShape } from "../../option-shapes.js";
import type { CryptoProvider, Signer } from "../../provider/index.js";
import { ExtensionType, ExternalSenders, findExtension, readGroupInfo } from "../../wire/index.js";
import { GroupBase } from "../group-base.js";
import { EXTERNAL_REQUEST, MESSAGE, type MessageOptions } from "../group-options.js";
import { CommitView } from "../staged-commit.js";

/** The options of {@link PublicGroup.resume}. */
export interface ResumeOptions extends OperationOptions {
  /** The encoded tree. Needed if the GroupInfo doesn't carry it. */
  readonly ratchetTree?: Uint8Array | undefined;
}

export interface PublicGroupOptions extends ResumeOptions {
  readonly crypto: CryptoProvider;
  /** Validates credentials, as for a client. */
  readonly authentication: AuthenticationService;
  readonly policy?: Partial<Policy>;
  /** As for a client: to tell calls of hooks. */
  readonly asyncContext?: AsyncContext;
  /** The extensions of the protocol (§13) that the group uses. */
  readonly extensions?: readonly MlsExtension[];
  /** A signed GroupInfo of the group, as an encoded MLSMessage. */
  readonly groupInfo: Uint8Array;
}

const RESUME: OptionShape<ResumeOptions> = { ...OPERATION, ratchetTree: "bytes" };
const FOLLOW: OptionShape<PublicGroupOptions> = {
  ...RESUME,
  crypto: needed("object"),
  authentication: "object",
  policy: POLICY,
  asyncContext: "object",
  extensions: { "[]": "object" },
  groupInfo: needed("bytes"),
};

/**
 * A commit that {@link PublicGroup.stage} has checked, and that isn't in force here. What needs the group's secrets isn't
 * checked, as in all that a follower does.
 */
export class StagedPublicCommit extends CommitView {
  readonly #merge: (options: OperationOptions) => Promise<CommitMessage>;
  readonly #commit: PublicCandidate;

  /** @internal */
  constructor(
    commit: PublicCandidate,
    before: MembersView,
    merge: (options: OperationOptions) => Promise<CommitMessage>,
  ) {
    super(commit, before);
    this.#commit = commit;
    this.#merge = merge;
  }

  /** The tree hash (§7.8) of the epoch that it starts: `Nh` bytes, as in a GroupInfo of that epoch. */
  get treeHash(): Bytes {
    return copied(this.#commit.next.groupContext.treeHash);
  }

  /**
   * Enters the epoch that it starts. All other staged commits end.
   * @throws MlsError `past-epoch` if its epoch is over; `missing` if the follower was resumed since
   * @example
   * const { epoch, added } = await staged.merge();
   */
  async merge(options: OperationOptions = {}): Promise<CommitMessage> {
    checkOptions(options, OPERATION);
    return this.#merge(options);
  }
}

/**
 * Follows a group by its handshakes without being a member: for a delivery service that orders commits, refuses
 * invalid ones, and knows the members. Members must send handshakes as PublicMessages (`policy.handshake`).
 *
 * It checks signatures, proposals, trees and transcripts, but nothing that needs the group's secrets: not the
 * membership tag, the confirmation tag and the path secrets. Members may still refuse a commit that it accepts:
 * {@link PublicGroup.resume} is the way back.
 */
export class PublicGroup extends GroupBase {
  readonly #config: GroupConfig;
  readonly #lock: Lock;
  #state: PublicGroupState;

  private constructor(config: GroupConfig, state: PublicGroupState, context: AsyncContext | undefined) {
    super();
    this.#lock = new Lock(context);
    this.#config = guardHooks(config, (hook) => this.#lock.callHook(hook));
    this.#state = state;
  }

  /**
   * Starts to follow a group in the epoch of a GroupInfo.
   * @throws ValidationError, DecodeError, UnsupportedError; MlsError `missing` without a tree, `authentication`
   * @example
   * const follower = await PublicGroup.follow({ crypto: nodeProvider(), authentication, groupInfo });
   */
  static async follow(options: PublicGroupOptions): Promise<PublicGroup> {
    const chosen = checkOptions(options, FOLLOW);
    const work = async () => {
      const { crypto, authentication } = chosen;
      needAuthentication(authentication);
      const policy = policyOf(chosen.policy);
      const groupInfo = readGroupInfo(chosen.groupInfo, policy.maxJoinSize);
      const config: GroupConfig = {
        provider: guardProvider(crypto.suite(groupInfo.groupContext.cipherSuite)),
        authentication,
        policy,
        psk: () => undefined,
        registry: new Registry(chosen.extensions),
      };
      const guarded = guardHooks(config, (hook) => hook());
      const state = await followFrom(guarded, groupInfo, chosen.ratchetTree);
      return new PublicGroup(config, state, chosen.asyncContext);
    };
    return perform({ work, finish: answer }, options);
  }

  /**
   * What tells this epoch from all others that a group with this ID can have: the encoded GroupContext (§8.1) and, in `Nh`
   * bytes, the interim transcript hash (§8.2), in which the confirmation tag is. Two GroupInfos show the same if they are of
   * the same epoch. What remains their signers' word is their extensions, such as `external_pub`.
   */
  get epochContext(): Bytes {
    return epochContext(this.current);
  }

  protected override get config(): GroupConfig {
    return this.#config;
  }

  protected override get current(): PublicGroupState["current"] {
    return this.#state.current;
  }

  protected override get cached(): readonly CachedProposal[] {
    return this.#state.proposals;
  }

  /**
   * Goes on from a member's GroupInfo, also of an earlier or a later epoch, in place of the present state: the way back
   * after a message was accepted that the members refused, or one was missed. The tags of a PublicMessage can only be
   * checked with the group's secrets: if somebody changes one on the way, this accepts the commit, and takes the true
   * one for a `fork`.
   * @param groupInfo an encoded MLSMessage, signed by somebody who is a member as far as is known here
   * @throws MlsError `wrong-group`, `unknown-sender`; otherwise as {@link follow}; and nothing changes
   * @example
   * await follower.resume(await group.groupInfo());
   */
  async resume(groupInfo: Uint8Array, options: ResumeOptions = {}): Promise<void> {
    const { ratchetTree } = checkOptions(options, RESUME);
    const info = readGroupInfo(groupInfo, this.config.policy.maxJoinSize);
    const work = () => resumeFrom(this.config, this.#state, info, ratchetTree);
    const finish = (state: PublicGroupState) => {
      this.#state = state;
    };
    return this.#lock.run({ work, finish }, options);
  }

  /**
   * Validates and follows a proposal or a commit. Members may refuse what this accepts: see {@link resume}.
   * @param message an encoded MLSMessage with a PublicMessage
   * @throws ValidationError, CryptoError, DecodeError, or MlsError, and nothing changes: `future-epoch` for a message of
   *   a later epoch, `past-epoch` for one of an earlier epoch, `fork` for a commit that conflicts with an earlier one, `duplicate` for a repeated commit,
   *   `proposal-missing`, `missing`, `closed`, `authentication`, `forbidden`, `limit`
   * @example
   * const { kind, epoch } = await follower.receive(message);
   */
  async receive(
    message: Uint8Array,
    options: OperationOptions = {},
  ): Promise<ProposalMessage | CommitMessage> {
    checkOptions(options, OPERATION);
    const bytes = needBytes(message, "a message").slice();
    const steps: Steps<Followed, ProposalMessage | CommitMessage> = {
      work: () => followMessage(this.config, this.#state, bytes),
      finish: (followed) => this.#enter(followed),
    };
    return this.#lock.run(steps, options);
  }

  #enter<R>({ state, received }: { readonly state: PublicGroupState; readonly received: R }): R {
    this.#state = state;
    return received;
  }

  /**
   * Checks a commit wholly, as {@link receive} does, and shows what it would change. Nothing is in force before
   * {@link StagedPublicCommit.merge}: so a server can store a commit first. Several may be staged at once: merging one ends
   * the others. They hold nothing that isn't public, so one that isn't merged is simply dropped.
   * @param message an encoded MLSMessage with a PublicMessage
   * @throws MlsError `usage` for another message than a commit; otherwise as {@link receive}
   * @example
   * const staged = await follower.stage(message);
   * if (await database.accept(staged.epoch, message)) await staged.merge();
   */
  async stage(message: Uint8Array, options: OperationOptions = {}): Promise<StagedPublicCommit> {
    checkOptions(options, OPERATION);
    const bytes = needBytes(message, "a message").slice();
    const work = () => followCommit(this.config, this.#state, bytes);
    const finish = (followed: FollowedCommit) => {
      const { current } = this.#state;
      const find = () => {
        if (this.#state.current === current) return followed;
        const isOver = this.epoch >= followed.received.epoch;
        const message =
          "expected a commit that was staged in the present epoch: pass its message to stage() again";
        throw new MlsError(isOver ? "past-epoch" : "missing", message, { epoch: current.groupContext.epoch });
      };
      const merge = (options: OperationOptions) =>
        this.#lock.run({ work: find, finish: (found) => this.#enter(found) }, options);
      return new StagedPublicCommit(followed.commit, current, merge);
    };
    return this.#lock.run({ work, finish }, options);
  }

  /**
   * Makes a proposal of an external sender (§12.1.8), which the group's `external_senders` extension must list. It
   * takes effect when a member commits it. Pass it to {@link receive} too.
   * @returns an encoded MLSMessage
   * @throws MlsError `unknown-sender` if the group doesn't list the signer, `forbidden`; ValidationError;
   *   UnsupportedError for a signer of another scheme
   * @example
   * const proposal = await follower.propose(signer, { remove: leafIndex });
   */
  async propose(
    signer: Signer,
    request: ExternalProposalRequest,
    options: MessageOptions = {},
  ): Promise<Bytes> {
    const { authenticatedData } = checkOptions(options, MESSAGE);
    const requested = checkOptions(request, EXTERNAL_REQUEST, "request");
    const work = async () => {
      const { config } = this;
      const { current, proposals: known } = this.#state;
      const { groupId, epoch, extensions } = current.groupContext;
      const allowed = findExtension(extensions, ExtensionType.externalSenders, ExternalSenders) ?? [];
      const senderIndex = allowed.findIndex(({ signatureKey }) => equalBytes(signatureKey, signer.publicKey));
      if (senderIndex < 0)
        throw new MlsError("unknown-sender", "the group's external_senders don't list this signer");
      const { authenticated, message } = await externalSenderProposal(
        config,
        { groupId, epoch, senderIndex },
        guardSigner(signer, (hook) => this.#lock.callHook(hook)),
        requested,
        config.registry.authenticatedData(authenticatedData, current.groupContext),
        extensions,
      );
      await cacheProposal(config, current, authenticated, { direction: "sending", own: true, known });
      return message;
    };
    return this.#lock.run({ work, finish: answer }, options);
  }
}
