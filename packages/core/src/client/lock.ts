// One operation of a group at a time, in the order of the calls.

/** Runs operations one after the other: the next starts when the one before has ended, well or not. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
