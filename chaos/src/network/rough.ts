// RFC 9750 §5: a delivery service behind a bad network, seen by its client: calls are made late, twice, or in vain; answers
// get lost; subscriptions end, and repeat what they have delivered.
import { type Batch, DeliveryError, type DeliveryService } from "@copse/delivery/service";
import { sleep, type Weather } from "./weather.js";

const unavailable = (what: string) => new DeliveryError("unavailable", `the network: ${what}`);

/** How many entries are remembered, to deliver them again. */
const REPEATED = 5;

/** A call through the weather. */
async function call<T>(weather: Weather, make: () => Promise<T>): Promise<T> {
  await sleep(weather.delay());
  if (weather.strikes("lost")) throw unavailable("the request was lost");
  const isTwice = weather.strikes("duplicated");
  const first = make();
  if (isTwice) {
    // Whichever comes first at the service: the client sees the answer to one of them.
    const second = make();
    second.catch(() => undefined);
  }
  const answer = await first;
  if (weather.strikes("unanswered")) throw unavailable("the answer was lost");
  return answer;
}

async function* read<Entry>(
  weather: Weather,
  batches: AsyncIterable<Batch<Entry>>,
): AsyncGenerator<Batch<Entry>> {
  let last: readonly Entry[] = [];
  for await (const batch of batches) {
    await sleep(weather.delay());
    if (weather.strikes("cut")) throw unavailable("the connection was lost");
    if (last.length > 0 && weather.strikes("duplicated")) yield { entries: last, behind: batch.behind };
    yield batch;
    last = [...last, ...batch.entries].slice(-REPEATED);
  }
}

/** @param service what the client would see if its network was good */
export function rough(service: DeliveryService, weather: Weather): DeliveryService {
  const through = <T>(make: () => Promise<T>) => call(weather, make);
  return {
    ordering: service.ordering,
    publishKeyPackages: (...args) => through(() => service.publishKeyPackages(...args)),
    countKeyPackages: (...args) => through(() => service.countKeyPackages(...args)),
    withdrawKeyPackages: (...args) => through(() => service.withdrawKeyPackages(...args)),
    claimKeyPackages: (...args) => through(() => service.claimKeyPackages(...args)),
    submit: (...args) => through(() => service.submit(...args)),
    send: (...args) => through(() => service.send(...args)),
    clearInbox: (...args) => through(() => service.clearInbox(...args)),
    groupInfo: (...args) => through(() => service.groupInfo(...args)),
    publishGroupInfo: (...args) => through(() => service.publishGroupInfo(...args)),
    subscribe: (subscription) => read(weather, service.subscribe(subscription)),
    inbox: (...args) => read(weather, service.inbox(...args)),
    close: () => service.close(),
  };
}
