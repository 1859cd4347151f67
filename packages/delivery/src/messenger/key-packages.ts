// RFC 9420 §10, RFC 9750 §5.1: the key packages by which others add this client: enough of them, none that has expired, and
// one of last resort.
import { equalBytes } from "@copse/core";
import { earlierLastResortKeyPackage } from "@copse/extensions";
import type { Host } from "../conversation/host.js";
import { DeliveryError, type OfferedKeyPackage } from "../service.js";
import { type MessengerError, refusedBy } from "./errors.js";
import { Again, Backoff, later, pause } from "./platform.js";

const HOUR = 60 * 60 * 1000;
/** How many are made for one that others should find: who claims them all, and uses none, gets no more. */
const KEPT = 10;
/** A key package is taken for as good as expired, in seconds before it is. */
const MARGIN = 24 * 60 * 60;

/** Whether a service keeps no more of them. */
const isTooMany = (error: unknown): boolean =>
  error instanceof DeliveryError && error.code === "limit" && error.retry === "never";

export class KeyPackages {
  readonly #host: Host;
  readonly #again = new Again(() => this.#run());
  #timer: (() => void) | undefined;
  #isPublished = false;
  /** Why the service takes none. */
  refusal: MessengerError | undefined;
  /** The one of last resort that was made last, until the service has it: it is offered again, instead of one more each time. */
  #lastResort: OfferedKeyPackage | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Whether others find enough of them, as far as this client knows. */
  get isPublished(): boolean {
    return this.#isPublished;
  }

  /** Tries once more if it was refused. */
  look(): void {
    if (this.refusal === undefined) return;
    this.refusal = undefined;
    this.wake();
  }

  wake(): void {
    if (!this.#host.signal.aborted) this.#again.wake();
  }

  async close(): Promise<void> {
    this.#timer?.();
    await this.#again.idle();
  }

  async #run(): Promise<void> {
    const { signal } = this.#host;
    const backoff = new Backoff(this.#host.limits);
    while (!signal.aborted) {
      try {
        await this.#replenish();
        this.#isPublished = true;
        this.refusal = undefined;
        this.#host.reached(true);
        this.#host.settles();
        break;
      } catch (error) {
        if (signal.aborted) return;
        const retry = !(error instanceof DeliveryError) || error.retry === "later";
        if (backoff.count === 0) this.#host.failed("key packages couldn't be published", error, retry);
        else if (error instanceof DeliveryError && error.code === "unavailable")
          this.#host.reached(false, error);
        if (!retry) {
          this.refusal = refusedBy(
            "key packages, by which others invite this client",
            error as DeliveryError,
          );
          this.#host.settles();
          break;
        }
        await pause(backoff.next(error), signal);
      }
    }
    this.#timer?.();
    if (!signal.aborted) this.#timer = later(HOUR * (0.5 + Math.random()), () => this.wake());
  }

  async #replenish(): Promise<void> {
    const { client, service, provider, limits, signal, now } = this.#host;
    const suite = provider.suite.id;
    const end = BigInt(Math.floor(now() / 1000) + MARGIN);
    const own = client.keyPackages();
    const old = own.filter(({ notAfter }) => notAfter <= end);
    if (old.length > 0)
      await service.withdrawKeyPackages(
        old.map(({ reference }) => reference),
        { signal },
      );
    const good = own.filter(({ notAfter }) => notAfter > end);
    const single = good.filter(({ lastResort }) => !lastResort).length;
    let count = await service.countKeyPackages(suite, { signal });
    if (count.single > single) {
      // Of a storage that was lost: nobody can read a Welcome for them.
      await service.withdrawKeyPackages(undefined, { signal });
      count = { single: 0, lastResort: 0 };
    }
    const room = Math.max(0, limits.keyPackages * KEPT - single);
    const wanted = count.single < limits.keyPackages / 2 ? limits.keyPackages - count.single : 0;
    const hasLast = count.lastResort > 0 && good.some(({ lastResort }) => lastResort);
    const isOffered = ({ reference }: (typeof good)[number]) =>
      this.#lastResort !== undefined && equalBytes(reference, this.#lastResort.reference);
    if (hasLast || !good.some(isOffered)) this.#lastResort = undefined;
    const refusals = [
      hasLast ? undefined : await this.#publishLastResort(),
      await this.#publish(Math.min(wanted, room)),
    ];
    // It keeps fewer: that is its right, as long as others find one.
    const refusal = refusals.find((one) => one !== undefined);
    if (refusal === undefined) return;
    const { single: left, lastResort } = await service.countKeyPackages(suite, { signal });
    if (left + lastResort === 0) throw refusal;
  }

  /** @returns why the service doesn't keep it */
  async #publishLastResort(): Promise<unknown> {
    const { client, service, signal } = this.#host;
    this.#lastResort ??= await this.#make(true);
    let refusal: unknown;
    try {
      await service.publishKeyPackages([this.#lastResort], { signal });
    } catch (error) {
      if (!isTooMany(error)) throw error;
      refusal = error;
      await client.deleteKeyPackage(this.#lastResort.reference);
    }
    this.#lastResort = undefined;
    return refusal;
  }

  /** Publishes so many new ones, or as many as the service takes. @returns why it takes no more */
  async #publish(count: number): Promise<unknown> {
    const { client, service, signal } = this.#host;
    let refusal: unknown;
    for (let left = count; left > 0; ) {
      const offered: OfferedKeyPackage[] = [];
      while (offered.length < left) offered.push(await this.#make(false));
      try {
        await service.publishKeyPackages(offered, { signal });
        return refusal;
      } catch (error) {
        if (!isTooMany(error)) throw error;
        refusal = error;
        // It keeps fewer. What nobody will ever find isn't kept here either.
        for (const { reference } of offered) await client.deleteKeyPackage(reference);
        left = Math.floor(left / 2);
      }
    }
    return refusal;
  }

  async #make(lastResort: boolean): Promise<OfferedKeyPackage> {
    const { client } = this.#host;
    const extensions = lastResort ? [earlierLastResortKeyPackage()] : [];
    const keyPackage = await client.createKeyPackage({ extensions });
    const { reference, suite, notAfter } = await client.readKeyPackage(keyPackage);
    return { reference, keyPackage, suite, notAfter, lastResort };
  }
}
