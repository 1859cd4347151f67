// RFC 9420 §8, §12: what a member of a group holds. Operations read it, and replace it in one step at their end.
import { type Bytes, equalBytes, needBytes, wipe } from "../bytes.js";
import { guardHooksOf, HeldKeys } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import {
  accessTo,
  type Candidate,
  type ClientConfig,
  checkSavedSigners,
  checkSigners,
  closeGroup,
  discardedAmong,
  type EpochAccess,
  exportFrom,
  forgetOld,
  type GroupState,
  type GroupStatus,
  guardMember,
  leastExpected,
  type MemberContext,
  needActive,
  needOpen,
  ownCandidates,
  ownLeaf,
  privateKeysIn,
  sameIdentity,
  signerIn,
  type Transition,
} from "../group/index.js";
import { type CommitMessage, mergeStaged, type Reception } from "../group/messages/index.js";
import { type LoadedState, type SavedHeldKeys, saveState } from "../group/storage/index.js";
import {
  answer,
  batchOf,
  Lock,
  type OperationOptions,
  type Outcome,
  type Steps,
  type WriteOptions,
  withKeys,
} from "../operation/index.js";
import type { HpkePrivateKey, Signer } from "../provider/index.js";
import type { LeafNode } from "../wire/index.js";
import type { GroupSafety, Sight } from "./group-safety.js";
import type { Origin } from "./origin.js";
import type { Watcher } from "./watcher.js";

const isClosed = () => new MlsError("closed", "the group was closed before the call ended");

export class Membership {
  /** With hooks and signers that the lock calls. */
  readonly config: ClientConfig;
  readonly lock: Lock;
  #isSaved: boolean;
  #state: GroupState;
  readonly keys: HeldKeys;
  #signer: Signer;
  /** As the client has it, for all of its groups. */
  readonly #shared: ClientConfig;
  readonly #watcher: Watcher;
  /** As it was before the operation that runs, or ran last. */
  #before: GroupState;
  /** The status before the storage got another state, perhaps: until that is loaded, there is none here. */
  #lapsed: GroupStatus | undefined;
  /** The identity of new key packages before a commit switched it. */
  #formerIdentity: ClientConfig["identity"] | undefined;

  constructor(config: ClientConfig, state: GroupState, origin: Origin, watcher: Watcher) {
    this.lock = new Lock(config.asyncContext);
    this.#shared = config;
    this.keys = new HeldKeys(config.provider, origin, watcher.needsKey);
    const { provider } = this.keys.scope;
    this.config = guardMember(config, (hook) => this.lock.callHook(hook), provider);
    this.#isSaved = origin.isSaved === true || watcher.safety !== undefined;
    this.#state = state;
    this.#before = state;
    this.#watcher = watcher;
    checkSigners(config, state);
    this.#signer = signerIn(this.config, state.current);
  }

