// What is kept of a group for good, whatever its log has forgotten: its last handshake whose Welcomes are delivered, and the
// newest GroupInfo.
import type { Parcels } from "./parcels.js";
import type { Change, Kept, Records } from "./records.js";

/** The newest GroupInfo, with the handshake that started its epoch. */
interface Head {
  readonly handshake: number;
  /** As it is kept: the bytes, or the reference of a parcel. */
  readonly groupInfo: Uint8Array | string;
}

/** What was read of a group: the handshake is 0 if there is nothing. */
export interface KnownHead extends Head {
  readonly kept: Kept;
}

const INLINE = 0;
const IN_PARCEL = 1;

export class Heads {
  readonly #records: Records;
  readonly #parcels: Parcels;

  constructor(records: Records, parcels: Parcels) {
    this.#records = records;
    this.#parcels = parcels;
  }

  async get(group: string): Promise<KnownHead> {
    const kept = await this.#records.get({ kind: "group", token: group });
    const head = kept.value && decode(kept.value);
    return { ...(head ?? { handshake: 0, groupInfo: "" }), kept };
  }

  /** @throws DeliveryError `expired` if it is a large one that isn't kept any more */
  async groupInfo({ groupInfo }: Head): Promise<Uint8Array> {
    return typeof groupInfo === "string" ? this.#parcels.need(groupInfo, "the GroupInfo") : groupInfo;
  }

  /**
   * @param replaces whether it takes the place of one with the same handshake
   * @param known what the caller has read, if it has
   * @returns whether it is there now: not if one of a newer handshake is
   */
  async put(group: string, handshake: number, groupInfo: Uint8Array, replaces: boolean, known?: KnownHead) {
    const isLarge = groupInfo.length > this.#parcels.chunkSize;
    const value = encode({ handshake, groupInfo: isLarge ? await this.#parcels.put(groupInfo) : groupInfo });
    const decide = (there: Uint8Array | undefined): Change<boolean> => {
      const newest = (there && decode(there)?.handshake) ?? 0;
      if (newest > handshake) return { result: false };
      return { result: true, value: newest === handshake && !replaces ? undefined : value };
    };
    return this.#records.change({ kind: "group", token: group }, decide, known?.kept);
  }
}

function encode({ handshake, groupInfo }: Head): Uint8Array {
  const rest = typeof groupInfo === "string" ? new TextEncoder().encode(groupInfo) : groupInfo;
  const bytes = new Uint8Array(9 + rest.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(handshake));
  bytes[8] = typeof groupInfo === "string" ? IN_PARCEL : INLINE;
  bytes.set(rest, 9);
  return bytes;
}

/** @returns `undefined` if somebody has put there what is none */
function decode(bytes: Uint8Array): Head | undefined {
  if (bytes.length < 9) return undefined;
  const handshake = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
  if (!Number.isSafeInteger(handshake)) return undefined;
  const rest = bytes.subarray(9);
  return { handshake, groupInfo: bytes[8] === IN_PARCEL ? new TextDecoder().decode(rest) : rest };
}
