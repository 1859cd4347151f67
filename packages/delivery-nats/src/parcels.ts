// What is too large for one message, or isn't for all readers of a log: cut into chunks, under the hash of the whole.
import { DeliveryError } from "@copse/delivery/service";
import { forEach, type Link } from "./link.js";
import { digest, type Names } from "./names.js";

/** Bytes of a chunk, where servers take so many in a message. */
const CHUNK = 512 * 1024;
/** Room for a message's headers. */
const HEADERS = 4096;
const REFERENCE = /^([a-z2-7]{52})\.([0-9]{1,10})\.([1-9][0-9]{0,7})$/;

export class Parcels {
  readonly #link: Link;
  readonly #names: Names;
  /** Of a parcel that is read: a reference comes from another client. */
  readonly #maxSize: number;

  constructor(link: Link, names: Names, maxSize: number) {
    this.#link = link;
    this.#names = names;
    this.#maxSize = maxSize;
  }

  /** What is larger goes into a parcel. */
  get chunkSize(): number {
    return Math.max(1, Math.min(CHUNK, this.#link.maxPayload - HEADERS));
  }

  /** @returns its reference. What is put twice is there once, and its time to live begins again */
  async put(bytes: Uint8Array): Promise<string> {
    const size = this.chunkSize;
    const id = await digest(bytes);
    const starts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => index * size);
    await forEach(starts, async (start) => {
      const subject = this.#names.chunk(id, start / size);
      await this.#link.publish({ subject, data: bytes.subarray(start, start + size) });
    });
    return `${id}.${bytes.length}.${size}`;
  }

  /**
   * @returns `undefined` if there is no such parcel, if it isn't what its hash says, or if the reference is none: whoever
   *   has sent it is dishonest, or it has expired
   */
  async get(reference: string): Promise<Uint8Array | undefined> {
    const [, id, length, chunk] = REFERENCE.exec(reference) ?? [];
    const size = Number(chunk);
    if (id === undefined || Number(length) > this.#maxSize || Math.ceil(Number(length) / size) > 65_536)
      return undefined;
    const bytes = new Uint8Array(Number(length));
    const partition = this.#names.partitionOf(id);
    const [stream, probe] = [
      this.#names.stream("parcels", partition),
      this.#names.probe("parcels", partition),
    ];
    const starts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => index * size);
    let isWhole = true;
    await forEach(starts, async (start) => {
      if (!isWhole) return;
      const subject = this.#names.chunk(id, start / size);
      const found = await this.#link.last(stream, subject, probe);
      if (found !== undefined && found.data.length === Math.min(size, bytes.length - start))
        bytes.set(found.data, start);
      else isWhole = false;
    });
    return isWhole && (await digest(bytes)) === id ? bytes : undefined;
  }

  /** @throws DeliveryError `expired` */
  async need(reference: string, what: string): Promise<Uint8Array> {
    const found = await this.get(reference);
    if (found === undefined)
      throw new DeliveryError("expired", `${what} isn't kept any more, or was never there whole`);
    return found;
  }
}
