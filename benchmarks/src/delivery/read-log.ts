// Reading a group's log, as all measurements do it.
import {
  DeliveryError,
  type DeliveryService,
  type EpochKeySource,
  type LogEntry,
} from "@copse/delivery/service";

export interface ReadableGroup {
  readonly groupId: Uint8Array;
  readonly key: EpochKeySource;
  /** The cursor after which is read. */
  readonly first: string;
}

/**
 * Reads until it is stopped, and goes on after a failure as a client does.
 * @returns what stops it, when the service has said that it has begun
 */
export async function readLog(
  service: DeliveryService,
  { groupId, key, first }: ReadableGroup,
  listener: (entry: LogEntry) => void,
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const { signal } = stop;
  let after = first;
  let isReading: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    isReading = resolve;
  });
  const readOnce = async () => {
    for await (const { entries } of service.subscribe({ groupId, after, key, signal })) {
      // The first batch says that it has begun.
      isReading();
      for (const entry of entries) listener(entry);
      after = entries.at(-1)?.cursor ?? after;
    }
  };
  const read = (async () => {
    while (!signal.aborted)
      try {
        await readOnce();
      } catch (error) {
        if (!signal.aborted && !(error instanceof DeliveryError && error.retry === "later")) throw error;
      }
  })();
  await Promise.race([begun, read]);
  return async () => {
    stop.abort();
    await read;
  };
}
