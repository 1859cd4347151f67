// RFC 9420 §8, §12: what a member of a group holds. Operations read it, and replace it in one step at their end.
import { wipe } from "../bytes.js";
import { MlsError } from "../errors.js";
import {
  type ClientConfig,
  checkSavedSigners,
  checkSigners,
  type GroupState,
  guardMember,
  leaveGroup,
  type MemberContext,
  needOpen,
  ownLeaf,
  type PendingCommit,
  sameIdentity,
  signerIn,
} from "../group/index.js";
import type { Received, Reception } from "../group/messages/index.js";
import { type SavePoint, saveState } from "../group/storage/index.js";
import type { Signer } from "../provider/index.js";
import { Lock } from "./lock.js";
import type { OperationOptions } from "./operation.js";

export class Membership {
  /** With hooks and signers that the lock calls. */
  readonly config: ClientConfig;
  readonly lock: Lock;
  state: GroupState;
  /** The last saved record. */
  saved: SavePoint | undefined;
  #signer: Signer;
  /** As the client has it, for all of its groups. */
  readonly #shared: ClientConfig;
  readonly #onLeave: () => void;

  /** @param onLeave is called when this client was removed or closed the group */
  constructor(config: ClientConfig, state: GroupState, saved: SavePoint | undefined, onLeave: () => void) {
    this.lock = new Lock(config.asyncContext);
    this.#shared = config;
    this.config = guardMember(config, (hook) => this.lock.callHook(hook));
    this.saved = saved;
    this.state = state;
    this.#onLeave = onLeave;
    checkSigners(config, state);
    this.#signer = signerIn(this.config, state.current);
  }

  get context(): MemberContext {
    const { current: epoch, past } = this.state;
    return { config: this.config, epoch, past, signer: this.#signer };
  }

  /** @throws MlsError `missing` */
  needPending(): PendingCommit {
    const { pending } = this.state;
    if (pending === undefined) throw new MlsError("missing", "there is no pending commit");
    return pending;
  }

  /** Makes the step that a message leads to: all of it, or none if it throws. */
  enter<R extends Received>({ state, received, consume, release }: Reception<R>): R {
    const left = state.status === "removed";
    const signer = left ? this.#signer : signerIn(this.config, state.current);
    const before = ownLeaf(this.state.current);
    consume?.();
    this.state = state;
    this.#signer = signer;
    release();
    if (left) this.#onLeave();
    // New key packages have the identity that a group switched to.
    else if (!sameIdentity(before, ownLeaf(state.current))) {
      const { credential } = ownLeaf(state.current);
      Object.assign(this.config.identity, { signer: signerIn(this.#shared, state.current), credential });
    }
    return received;
  }

  /**
   * The state as bytes.
   * @param since returns the record before, if only what changed since is wanted
   */
  save(since: () => SavePoint | undefined, options: OperationOptions): Promise<Uint8Array> {
    const work = async () => {
      needOpen(this.state);
      checkSavedSigners(this.config, this.state);
      return saveState(this.config.provider, this.state, since());
    };
    const finish = ({ bytes, saved }: { bytes: Uint8Array; saved: SavePoint }) => {
      this.saved = saved;
      return bytes;
    };
    return this.lock.run({ work, finish, drop: ({ bytes }) => wipe(bytes) }, options);
  }

  /** Overwrites all secrets. Operations that haven't ended are given up. */
  close(): void {
    if (this.state.status === "closed") return;
    const { state, release } = leaveGroup(this.state, "closed");
    this.state = state;
    this.lock.giveUpAll(() => new MlsError("closed", "the group was closed before the call ended"));
    release();
    this.#onLeave();
  }
}
