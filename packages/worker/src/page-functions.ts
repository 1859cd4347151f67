// RFC 9420 doesn't cover this: functions of the page that the worker may call, such as `validate`.
import { MlsError } from "@copse/core";
import { packError } from "./errors.js";
import { pack, type Sender } from "./pack.js";
import type { Outcome } from "./pending.js";
import type { CallbackAnswer, CallbackRequest } from "./protocol.js";

type Callback = (...args: readonly unknown[]) => unknown;

export class PageFunctions {
  private readonly sender: () => Sender;
  /** @throws DataCloneError for an answer that can't be cloned */
  private readonly post: (answers: readonly CallbackAnswer[]) => void;
  /** By their numbers. */
  private readonly all = new Map<number, Callback>();
  private count = 0;
  private answers: CallbackAnswer[] = [];

  constructor(sender: () => Sender, post: (answers: readonly CallbackAnswer[]) => void) {
    this.sender = sender;
    this.post = post;
  }

  /** @returns its number */
  keep(call: Callback): number {
    this.all.set(this.count, call);
    return this.count++;
  }

  forget(ids: readonly number[]): void {
    for (const id of ids) this.all.delete(id);
  }

  end(): void {
    this.all.clear();
  }

  /** Calls a function that the worker asks for. Answers that are there at the same time go in one message. */
  async answer({ id, callback, args }: CallbackRequest): Promise<void> {
    const outcome = await this.outcomeOf(callback, args);
    if (this.answers.length === 0) void Promise.resolve().then(() => this.send());
    this.answers.push({ id, outcome });
  }

  private async outcomeOf(callback: number, args: readonly unknown[]): Promise<Outcome> {
    try {
      const call = this.all.get(callback);
      if (call === undefined) throw new MlsError("usage", `there is no function number ${callback}`);
      return { value: pack(await call(...args), this.sender()).value };
    } catch (error) {
      return { error: packError(error) };
    }
  }

  private send(): void {
    const answers = this.answers;
    this.answers = [];
    try {
      this.post(answers);
    } catch {
      // One of them can't be cloned. Each goes by itself, so that only that one fails.
      for (const answer of answers) this.sendOne(answer);
    }
  }

  private sendOne({ id, outcome }: CallbackAnswer): void {
    try {
      this.post([{ id, outcome }]);
    } catch (cause) {
      const error = new MlsError("usage", "the result of a callback can't be sent to a worker", { cause });
      this.post([{ id, outcome: { error: packError(error) } }]);
    }
  }
}
