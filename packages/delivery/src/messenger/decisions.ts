// What the application decides about invitations, at once; it may leave them to its user.
import { MlsError } from "@copse/core";
import type { Host } from "../conversation/host.js";
import { MessengerError } from "./errors.js";
import type { WaitingInvitation } from "./invitation.js";
import type { MessengerOptions } from "./types.js";
import { Undecided } from "./undecided.js";

/** Whether the same may be done later: a hook, a provider or the storage has failed. */
const mayCome = (error: unknown): boolean => error instanceof MlsError && error.retry !== "never";

export class Decisions {
  readonly #host: Host;
  readonly #accept: MessengerOptions["accept"];
  readonly #waits: (one: WaitingInvitation) => boolean;
  /** Those that were decided about, and couldn't be answered. */
  readonly #unanswered: Undecided<WaitingInvitation>;
  #asking = 0;

  /** @param waits whether an invitation is still to be answered, and can be */
  constructor(host: Host, accept: MessengerOptions["accept"], waits: (one: WaitingInvitation) => boolean) {
    this.#host = host;
    this.#accept = accept;
    this.#waits = waits;
    this.#unanswered = new Undecided(host, (one) => this.#answerAgain(one));
  }

  /** How many are being answered. */
  get asking(): number {
    return this.#asking;
  }

  /** Has the application decide. @param isNew whether it is told of what that leaves to be answered */
  async ask(one: WaitingInvitation, isNew: boolean): Promise<void> {
    const { signal, tell } = this.#host;
    if (!this.#waits(one)) return;
    this.#asking++;
    try {
      await this.#answer(one);
    } catch (error) {
      this.#failed(error);
      if (mayCome(error)) this.#unanswered.add(one.id, one);
    } finally {
      this.#asking--;
    }
    if (isNew && this.#waits(one) && !signal.aborted) tell({ kind: "invitation", invitation: one });
    this.#host.settles();
  }

  #failed(cause: unknown): void {
    const message = "an invitation couldn't be answered";
    if (!this.#host.signal.aborted)
      this.#host.report({ code: "delivery", message, who: undefined, retry: mayCome(cause), cause });
  }

  async #answer(one: WaitingInvitation): Promise<void> {
    if (!this.#waits(one)) return;
    try {
      const answer = await this.#accept?.(one);
      if (answer === true) await one.accept();
      else if (answer === false) await one.decline();
    } catch (error) {
      // Somebody else has answered it.
      if (!(error instanceof MessengerError && error.code === "gone")) throw error;
    }
  }

  /** @throws what still can't be told */
  async #answerAgain(one: WaitingInvitation): Promise<void> {
    try {
      await this.#answer(one);
    } catch (error) {
      if (mayCome(error)) throw error;
      this.#failed(error);
    }
    this.#host.settles();
  }

  async close(): Promise<void> {
    await this.#unanswered.close();
  }
}
