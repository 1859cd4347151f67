// RFC 9420 §11, §12, §15: a group as a member uses it.
import { type Bytes, needBytes, utf8 } from "../bytes.js";
import { MlsError } from "../errors.js";
import { type PreparedCommit, prepareCommit } from "../group/commit/index.js";
import { type GroupState, needActive, resumptionPskOf, stageCandidate, wipeEpoch } from "../group/index.js";
import {
  applicationMessage,
  type CommitMessage,
  proposalMessage,
  type Received,
  type Reception,
  receiveMessage,
  type Staging,
  stageMessage,
} from "../group/messages/index.js";
import {
  type CommitOptions,
  hasProposals,
  type KeyPackageToAdd,
  type MembersToRemove,
  type NewIdentity,
  ownProposals,
  type ProposalChoice,
  type ProposalRequest,
  requestedProposal,
  withoutProposals,
  withProposal,
} from "../group/proposals/index.js";
import { answer, type Outcome, type Steps, WRITE, type WriteOptions } from "../operation/index.js";
import { checkOptions } from "../option-shapes.js";
import type { HpkePrivateKey } from "../provider/index.js";
import { ADD, CHOICE, COMMIT, type MessageOptions, REMOVE, REQUEST, SENT, UPDATE } from "./group-options.js";
import { MemberView } from "./member-view.js";
import { Membership } from "./membership.js";
import type { AddOptions, RemoveOptions, StagedCommit, UpdateOptions } from "./staged-commit.js";

const toSend = (data: Uint8Array | string, name: string): Bytes =>
  typeof data === "string" ? utf8(data) : needBytes(data, name).slice();

/** The results for each item of a list, read once. @throws MlsError `usage` */
function eachOf<T, R>(list: readonly T[], name: string, read: (one: T, name: string) => R): R[] {
  if (!Array.isArray(list)) throw new MlsError("usage", `expected a list of ${name}, got ${typeof list}`);
  return Array.from(list, (one: T, i) => read(one, `${name}[${i}]`));
}

/**
 * A group that this client is a member of. Created by {@link Client}.
 *
 * Methods run one after the other, in the order of the calls. A call that fails, or that its `signal` gives up, doesn't
 * change the group; but if encryption itself fails, the key that it took stays used. All messages are encoded
 * MLSMessages.
 * @example
 * await server.send(await group.encrypt("hello"));
 * const received = await group.receive(await server.next());
 */
export class Group extends MemberView {
  /** @internal */
  constructor(...member: ConstructorParameters<typeof Membership>) {
    super(new Membership(...member));
  }

  /**
   * Encrypts application data (§15) for the members of this epoch.
   * @param data bytes, or a string to send as UTF-8
   * @param options `authenticatedData`: bytes that the message authenticates but doesn't encrypt
   * @returns an encoded MLSMessage
   * @throws MlsError `pending` while there are proposals that an own commit would include (§12.4); `limit`, `removed`, `closed`
   * @example
   * const message = await group.encrypt("hello");
   */
  async encrypt(
    data: Uint8Array | string,
    options: MessageOptions & WriteOptions<Bytes> = {},
  ): Promise<Bytes> {
    const { authenticatedData } = checkOptions(options, SENT);
    const applicationData = toSend(data, "data");
    const work = () => this.#encrypt(applicationData, authenticatedData);
    return this.own.run({ work, finish: answer }, options, "members");
  }

