// RFC 9420 §8, §12: what a member of a group holds. Operations read it, and replace it in one step at their end.
import { MlsError } from "../errors.js";
import {
  type ClientConfig,
  checkNextSigners,
  type GroupState,
  leaveGroup,
  type MemberContext,
  type PendingCommit,
  signerIn,
} from "../group/index.js";
import type { Received, Reception } from "../group/messages/index.js";
import type { SavePoint } from "../group/storage/index.js";
import type { Signer } from "../provider/index.js";
import { Lock } from "./lock.js";

export class Membership {
  readonly config: ClientConfig;
  readonly lock: Lock;
  state: GroupState;
  /** The last saved record. */
  saved: SavePoint | undefined;
  #signer: Signer;

  constructor(config: ClientConfig, state: GroupState, saved: SavePoint | undefined) {
    this.lock = new Lock();
    this.config = config;
    this.saved = saved;
    this.state = state;
    this.#signer = signerIn(config, state.current);
    checkNextSigners(config, state);
  }

  get context(): MemberContext {
    return { config: this.config, epoch: this.state.current, signer: this.#signer };
  }

  /** @throws MlsError `missing` */
  needPending(): PendingCommit {
    const { pending } = this.state;
    if (pending === undefined) throw new MlsError("missing", "there is no pending commit");
    return pending;
  }

  /** Makes the step that a message leads to: all of it, or none if it throws. */
  enter<R extends Received>({ state, received, consume, release }: Reception<R>): R {
    const signer = state.status === "removed" ? this.#signer : signerIn(this.config, state.current);
    consume?.();
    this.state = state;
    this.#signer = signer;
    release();
    return received;
  }

  /** Overwrites all secrets. Operations that haven't ended are given up. */
  close(): void {
    if (this.state.status === "closed") return;
    const { state, release } = leaveGroup(this.state, "closed");
    this.state = state;
    this.lock.giveUpAll(() => new MlsError("closed", "the group was closed before the call ended"));
    release();
  }
}
