// What goes between the conductor and the processes of clients.
import type { ClientEvent, FinalView } from "../model/events.js";
import type { Climate } from "../network/weather.js";
import type { Answer, Request } from "../services/remote.js";

/** Where a client reaches the service. */
export type Place =
  /** In the conductor's process. */
  | { readonly kind: "memory" }
  | { readonly kind: "http"; readonly url: string }
  | { readonly kind: "nats"; readonly servers: readonly string[] };

/** Where a client keeps its state: `undefined` for one that never ends before the run. */
export type Folder = string | undefined;

export interface Cast {
  readonly name: string;
  readonly folder: Folder;
  readonly isHonest: boolean;
  /** A fault that is planted in this client. */
  readonly fault: string | undefined;
}

/** What a process of clients is told when it starts. */
export interface Setting {
  readonly kind: "setting";
  readonly seed: number;
  /** Of the seed: each process has its own. */
  readonly stream: number;
  readonly place: Place;
  readonly climate: Climate;
  readonly cast: readonly Cast[];
}

/** What a client is to do in a group. */
export type Deed =
  | { readonly kind: "start"; readonly name: string; readonly users: readonly string[] }
  | { readonly kind: "send"; readonly group: string; readonly n: number; readonly size: number }
  | { readonly kind: "invite" | "remove"; readonly group: string; readonly users: readonly string[] }
  | { readonly kind: "update" | "leave"; readonly group: string }
  /** Only for the dishonest. */
  | { readonly kind: "forge"; readonly group: string; readonly what: string };

export type Order =
  | { readonly kind: "do"; readonly n: number; readonly client: string; readonly deed: Deed }
  /** Resolves when all is quiet, or after so many milliseconds. */
  | { readonly kind: "settle"; readonly n: number; readonly client: string; readonly within: number }
  | { readonly kind: "look"; readonly n: number; readonly client: string; readonly wholly: boolean };

/** From the conductor. */
export type Down =
  | Setting
  | Order
  | { readonly kind: "calm" }
  | { readonly kind: "answer"; readonly answer: Answer };

/** What became of an order. */
export type Done =
  | {
      readonly n: number;
      readonly kind: "done";
      readonly value: string | readonly FinalView[] | boolean | undefined;
    }
  /** `code` of a MessengerError, or the name of another one. */
  | { readonly n: number; readonly kind: "failed"; readonly code: string; readonly text: string };

/** To the conductor. */
export type Up =
  | { readonly kind: "ready" }
  | { readonly kind: "events"; readonly events: readonly ClientEvent[] }
  | { readonly kind: "counts"; readonly counts: Readonly<Record<string, number>> }
  | { readonly kind: "request"; readonly request: Request }
  | Done;
