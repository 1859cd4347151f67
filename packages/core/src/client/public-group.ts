// RFC 9420 §12.1.8, §16: the server's side: a group followed, and proposed to, without being a member.
import { copyOf, equalBytes, needBytes } from "../bytes.js";
import { checkSigner } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { SourcedProposal } from "../framing/index.js";
import {
  type AuthenticationService,
  type CommitMessage,
  createExternalProposal,
  type ExternalProposalRequest,
  followFrom,
  followMessage,
  type GroupConfig,
  type MlsExtension,
  needAuthentication,
  type Policy,
  policyOf,
  type ProposalMessage,
  proposalOf,
  type PublicGroupState,
  Registry,
} from "../group/index.js";
import type { CryptoProvider, Signer } from "../provider/index.js";
import { ExtensionType, ExternalSenders, findExtension, readGroupInfo, SenderType } from "../wire/index.js";
import { GroupBase } from "./group-base.js";
import { Lock } from "./lock.js";

export interface PublicGroupOptions {
  readonly crypto: CryptoProvider;
  /** Decides whose credentials are true, as for a client. */
  readonly authentication: AuthenticationService;
  readonly policy?: Partial<Policy>;
  /** The extensions of the protocol (§13) that the group uses. */
  readonly extensions?: readonly MlsExtension[];
  /** A signed GroupInfo of the group, as an encoded MLSMessage. */
  readonly groupInfo: Uint8Array;
  /** The encoded tree, where the GroupInfo comes without it. */
  readonly ratchetTree?: Uint8Array | undefined;
}

/**
 * Follows a group by its handshakes, without being a member: for a delivery service that orders commits, refuses
 * wrong ones and tells who is in the group. Handshakes must be sent as PublicMessages (`policy.handshake`).
 *
 * It checks signatures, proposals, trees and transcripts, but can't check what takes the group's secrets: a
 * commit that it accepts may still be refused by members, if its sender put wrong secrets into it.
 */
export class PublicGroup extends GroupBase {
  readonly #config: GroupConfig;
  readonly #lock = new Lock();
  #state: PublicGroupState;

  private constructor(config: GroupConfig, state: PublicGroupState) {
    super();
    this.#config = config;
    this.#state = state;
  }

  /**
   * Starts where a GroupInfo says that the group is.
   * @throws ValidationError, DecodeError, UnsupportedError; MlsError `missing` without a tree, `authentication`
   */
  static async follow(options: PublicGroupOptions): Promise<PublicGroup> {
    const { crypto, authentication, policy } = options;
    needAuthentication(authentication);
    const groupInfo = readGroupInfo(options.groupInfo);
    const config: GroupConfig = {
      provider: crypto.suite(groupInfo.groupContext.cipherSuite),
      authentication,
      policy: policyOf(policy),
      psk: () => undefined,
      registry: new Registry(options.extensions),
    };
    const state = await followFrom(config, groupInfo, copyOf(options.ratchetTree));
    return new PublicGroup(config, state);
  }

  protected override get config(): GroupConfig {
    return this.#config;
  }

  protected override get current(): PublicGroupState["current"] {
    return this.#state.current;
  }

  override get proposals(): readonly SourcedProposal[] {
    return this.#state.proposals;
  }

  /**
   * Follows a proposal or a commit, an encoded MLSMessage with a PublicMessage.
   * @throws MlsError, and the observer is where it was: `wrong-epoch` for a message that is stale or ahead, `fork`
   *   for a commit in conflict with one that came before, `consumed` for a repetition
   */
  receive(message: Uint8Array): Promise<ProposalMessage | CommitMessage> {
    const bytes = needBytes(message, "a message").slice();
    return this.#lock.run(async () => {
      const { state, received } = await followMessage(this.config, this.#state, bytes);
      this.#state = state;
      return received;
    });
  }

  /**
   * A proposal of an external sender (§12.1.8) that the group's `external_senders` extension lists. It counts when
   * a member commits it; the observer itself is to {@link receive} it too.
   * @returns an encoded MLSMessage
   * @throws MlsError `unknown-sender` if the group doesn't list the signer; UnsupportedError for another scheme
   */
  propose(
    signer: Signer,
    request: ExternalProposalRequest,
    options: { readonly authenticatedData?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    return this.#lock.run(async () => {
      const { provider } = this.config;
      checkSigner(provider, signer);
      const { groupId, epoch, extensions } = this.#state.current.groupContext;
      const allowed = findExtension(extensions, ExtensionType.externalSenders, ExternalSenders) ?? [];
      const senderIndex = allowed.findIndex(({ signatureKey }) => equalBytes(signatureKey, signer.publicKey));
      if (senderIndex < 0)
        throw new MlsError("unknown-sender", "the group's external_senders don't list this signer");
      const { registry } = this.config;
      const { current } = this.#state;
      const external = {
        groupId,
        epoch,
        sender: { senderType: SenderType.external, senderIndex },
        signer,
        proposal: proposalOf(provider, groupId, request),
        authenticatedData: registry.authenticatedData(options.authenticatedData, current.groupContext),
      };
      return createExternalProposal(this.config, external, current);
    });
  }
}
