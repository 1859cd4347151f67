// RFC 9420 doesn't cover this: the ports by which a page and a worker exchange messages, on any platform.
import { MlsError } from "@copse/core";

/** A `Worker`, a `MessagePort`, or a worker's own `self`, as in browsers, Deno and Bun. */
export interface WebPort {
  postMessage(message: unknown, options: { transfer: ArrayBuffer[] }): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
}

/** A `Worker`, `MessagePort` or `parentPort` of Node's `worker_threads`. */
export interface NodePort {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: string, listener: (value: unknown) => void): unknown;
  off(event: string, listener: (value: unknown) => void): unknown;
}

/** A port of any platform. */
export type Port = WebPort | NodePort;

/** What a channel reports. */
export interface PortEvents {
  message(message: unknown): void;
  /** The other side has ended. `reason` is text for an error message. */
  gone(reason: string, cause?: unknown): void;
}

/** A port in use. */
export interface Channel {
  /** @throws DataCloneError for a value that can't be cloned */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Stops listening. The port stays open: closing it is up to the application. */
  detach(): void;
}

/** The ports in use, for each side: two connections by one port would answer each other's calls. */
const claimed = { page: /* @__PURE__ */ new WeakSet<Port>(), worker: /* @__PURE__ */ new WeakSet<Port>() };

/**
 * Takes a port for one connection.
 * @returns gives it back
 * @throws MlsError `usage` if it is in use, or no port
 */
export function claimPort(port: Port, side: "page" | "worker"): () => void {
  // JavaScript callers have no type checker.
  if (typeof (port as Partial<Port> | undefined)?.postMessage !== "function")
    throw new MlsError(
      "usage",
      `expected a Worker or a MessagePort, got ${port === null ? null : typeof port}`,
    );
  if (claimed[side].has(port)) {
    throw new MlsError("usage", "expected a port of its own for each client, got one that is in use");
  }
  claimed[side].add(port);
  return () => claimed[side].delete(port);
}

/**
 * Listens to a port.
 * @param side which side listens. Only the page takes `error` for the end of the other side: a worker also receives
 *   events for its own errors.
 */
export function openChannel(port: Port, side: "page" | "worker", events: PortEvents): Channel {
  const node = "on" in port;
  const listeners: Record<string, (event: unknown) => void> = {
    message: (event) => events.message(node ? event : (event as { data: unknown }).data),
    // Without the message nobody knows which call it was about.
    messageerror: () => events.gone("one of its messages can't be deserialized"),
    close: () => events.gone("its port was closed"),
  };
  if (side === "page") {
    listeners.error = (event) => {
      const { message } = event as { readonly message?: string };
      events.gone(message || "its script failed to load or to run", node ? event : undefined);
    };
    if (node) listeners.exit = (code) => events.gone(`it exited with code ${code}`);
  }
  for (const [type, listener] of Object.entries(listeners)) {
    if ("on" in port) port.on(type, listener);
    else port.addEventListener(type, listener);
  }
  // With addEventListener, a MessagePort delivers nothing before `start` is called.
  if (!node) (port as { start?: () => void }).start?.();
  return {
    post(message, transfer = []) {
      if ("on" in port) port.postMessage(message, transfer);
      else port.postMessage(message, { transfer });
    },
    detach() {
      for (const [type, listener] of Object.entries(listeners)) {
        if ("on" in port) port.off(type, listener);
        else port.removeEventListener(type, listener);
      }
    },
  };
}
