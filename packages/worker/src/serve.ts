// RFC 9420 §10 to §15: a client that runs in a worker, for the worker.
import type { Client } from "@copse/core";
import { checkOptions, type OptionShape } from "@copse/core/extension";
import type { Port } from "./port.js";
import { Server } from "./server.js";

/** What {@link serveClient} is given. */
export interface ServeOptions<Options> {
  /** The port to the page: `self` in a Web Worker, `parentPort` in Node, or a `MessagePort` of either. */
  readonly port: Port;
  /**
   * Makes the client, with the worker's provider, authentication service and signer.
   * @param options what the page gave to `connectClient`. Four functions in it may be called, and ask the page:
   *   `validate` and `isSuccessor` of an authentication service, `sign` of a signer, and `externalPsk`.
   */
  make(options: Options): Client | Promise<Client>;
}

/** A client that is served. */
export interface Serving {
  /** Resolves when the page has closed the client or is gone. Its groups are closed by then. */
  readonly closed: Promise<void>;
}

const SERVE: OptionShape<ServeOptions<unknown>> = { port: "unknown", make: "function" };

/**
 * Serves one client by a port, for `connectClient` on the other side. Each further client needs a port of its own.
 * @example
 * ```ts
 * serveClient({
 *   port: parentPort!, // `self` in a Web Worker
 *   make: ({ name }: { name: string }) =>
 *     Client.create({ crypto: nodeProvider(), suite: 1, credential: name, authentication }),
 * });
 * ```
 * A client with a storage, which the page connects to by `connectStoredClient`:
 * ```ts
 * const storage = indexedDbStorage({ name: "alice" });
 * serveClient({ port: self, make: () => openClient({ storage, crypto, credential: "alice", authentication }) });
 * ```
 */
export function serveClient<Options = undefined>(options: ServeOptions<Options>): Serving {
  checkOptions(options, SERVE);
  const { port, make } = options;
  // The page's `connectClient` is typed with the same Options.
  const server = new Server(port, (given) => make(given as Options));
  return { closed: server.closed };
}