  /**
   * The same as {@link encrypt} for several messages, in one turn, and with a storage in one write: each has a key of its
   * own, and they are to be sent in this order. All or none: if one fails, the keys of those before it stay used.
   * @param options as of {@link encrypt}, for each of them
   * @returns as many encoded MLSMessages
   * @throws as {@link encrypt}
   * @example
   * for (const message of await group.encryptAll(["hello", "again"])) await server.send(message);
   */
  async encryptAll(
    data: readonly (Uint8Array | string)[],
    options: MessageOptions & WriteOptions<Bytes[]> = {},
  ): Promise<Bytes[]> {
    const { authenticatedData, signal } = checkOptions(options, SENT);
    const all = eachOf(data, "data", toSend);
    const work = async () => {
      const messages: Bytes[] = [];
      for (const one of all) {
        // What was given up uses no more keys.
        if (signal?.aborted !== true) messages.push(await this.#encrypt(one, authenticatedData));
      }
      return messages;
    };
    return this.own.run({ work, finish: answer }, options, "members");
  }

  #encrypt(data: Uint8Array, authenticatedData: Uint8Array | undefined): Promise<Bytes> {
    needActive(this.own.state);
    const { current, ownLeaf } = this;
    if (hasProposals(this.config, current, this.cached, ownLeaf)) {
      throw new MlsError("pending", "proposals were received: commit them before sending application data");
    }
    return applicationMessage(this.own.context, data, authenticatedData);
  }

  /**
   * Makes a proposal (§12.1). It takes effect when a member commits it.
   * @returns an encoded MLSMessage
   * @throws ValidationError, CryptoError, DecodeError; MlsError `authentication`, `forbidden`, `removed`, `closed`
   * @example
   * const proposal = await group.propose({ update: true });
   */
  async propose(
    request: ProposalRequest,
    options: MessageOptions & WriteOptions<Bytes> = {},
  ): Promise<Bytes> {
    const { authenticatedData } = checkOptions(options, SENT);
    const requested = checkOptions(request, REQUEST, "request");
    const work = async () => {
      needActive(this.own.state);
      const context = this.own.context;
      const { proposals } = this.own.state;
      const { proposal, leafKey, signer } = await requestedProposal(context, requested);
      const { message, cached } = await proposalMessage(context, proposal, authenticatedData, proposals);
      return { message, signer, cached: { ...cached, leafKey } };
    };
    const finish = ({ message, signer, cached }: Awaited<ReturnType<typeof work>>) => {
      if (signer !== undefined) this.config.addSigner(signer);
      this.own.state = withProposal(this.own.state, cached);
      return message;
    };
    return this.own.run({ work, finish }, options);
  }

  /**
   * Leaves proposals out of own commits. Others may commit them all the same: so they stay in {@link proposals}, and are
   * forgotten only at the epoch's end.
   * @param which ProposalRefs, or a function that says it of each of {@link proposals}
   * @throws MlsError `proposal-missing` for a reference of no proposal of this epoch
   * @example
   * await group.dropProposals(({ proposer }) => proposer.kind === "external");
   */
  async dropProposals(which: ProposalChoice, options: WriteOptions<void> = {}): Promise<void> {
    checkOptions(options, WRITE);
    const { chosen } = this.own.guarded({ chosen: checkOptions(which, CHOICE, "which") });
    const work = () => {
      needActive(this.own.state);
      return withoutProposals(this.own.state, chosen, this.proposals);
    };
    const finish = (state: GroupState) => this.own.step({ state });
    return this.own.run({ work, finish }, options);
  }

  /**
   * Makes a commit (§12.4) of the options and of the proposals received in this epoch. The group stays in its epoch.
   * When the delivery service has accepted the commit, call {@link StagedCommit.merge}. If it accepted another commit,
   * pass that to {@link receive}, which drops this one.
   * @throws ValidationError, CryptoError, DecodeError; MlsError `pending` if an own commit is staged already,
   *   `authentication`, `forbidden`, `missing`, `limit`, `removed`, `closed`; `proposal` names an invalid proposal
   * @example
   * const { commit, welcome } = await group.commit({ add: [keyPackage], remove: [2] });
   */
  async commit(options: CommitOptions & WriteOptions<StagedCommit> = {}): Promise<StagedCommit> {
    const chosen = checkOptions(options, COMMIT);
    const before = () => this.own.toStage(chosen.replacePending ?? false);
    const steps: Steps<PreparedCommit, StagedCommit> = {
      work: async () => {
        const { proposals: received } = before();
        const { context } = this.own;
        const own = ownProposals(context, this.own.guarded(chosen));
        return prepareCommit(context, { own, received }, chosen);
      },
      finish: ({ commit, newSigner }) => {
        if (newSigner !== undefined) this.own.config.addSigner(newSigner);
        this.own.step(stageCandidate(before(), commit));
        return this.stagedCommit(commit);
      },
      drop: ({ commit }) => wipeEpoch(commit.epoch),
    };
    return this.own.run(steps, chosen);
  }

