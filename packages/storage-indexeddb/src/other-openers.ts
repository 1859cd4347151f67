// Turns with other openers of a database, and what tells them that something was written.
import type { ClientStorage } from "@copse/core/storage";

/** What is used of Web Locks. They are only there in secure contexts. */
interface Locks {
  request(name: string, work: () => Promise<void>): Promise<void>;
}

/** What a storage has of other openers, where the platform has it. */
export interface OtherOpeners extends Pick<ClientStorage, "turn" | "changes"> {
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
    ...(locks && { turn: (name, work) => locks.request(`copse ${database} ${name}`, work) }),
    ...(BroadcastChannel && {
      changes(listener) {
        const target = opened();
        const heard = () => listener();
        target?.addEventListener("message", heard);
        return () => target?.removeEventListener("message", heard);
      },
    }),
    tell: () => opened()?.postMessage(null),
    silence() {
      isSilent = true;
      channel?.close();
      channel = undefined;
    },
  };
}
