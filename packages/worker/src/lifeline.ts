// RFC 9420 has nothing of this: how a page notices that a browser's worker was ended, of which no event tells.

/** Web Locks, as far as they are needed: a browser gives a worker's locks free when the worker ends. */
interface Locks {
  request(name: string, held: () => Promise<void>): Promise<void>;
}

function platformLocks(): Locks | undefined {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: Locks } };
  return navigator?.locks;
}

/** A lock that a worker holds as long as it lives. */
export interface Lifeline {
  readonly name: string;
  release(): void;
}

/** @returns `undefined` where the platform has no locks */
export async function holdLifeline(): Promise<Lifeline | undefined> {
  const locks = platformLocks();
  if (locks === undefined) return undefined;
  // It need only be another name than that of any other worker.
  const name = `copse worker ${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  return new Promise((resolve) => {
    const released = () =>
      new Promise<void>((release) => {
        resolve({ name, release });
      });
    locks.request(name, released).catch(() => resolve(undefined));
  });
}

/** Calls back when the lock is free: when the worker has ended. */
export function watchLifeline(name: string, ended: () => void): void {
  platformLocks()
    ?.request(name, async () => ended())
    .catch(() => undefined);
}