  /**
   * A {@link commit} that adds one member, or several.
   * @param keyPackages encoded MLSMessages. If a server hands them out, say who is meant: it could hand out another
   *   user's, whom the authentication service accepts too.
   * @throws as {@link commit}; `authentication` for a key package of another than who is meant
   * @example
   * const { commit, welcome } = await group.add({ keyPackage, credential: "bob" });
   */
  async add(
    keyPackages: KeyPackageToAdd | readonly KeyPackageToAdd[],
    options: AddOptions = {},
  ): Promise<StagedCommit> {
    checkOptions(options, ADD);
    const add = Array.isArray(keyPackages) ? keyPackages : [keyPackages as KeyPackageToAdd];
    return this.commit({ ...options, add });
  }

  /**
   * A {@link commit} that removes one member, or several: by leaf index, or those of whom a function says so.
   * @throws as {@link commit}; `usage` if no member matches
   * @example
   * const { commit } = await group.remove(2);
   */
  async remove(which: number | MembersToRemove, options: RemoveOptions = {}): Promise<StagedCommit> {
    checkOptions(options, REMOVE);
    return this.commit({ ...options, remove: typeof which === "number" ? [which] : which });
  }

  /**
   * A {@link commit} that renews this client's keys, and its signature key or credential if the options say so.
   * @example
   * const { commit } = await group.update();
   */
  async update(options: UpdateOptions = {}): Promise<StagedCommit> {
    checkOptions(options, UPDATE);
    const { signer, credential, renewCapabilities, ...others } = options;
    const identity = { signer, credential, renewCapabilities } as NewIdentity;
    const isNew = Object.values(identity).some((value) => value !== undefined);
    return this.commit({ ...others, ...(isNew ? { identity } : { forcePath: true }) });
  }

  /**
   * {@link StagedCommit.merge} of the one own commit that is staged.
   * @throws MlsError `missing` if there is none, `usage` if there are several; otherwise as {@link StagedCommit.merge}
   * @example
   * const { epoch, added } = await group.mergePendingCommit();
   */
  async mergePendingCommit(options: WriteOptions<CommitMessage> = {}): Promise<CommitMessage> {
    checkOptions(options, WRITE);
    return this.own.merge(() => this.own.needPending(), options);
  }

  /**
   * {@link StagedCommit.discard} of the one own commit that is staged.
   * @throws MlsError `missing` if there is none, `usage` if there are several
   * @example
   * await group.clearPendingCommit();
   */
  async clearPendingCommit(options: WriteOptions<void> = {}): Promise<void> {
    checkOptions(options, WRITE);
    return this.own.discard(() => this.own.needPending(), options);
  }

  /**
   * Checks a commit wholly, as {@link receive} does, and shows what it would change. Nothing is in force before
   * {@link StagedCommit.merge}. Several may be staged at once, own and others': merging one ends the others. One that was
   * discarded is staged again. At most 16 are kept in an epoch; beyond that the oldest discarded one is forgotten, received
   * ones first, which can be staged again.
   * @param message an encoded MLSMessage
   * @throws MlsError `usage` for another message than a commit; `limit` if 16 are staged and none is discarded;
   *   `duplicate` for a commit that is in force already; otherwise as {@link receive}
   * @example
   * const staged = await group.stage(message);
   * show(staged.committer, staged.added, staged.removed);
   */
  async stage(message: Uint8Array, options: WriteOptions<StagedCommit> = {}): Promise<StagedCommit> {
    checkOptions(options, WRITE);
    const bytes = needBytes(message, "a message").slice();
    const steps: Steps<Staging, StagedCommit> = {
      work: () => stageMessage(this.config, this.own.state, bytes),
      finish: (staging) => {
        this.own.step(staging);
        return this.stagedCommit(staging.commit);
      },
      drop: ({ drop }) => drop?.(),
    };
    return this.own.run(steps, options, "nothing");
  }

