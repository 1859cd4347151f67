// Reading a group's log, as all measurements do it.
import type { DeliveryService, EpochKeySource, LogEntry } from "@copse/delivery/service";

export interface ReadableGroup {
  readonly groupId: Uint8Array;
  readonly key: EpochKeySource;
  /** The cursor after which is read. */
  readonly first: string;
}

/** Reads until it is stopped. @returns what stops it, when the service has said that it has begun */
export async function readLog(
  service: DeliveryService,
  { groupId, key, first }: ReadableGroup,
  listener: (entry: LogEntry) => void,
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const batches = service.subscribe({ groupId, after: first, key, signal: stop.signal });
  const iterator = batches[Symbol.asyncIterator]();
  // The first batch says that it has begun.
  await iterator.next();
  const read = (async () => {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return;
      for (const entry of value.entries) listener(entry);
    }
  })().catch(() => undefined);
  return async () => {
    stop.abort();
    await read;
  };
}
