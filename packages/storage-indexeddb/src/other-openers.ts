// Turns with other openers of a database, and what tells them that something was written.

/** What is used of Web Locks. They are only there in secure contexts. */
interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export interface OtherOpeners {
  /** Runs work while no other opener runs work of the same name. */
  readonly turn: (<T>(name: string, work: () => Promise<T>) => Promise<T>) | undefined;
  /** Calls a listener after another opener has written. @returns ends it */
  readonly changes: ((listener: () => void) => () => void) | undefined;
  /** Tells other openers that something was written. */
  tell(): void;
  /** Ends all of it. */
  silence(): void;
}

/** @param database its name: names of locks and channels are known to the whole site */
export function otherOpeners(database: string): OtherOpeners {
  const { navigator, BroadcastChannel } = globalThis as {
    readonly navigator?: { readonly locks?: Locks };
    readonly BroadcastChannel?: typeof globalThis.BroadcastChannel;
  };
  const locks = navigator?.locks;
  let channel: BroadcastChannel | undefined;
  let isSilent = false;
  /** One for both: a channel doesn't get what it sends itself. */
  const opened = () => {
    if (BroadcastChannel !== undefined && !isSilent) channel ??= new BroadcastChannel(`copse ${database}`);
    return channel;
  };
  return {
    turn: locks && ((name, work) => locks.request(`copse ${database} ${name}`, work)),
    changes:
      BroadcastChannel &&
      ((listener) => {
        const target = opened();
        const heard = () => listener();
        target?.addEventListener("message", heard);
        return () => target?.removeEventListener("message", heard);
      }),
    tell: () => opened()?.postMessage(null),
    silence() {
      isSilent = true;
      channel?.close();
      channel = undefined;
    },
  };
}
