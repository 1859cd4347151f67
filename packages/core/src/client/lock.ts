// Runs the operations of a group one at a time, in the order of the calls.

/** Runs operations one after the other. The next one starts when the one before succeeded or failed. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
