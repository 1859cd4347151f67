// A delivery service in another process: its calls as messages between processes.
import { type Batch, DeliveryError, type DeliveryService } from "@copse/delivery/service";

type Streams = "subscribe" | "inbox";
type Calls = Exclude<keyof DeliveryService, Streams | "ordering">;

/** From the client's process. `stream` begins a subscription, and `next` and `stop` are about it. */
export type Request =
  | {
      readonly n: number;
      readonly kind: "call" | "stream";
      readonly client: string;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  | { readonly n: number; readonly kind: "next" | "stop" };

/** From the service's process. */
export type Answer =
  | { readonly n: number; readonly kind: "value"; readonly value: unknown }
  | { readonly n: number; readonly kind: "end" }
  | {
      readonly n: number;
      readonly kind: "error";
      readonly code: DeliveryError["code"];
      readonly message: string;
      readonly retryAfter: number | undefined;
    };

const asAnswer = (n: number, error: unknown): Answer =>
  error instanceof DeliveryError
    ? { n, kind: "error", code: error.code, message: error.message, retryAfter: error.retryAfter }
    : { n, kind: "error", code: "invalid", message: `${error}`, retryAfter: undefined };

/** The service's side, for one process of clients. */
export class Served {
  readonly #of: (client: string) => DeliveryService;
  readonly #post: (answer: Answer) => void;
  readonly #streams = new Map<number, { iterator: AsyncIterator<unknown>; stop: AbortController }>();

  /** @param of the service as a client sees it */
  constructor(of: (client: string) => DeliveryService, post: (answer: Answer) => void) {
    this.#of = of;
    this.#post = post;
  }

  async take(request: Request): Promise<void> {
    const { n } = request;
    try {
      if (request.kind === "call") {
        const service = this.#of(request.client);
        const method = service[request.method as Calls] as (...args: unknown[]) => Promise<unknown>;
        this.#post({ n, kind: "value", value: await method.apply(service, [...request.args]) });
      } else if (request.kind === "stream")
        this.#begin(request.client, n, request.method as Streams, request.args);
      else if (request.kind === "stop") this.#end(n);
      else await this.#next(n);
    } catch (error) {
      this.#post(asAnswer(n, error));
    }
  }

  #begin(client: string, n: number, method: Streams, args: readonly unknown[]): void {
    const service = this.#of(client);
    const stop = new AbortController();
    const { signal } = stop;
    const batches =
      method === "inbox"
        ? service.inbox(args[0] as string, { signal })
        : service.subscribe({ ...(args[0] as Parameters<DeliveryService["subscribe"]>[0]), signal });
    this.#streams.set(n, { iterator: batches[Symbol.asyncIterator](), stop });
  }

  async #next(n: number): Promise<void> {
    const { done, value } = (await this.#streams.get(n)?.iterator.next()) ?? { done: true, value: undefined };
    this.#post(done ? { n, kind: "end" } : { n, kind: "value", value });
  }

  #end(n: number): void {
    const stream = this.#streams.get(n);
    this.#streams.delete(n);
    stop(stream?.stop, stream?.iterator);
  }

  /** Its clients are gone. */
  close(): void {
    for (const n of [...this.#streams.keys()]) this.#end(n);
  }
}

function stop(controller: AbortController | undefined, iterator: AsyncIterator<unknown> | undefined): void {
  controller?.abort(new DeliveryError("closed", "the reader is gone"));
  iterator?.return?.()?.then(undefined, () => undefined);
}

/** The clients' side, for one process. */
export class Remote {
  readonly #post: (request: Request) => void;
  readonly #waiting = new Map<number, { resolve(answer: Answer): void }>();
  #count = 0;

  constructor(post: (request: Request) => void) {
    this.#post = post;
  }

  take(answer: Answer): void {
    this.#waiting.get(answer.n)?.resolve(answer);
    this.#waiting.delete(answer.n);
  }

  #answer(request: Request): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.set(request.n, { resolve });
      this.#post(request);
    });
  }

  async #call(client: string, method: Calls, args: readonly unknown[]): Promise<unknown> {
    const n = ++this.#count;
    const signal = args
      .map((one) => (one as { signal?: Signal } | undefined)?.signal)
      .find((one) => one !== undefined);
    return untilAborted(signal, async (given) => {
      const answer = this.#answer({ n, kind: "call", client, method, args: args.map(plain) });
      return answered(await Promise.race([answer, given]));
    });
  }

  async *#stream<Entry>(
    client: string,
    method: Streams,
    args: readonly unknown[],
    signal?: Signal,
  ): AsyncGenerator<Batch<Entry>> {
    const n = ++this.#count;
    this.#post({ n, kind: "stream", client, method, args: args.map(plain) });
    try {
      for (;;) {
        const answer = await untilAborted(signal, (given) =>
          Promise.race([this.#answer({ n, kind: "next" }), given]),
        );
        if (answer.kind === "end") return;
        yield answered(answer) as Batch<Entry>;
      }
    } finally {
      this.#waiting.delete(n);
      this.#post({ n, kind: "stop" });
    }
  }

  /** The service as this client sees it. */
  service(client: string): DeliveryService {
    const call =
      (method: Calls) =>
      (...args: readonly unknown[]): Promise<never> =>
        this.#call(client, method, args) as Promise<never>;
    return {
      ordering: "service",
      publishKeyPackages: call("publishKeyPackages"),
      countKeyPackages: call("countKeyPackages"),
      withdrawKeyPackages: call("withdrawKeyPackages"),
      claimKeyPackages: call("claimKeyPackages"),
      submit: call("submit"),
      send: call("send"),
      clearInbox: call("clearInbox"),
      groupInfo: call("groupInfo"),
      publishGroupInfo: call("publishGroupInfo"),
      subscribe: (subscription) => this.#stream(client, "subscribe", [subscription], subscription.signal),
      inbox: (after, options) => this.#stream(client, "inbox", [after], options?.signal),
      close: async () => {},
    };
  }
}

type Signal = Parameters<DeliveryService["subscribe"]>[0]["signal"];

/** Works until the signal is given: `given` rejects with its reason then. */
async function untilAborted<T>(signal: Signal, work: (given: Promise<never>) => Promise<T>): Promise<T> {
  if (signal?.aborted) throw signal.reason;
  let giveUp: () => void = () => undefined;
  const given = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal?.reason);
  });
  given.catch(() => undefined);
  signal?.addEventListener("abort", giveUp);
  try {
    return await work(given);
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

/** Without what can't be sent: signals, and keys of epochs, which a service without membership ignores. */
function plain(value: unknown): unknown {
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) =>
      name === "signal" || name === "key" ? [] : [[name, plain(one)]],
    ),
  );
}

function answered(answer: Answer): unknown {
  if (answer.kind === "error")
    throw new DeliveryError(
      answer.code,
      answer.message,
      answer.retryAfter === undefined ? {} : { retryAfter: answer.retryAfter },
    );
  return answer.kind === "value" ? answer.value : undefined;
}
