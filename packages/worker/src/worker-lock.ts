// RFC 9420 doesn't cover this: how a page in a browser notices that its worker was terminated. No event reports it.

/** The part of the Web Locks API that is used. A browser releases the locks of a worker when the worker ends. */
interface Locks {
  request(name: string, held: () => Promise<void>): Promise<void>;
}

function platformLocks(): Locks | undefined {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: Locks } };
  return navigator?.locks;
}

/** A lock that a worker holds until it ends or calls `release`. */
export interface WorkerLock {
  readonly name: string;
  release(): void;
}

/** Takes a lock of a new name. @returns `undefined` if the platform has no Web Locks */
export async function holdWorkerLock(): Promise<WorkerLock | undefined> {
  const locks = platformLocks();
  if (locks === undefined) return undefined;
  // The name must only differ from the names of other workers. It needn't be secret.
  const name = `copse worker ${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  return new Promise((resolve) => {
    const held = () =>
      new Promise<void>((release) => {
        resolve({ name, release });
      });
    locks.request(name, held).catch(() => resolve(undefined));
  });
}

/** Calls `ended` once the lock is free, which means that the worker has ended. */
export function watchWorkerLock(name: string, ended: () => void): void {
  platformLocks()
    ?.request(name, async () => ended())
    .catch(() => undefined);
}
