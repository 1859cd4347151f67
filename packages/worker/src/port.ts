// RFC 9420 has nothing of this: ports, by which a page and a worker send each other messages on any platform.

/** A `Worker`, a `MessagePort`, or a worker's own `self`, as browsers, Deno and Bun have them. */
export interface WebPort {
  postMessage(message: unknown, options: { transfer: ArrayBuffer[] }): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
}

/** A `Worker`, `MessagePort` or `parentPort` of Node's worker threads. */
export interface NodePort {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: string, listener: (value: unknown) => void): unknown;
  off(event: string, listener: (value: unknown) => void): unknown;
}

export type Port = WebPort | NodePort;

/** What a port tells its owner. */
export interface PortEvents {
  message(message: unknown): void;
  /** The other side is gone; `reason` is for people. */
  gone(reason: string, cause?: unknown): void;
}

/** A port in use. */
export interface Channel {
  /** @throws DataCloneError for what can't be sent */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Listens no more. The port stays the application's, for it to close. */
  detach(): void;
}

/** @param side of the port that is listened at: a worker hears of its own errors too, which aren't the page's end */
export function openChannel(port: Port, side: "page" | "worker", events: PortEvents): Channel {
  const node = "on" in port;
  const listeners: Record<string, (event: unknown) => void> = {
    message: (event) => events.message(node ? event : (event as { data: unknown }).data),
    close: () => events.gone("its port was closed"),
  };
  if (side === "page") {
    listeners.error = (event) => {
      const { message } = event as { readonly message?: string };
      events.gone(message || "its script can't be run", node ? event : undefined);
    };
    listeners.messageerror = () => events.gone("a message of it can't be read");
    if (node) listeners.exit = (code) => events.gone(`it ended with code ${code}`);
  }
  for (const [type, listener] of Object.entries(listeners)) {
    if ("on" in port) port.on(type, listener);
    else port.addEventListener(type, listener);
  }
  // Ports of a MessageChannel wait for this where events are listened to by addEventListener.
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
