// Records: the last message on a subject, changed by comparing sequences.
import { DeliveryError } from "@copse/delivery/service";
import type { Link } from "./link.js";
import type { Names, RecordKind } from "./names.js";

/** How often a change is tried again that another one has overtaken. Each time, that one has come through. */
const TRIES = 200;
/** Milliseconds that are waited at most before the next one, so that not all of them meet again. */
const PAUSE = 20;

/** A record as it was read. */
export interface Kept {
  /** `undefined` if there is none. */
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** What is to become of a record. */
export interface Change<T> {
  /** `undefined` if it stays as it is. */
  readonly value?: Uint8Array | undefined;
  readonly result: T;
}

export interface RecordName {
  readonly kind: RecordKind;
  readonly token: string;
}

export class Records {
  readonly #link: Link;
  readonly #names: Names;

  constructor(link: Link, names: Names) {
    this.#link = link;
    this.#names = names;
  }

  #place({ kind, token }: RecordName) {
    const partition = this.#names.partitionOf(token);
    return {
      stream: this.#names.stream("state", partition),
      subject: this.#names.record(kind, token),
      probe: this.#names.probe("state", partition),
    };
  }

  async get(name: RecordName): Promise<Kept> {
    const { stream, subject, probe } = this.#place(name);
    // From its leader: whoever was told that a handshake is accepted finds its GroupInfo.
    const found = await this.#link.last(stream, subject, probe);
    return { value: found?.data, revision: found?.seq ?? 0 };
  }

  /**
   * @param decide is called again if somebody else was faster
   * @param known what the caller has read before, if it has
   */
  async change<T>(
    name: RecordName,
    decide: (value: Uint8Array | undefined) => Change<T> | Promise<Change<T>>,
    known?: Kept,
  ): Promise<T> {
    const { subject } = this.#place(name);
    let kept = known ?? (await this.get(name));
    for (let tries = 0; tries < TRIES; tries++) {
      const { value, result } = await decide(kept.value);
      if (value === undefined) return result;
      // A cluster may take several changes at once for the same revision, but not under the same ID. One under which nothing was
      // stored, because a leader was lost, must not be in the way.
      const id = tries % 4 === 3 ? undefined : `${subject}.${kept.revision}`;
      const stored = await this.#link.publish({ subject, data: value, id, last: kept.revision });
      if (stored !== undefined && !stored.isDuplicate) return result;
      if (tries > 0)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(PAUSE, tries)));
      kept = await this.get(name);
    }
    throw new DeliveryError("unavailable", `others change a record all the time: tried ${TRIES} times`);
  }
}