  /**
   * Receives application data, a proposal, or a commit, which takes effect at once: {@link stage} lets you look at one
   * first. A commit that is staged, own or not, discarded or not, is merged.
   * @param message an encoded MLSMessage
   * @returns `kind: "own"` for a message that this client sent, except a commit that is staged
   * @throws MlsError `future-epoch` for a message of a later epoch (try again after the next commit); `past-epoch` for
   *   a late handshake; `pending` for all but the own external commit before that is merged (try again then); `duplicate` for a message that was received before, `forgotten` for one that is too old; `proposal-missing` for a commit of proposals that weren't received; `fork` for a conflicting commit; `wrong-group`,
   *   `unknown-sender`, `own-message`, `authentication`, `forbidden`, `missing`, `limit`, `removed`, `closed`;
   *   ValidationError, CryptoError, DecodeError
   * @example
   * const received = await group.receive(message);
   * if (received.kind === "application") show(received.sender, received.data);
   */
  async receive(message: Uint8Array, options: WriteOptions<Received> = {}): Promise<Received> {
    checkOptions(options, WRITE);
    return this.own.run(this.#reception(needBytes(message, "a message").slice()), options, "nothing");
  }

  /**
   * The same as {@link receive} for several messages, one after the other in this order, in one turn, and with a storage in
   * one write. One that is refused doesn't hold up the others.
   * @param options a `signal` gives up those that weren't received yet: they are answered by `try-again`
   * @returns as of `Promise.allSettled`, for each message: `{ status: "fulfilled", value }`, or `{ status: "rejected", reason }`
   *   with the error of {@link receive}
   * @throws MlsError `try-again` if the signal was aborted before any was received, `storage`, `stale-state`, `closed`
   * @example
   * for (const one of await group.receiveAll(messages))
   *   if (one.status === "fulfilled" && one.value.kind === "application") show(one.value.data);
   */
  async receiveAll(
    messages: readonly Uint8Array[],
    options: WriteOptions<Outcome<Received>[]> = {},
  ): Promise<Outcome<Received>[]> {
    checkOptions(options, WRITE);
    const all = eachOf(messages, "messages", (one, name) => needBytes(one, name).slice());
    return this.own.runAll(
      all.map((bytes) => this.#reception(bytes)),
      options,
      "nothing",
    );
  }

  #reception(message: Bytes): Steps<Reception, Received> {
    return {
      work: () => receiveMessage(this.config, this.own.state, message),
      finish: (reception) => this.own.enter(reception),
      drop: ({ drop }) => drop?.(),
    };
  }

  /**
   * Overwrites all secrets of this group in memory, at once: calls that haven't ended are given up, and reject with
   * `closed`. (What a storage was writing just then may be there: let calls end before you close.) Saved states aren't
   * changed, and this client stays a member. A hook may call it. If this client was removed and that state was saved,
   * private keys in a key store or a token end too: no saved state is needed any more.
   * @example
   * await group.close();
   */
  async close(): Promise<void> {
    this.own.close();
  }

  /** Ends a private key that this group made superfluous, such as the init key of its key package. @internal */
  retire(key: HpkePrivateKey): void {
    this.own.retireNow(key);
  }

  /** Closes a group that this one replaces. @internal */
  replace(former: Group): void {
    this.own.replace(former.own);
  }

  /** @internal */
  resumptionPsk(epoch: bigint): Uint8Array | undefined {
    return resumptionPskOf(this.own.state, epoch);
  }
}