  get context(): MemberContext {
    const { current: epoch, past, candidates, kept } = this.state;
    const staged = candidates.length > 0 || kept?.present.staged === true;
    return { config: this.config, epoch, past, signer: this.#signer, staged };
  }

  /** The epoch for an extension, with a provider whose keys are the extension's own. */
  access(later: Parameters<typeof accessTo>[1]): EpochAccess {
    const { provider } = this.#shared;
    return accessTo({ ...this.context, config: { ...this.config, provider } }, later);
  }

  get state(): GroupState {
    return this.#state;
  }

  set state(next: GroupState) {
    if (next === this.#state) return;
    const kept = new Set(privateKeysIn(next));
    const ending = privateKeysIn(this.#state).filter((key) => !kept.has(key));
    this.#state = next;
    this.keys.retire(ending);
  }

  /** Ends a private key that the group made superfluous, while no operation runs. */
  retireNow(key: HpkePrivateKey): void {
    this.keys.retire([key]);
    this.keys.scope.end(() => privateKeysIn(this.#state));
  }

  /** Closes a group that this one replaces, and takes over the keys that its saved states need. */
  replace(other: Membership): void {
    other.close();
    this.keys.inherit(other.keys);
  }

  /** Options whose functions are hooks. */
  guarded<T extends object>(options: T): T {
    return guardHooksOf(options, "a function of the options", (hook) => this.lock.callHook(hook));
  }

  /**
   * Runs an operation in its turn, after past epochs that are too old are forgotten. Private keys that it made end with
   * it, unless the state needs them.
   */
  run<R, T>(
    { work, finish, drop }: Steps<R, T>,
    options: WriteOptions<T>,
    sight: Sight = "group",
  ): Promise<T> {
    const safety = this.#watcher.safety?.(sight);
    return this.#perform(this.#withKeys(this.#inTurn({ work, finish, drop }, safety)), options, safety);
  }

  /**
   * Runs several operations in one turn: each takes effect, or fails and changes nothing. What they changed is made safe
   * together, before any of them is answered.
   */
  runAll<R, T>(
    all: readonly Steps<R, T>[],
    options: WriteOptions<Outcome<T>[]>,
    sight: Sight,
  ): Promise<Outcome<T>[]> {
    const { signal } = options;
    const safety = this.#watcher.safety?.(sight);
    const withEnds = all.map((steps) => this.#withKeys(steps));
    const batch = batchOf(withEnds, { signal }, () => needOpen(this.state), safety?.answers);
    return this.#perform(this.#inTurn(batch, safety), options, safety);
  }

  #perform<R, T>(steps: Steps<R, T>, options: WriteOptions<T>, safety: GroupSafety | undefined): Promise<T> {
    const answer = this.lock.run(steps, options);
    // Noted first, so that it is called before whoever waits for the answer.
    if (safety !== undefined) answer.catch(safety.refused);
    return answer;
  }

  /** The same steps, as of an operation of the group. */
  #inTurn<R, T>(
    { work, finish, drop, isPartlyDone, failed }: Steps<R, T>,
    safety: GroupSafety | undefined,
  ): Steps<R, T> {
    const inTurn = () => {
      this.#before = this.#state;
      this.#formerIdentity = undefined;
      const step = forgetOld(this.state, this.config.policy);
      if (step !== undefined) this.step(step);
      return work();
    };
    return {
      work: safety === undefined ? inTurn : () => safety.upToDate(inTurn),
      finish,
      drop,
      isPartlyDone,
      failed,
      turn: safety?.turn,
      beside: safety?.beside && ((ask) => safety.beside?.(() => this.lock.callHook(ask))),
      store: safety?.store,
      unsafe: safety?.unsafe,
    };
  }

  #withKeys<R, T>(steps: Steps<R, T>): Steps<R, T> {
    const kept = () => privateKeysIn(this.#state);
    return withKeys(this.keys.scope, steps, kept, () => this.lock.isBusy);
  }

  /** The one own commit that is staged. @throws MlsError `missing` without any, `usage` if there are several */
  needPending(): Candidate {
    const [pending, ...others] = ownCandidates(this.state.candidates);
    if (pending === undefined) throw new MlsError("missing", "no commit of this client is staged");
    if (others.length === 0) return pending;
    const message = `expected one staged commit of this client, got ${others.length + 1}: call merge() or discard() of one`;
    throw new MlsError("usage", message);
  }

  /**
   * The state to which an own commit can be added.
   * @param replace whether it takes the place of one that is staged, which is discarded
   * @throws MlsError `pending`, `limit`, `removed`, `closed`
   */
  toStage(replace: boolean): GroupState {
    needActive(this.state);
    const { candidates: all } = this.state;
    const candidates = replace ? discardedAmong(all, ({ own }) => own) : all;
    if (ownCandidates(candidates).length > 0) {
      const message = "a commit of this client is staged: merge it, discard it or pass replacePending first";
      throw new MlsError("pending", message);
    }
    leastExpected(candidates);
    return { ...this.state, candidates };
  }

  /** Makes a step by which nothing but the staged commits change. */
  step({ state, release }: Transition): void {
    this.state = state;
    release?.();
  }

  /** Makes the step that a message leads to: all of it, or none if it throws. */
  enter<R>({ state, received, consume, release }: Reception<R>): R {
    if (state === this.state) {
      consume?.();
      release?.();
      return received;
    }
    const left = state.status === "removed";
    const signer = left ? this.#signer : signerIn(this.config, state.current);
    const before = ownLeaf(this.state.current);
    // A group that removed this client is entered again if another branch is taken, in which it is a member.
    const wasOut = this.state.status === "joining" || this.state.status === "removed";
    if (wasOut && !left) this.#watcher.onJoin();
    consume?.();
    this.state = state;
    this.#signer = signer;
    release?.();
    if (left) this.#watcher.onLeave();
    else this.#switchIdentity(before, ownLeaf(state.current));
    return received;
  }

  /** New key packages have the identity that a group switched to, unless it had a signer of its own before. */
  #switchIdentity(before: LeafNode, after: LeafNode): void {
    const { identity } = this.config;
    if (sameIdentity(before, after) || !equalBytes(before.signatureKey, identity.signatureKey)) return;
    this.#formerIdentity = { ...identity };
    Object.assign(identity, { signatureKey: after.signatureKey, credential: after.credential });
  }

  /** What a saved state says of the private keys. @throws MlsError `closed`, `usage` if the state can't be saved */
  keysToSave(): SavedHeldKeys {
    needOpen(this.#state);
    checkSavedSigners(this.config, this.#state);
    return this.keys;
  }

  /** @throws MlsError `closed` if this isn't the state any more: what was encoded of it may be overwritten already */
  needState(state: GroupState): void {
    if (state !== this.#state) throw isClosed();
  }

  /** Notes that the state was saved. */
  recorded(): void {
    this.keys.saved(privateKeysIn(this.state));
  }

  /** As `Group.save`. */
  save(options: OperationOptions): Promise<Bytes> {
    const work = async () => {
      const { state } = this;
      const bytes = await saveState(this.config.provider, state, this.keysToSave());
      if (state !== this.#state) wipe(bytes);
      this.needState(state);
      return bytes;
    };
    const finish = (bytes: Bytes) => {
      this.#isSaved = true;
      this.recorded();
      return bytes;
    };
    return this.run({ work, finish, drop: wipe }, options);
  }

  /** As `StagedCommit.merge`. @param find the commit, looked up when it is the operation's turn */
  merge(find: () => Candidate, options: WriteOptions<CommitMessage>, sight?: Sight): Promise<CommitMessage> {
    const steps: Steps<Reception<CommitMessage>, CommitMessage> = {
      work: async () => mergeStaged(this.config, this.state, find()),
      finish: (merged) => this.enter(merged),
      drop: ({ drop }) => drop?.(),
    };
    return this.run(steps, options, sight);
  }

  /** As `StagedCommit.discard`. @param find and `sight` as for {@link merge} */
  discard(find: () => Candidate, options: WriteOptions<void>, sight?: Sight): Promise<void> {
    const finish = (commit: Candidate) => {
      // A storage has the group until its deletion is written: see `isJoinDiscarded`.
      if (this.state.status === "joining" && this.#watcher.safety === undefined) return this.end(true);
      const candidates = discardedAmong(this.state.candidates, (one) => one === commit);
      this.state = { ...this.state, candidates };
    };
    return this.run({ work: async () => find(), finish }, options, sight);
  }

  /** As `Group.exportSecret`. @param find the exporter secret, looked up when it is the operation's turn */
  exportSecret(
    find: () => Uint8Array,
    label: string,
    context: Uint8Array,
    length: number,
    options: OperationOptions,
    sight: Sight,
  ): Promise<Bytes> {
    const bytes = needBytes(context, "the context").slice();
    const work = async () => exportFrom(this.config.provider, find(), label, bytes, length);
    return this.run({ work, finish: answer, drop: wipe }, options, sight);
  }

  /** What the application sees, except secrets: the state before, while it must be loaded again. */
  get shown(): GroupState {
    return this.#lapsed === undefined ? this.state : this.#before;
  }

  /** Whether the state must be loaded again. */
  get isLapsed(): boolean {
    return this.#lapsed !== undefined;
  }

  /**
   * Drops the state, which the storage may not have, until {@link reload} has what is there.
   * @param shown as it is shown until then: the state before the operation that runs
   */
  lapse(shown: GroupState = this.#before): void {
    const { status, current } = this.#state;
    if (status === "closed") return;
    const { identity } = this.config;
    const isSwitched = equalBytes(identity.signatureKey, ownLeaf(current).signatureKey);
    if (shown !== this.#state && isSwitched) Object.assign(identity, this.#formerIdentity);
    // Whether it entered or left the group isn't known any more.
    const isOther = status !== shown.status && [status, shown.status].includes("joining");
    this.#lapsed = status === "removed" ? "joining" : shown.status;
    this.#before = shown;
    this.#drop("needed");
    if (isOther) this.#watcher.onLeave();
  }

  /** Takes over a state that was loaded after {@link lapse}. @throws MlsError `missing-signer`, and what the watcher throws */
  reload({ state, retired, shared }: LoadedState): void {
    checkSigners(this.config, state);
    const signer = signerIn(this.config, state.current);
    if (this.#lapsed === "joining" && state.status === "active") this.#watcher.onJoin();
    this.keys.begin({ recorded: privateKeysIn(state), retired, shared });
    this.#signer = signer;
    this.#state = state;
    const before = ownLeaf(this.#before.current);
    if (state.status === "removed" && this.#lapsed !== "removed") this.#watcher.onLeave();
    else this.#switchIdentity(before, ownLeaf(state.current));
    this.#before = state;
    this.#lapsed = undefined;
  }

  /** Notes that a storage has the state in the place of the one before: keys that only that needed end now. */
  replaced(): void {
    // Twice: the first keeps what the record before may need, and that isn't there any more.
    this.recorded();
    this.recorded();
    this.keys.scope.end(() => privateKeysIn(this.#state));
  }

  /** Overwrites all secrets. Operations that haven't ended are given up. */
  close(error?: unknown): void {
    const { status } = this.state;
    if (status === "closed" && !this.isLapsed) return;
    this.#lapsed = undefined;
    // A saved state that says that this client was removed needs no keys, and replaces those before it.
    this.end(status === "removed" && !this.state.kept && this.keys.retired.length === 0);
    // Most groups that are closed do nothing just then: an error costs as much as to restore a small group.
    if (this.lock.isBusy) this.lock.giveUpAll(error ?? isClosed());
  }

  /** Closes the group, and lets operations go on that haven't ended. @param isOver whether no saved state may be restored */
  end(isOver = false): void {
    const records = isOver ? "useless" : "needed";
    this.#drop(this.#isSaved ? records : "none");
    this.#watcher.onLeave();
  }

  #drop(records: "none" | "needed" | "useless"): void {
    const keys = privateKeysIn(this.#state);
    const { state, release } = closeGroup(this.state);
    this.#state = state;
    release?.();
    this.keys.leave(keys, records);
  }
}
