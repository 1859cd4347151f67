// RFC 9420 §10 to §15: a client that runs in a worker, for the page.
import { MlsError } from "@copse/core";
import { Connection } from "./connection.js";
import type { Port } from "./port.js";
import { RemoteClient, RemoteStoredClient } from "./remote.js";
import type { WorkerClient, WorkerStoredClient } from "./surface.js";

/**
 * Connects to the client that `serveClient` serves on the other side of a port. It has the methods of `Client`, and
 * its groups those of `Group`. The worker carries out calls in the order in which they are made.
 *
 * If the worker ends or throws an uncaught error, all open and later calls reject with a {@link WorkerError}.
 * @param port a `Worker` or a `MessagePort`
 * @param options what the worker's `make` receives. It must be possible to clone it. Of functions, only `validate`
 *   and `isSuccessor` of an authentication service, `sign` of a signer and `externalPsk` may be in it: the worker calls
 *   them here.
 * @throws WorkerError if the worker can't be started or has ended; MlsError `usage` for any other function in
 *   `options`; and what `make` throws
 * @example
 * ```ts
 * const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
 * const client = await connectClient(worker, { name: "alice" });
 * const group = await client.createGroup();
 * const message = await group.encrypt("Hello from a thread!");
 * await client.close();
 * worker.terminate();
 * ```
 */
export async function connectClient<Options = undefined>(
  port: Port,
  ...[options]: undefined extends Options ? [options?: Options] : [options: Options]
): Promise<WorkerClient> {
  const connection = new Connection(port, options);
  await connection.started;
  // The methods of WorkerClient are defined from the tables in surface.ts, which the compiler doesn't see.
  return new RemoteClient(connection) as RemoteClient & WorkerClient;
}

/**
 * As {@link connectClient}, for a worker whose `make` opens a client with a storage (`openClient`). The page never has the
 * storage: it finds its groups again by `knownGroups` and `group`.
 * @throws MlsError `usage` if the worker's client has no storage
 * @example
 * ```ts
 * const client = await connectStoredClient(worker, { name: "alice" });
 * for (const { groupId } of await client.knownGroups()) show(await client.group(groupId));
 * ```
 */
export async function connectStoredClient<Options = undefined>(
  port: Port,
  ...[options]: undefined extends Options ? [options?: Options] : [options: Options]
): Promise<WorkerStoredClient> {
  const connection = new Connection(port, options);
  await connection.started;
  if (!connection.isStored) {
    await connection.close();
    throw new MlsError(
      "usage",
      "expected a worker whose client has a storage, got one without: connectClient",
    );
  }
  // The same holds for the methods of WorkerStoredClient.
  return new RemoteStoredClient(connection) as RemoteStoredClient & WorkerStoredClient;
}
