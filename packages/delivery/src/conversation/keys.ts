// RFC 9750 §5: the keys of epochs that a conversation proves to a service which serves members alone: the present one, and the one before.
import type { Group } from "@copse/core";
import { epochKey, type HeldEpochKey } from "../messenger/epoch-key.js";
import { isUndecided } from "../messenger/errors.js";
import type { EpochKey } from "../service.js";
import type { Host } from "./host.js";
import type { ConversationRecord } from "./record.js";

const UNKNOWN_KEY = "the service doesn't know this epoch's key: whose commit it is registered another one";

const end = (key: Promise<HeldEpochKey> | undefined): void => {
  void key?.then((held) => held.end()).catch(() => undefined);
};

/** The conversation whose keys they are. */
interface Keyed {
  readonly host: Host;
  readonly record: ConversationRecord;
  readonly group: Group | undefined;
  readonly joining: Group | undefined;
  problem(code: "junk", message: string): void;
  wake(): void;
}

export class RoomKeys {
  readonly #room: Keyed;
  #key: { readonly of: Group; readonly epoch: bigint; readonly key: Promise<HeldEpochKey> } | undefined;
  /** The last key before it that the service knew, as far as this client can tell. */
  #former: Promise<HeldEpochKey> | undefined;
  /** Whether that one is offered: whoever made the commit has registered another key than that of the epoch. */
  #offersFormer = false;
  #unknownIn: bigint | undefined;

  constructor(room: Keyed) {
    this.#room = room;
  }

  /** The key of the epoch in which this client is, or that its first commit starts. */
  readonly source = async (): Promise<EpochKey | undefined> => {
    const { joining, group: present, record, host } = this.#room;
    const group = joining ?? present;
    if (group === undefined) return undefined;
    const isFirst = group === joining || record.state === "starting";
    const staged = isFirst ? group.staged.find(({ own }) => own) : undefined;
    const { epoch } = staged ?? group;
    if (this.#key?.of !== group || this.#key.epoch !== epoch) {
      this.#keepFormer(group);
      this.#key = { of: group, epoch, key: epochKey(host.provider, epoch, staged ?? group) };
    }
    try {
      return await (this.#offersFormer ? this.#former : this.#key.key);
    } catch (error) {
      // Each is derived again, or was the former one's last chance.
      if (this.#offersFormer) this.#former = undefined;
      this.#offersFormer = false;
      this.#key = undefined;
      if (isUndecided(error)) throw error;
      // It was removed, or the group moves on right now.
      return undefined;
    }
  };

  /** Whether the service doesn't know the key of the present epoch: another commit gives it one. */
  get isUnknown(): boolean {
    return this.#offersFormer;
  }

  /**
   * Offers the key before the present one from here on, until the next epoch, or until that one is refused: it stays good at a
   * service as long as nobody has proven a later one. @returns whether there is one, and it wasn't offered yet
   */
  offerFormer(): boolean {
    if (this.#offersFormer || this.#former === undefined) return false;
    this.#offersFormer = true;
    if (this.#unknownIn !== this.#key?.epoch) this.#room.problem("junk", UNKNOWN_KEY);
    this.#unknownIn = this.#key?.epoch;
    this.#room.wake();
    return true;
  }

  /** The key that is offered was refused, and it wasn't the present one: that is offered next. It may have been refused by mistake. */
  offerPresent(): void {
    this.#offersFormer = false;
  }

  #keepFormer(group: Group): void {
    const { of, key } = this.#key ?? {};
    // One that the service doesn't know takes nothing's place.
    const [over, kept] = this.#offersFormer ? [key, this.#former] : [this.#former, key];
    end(over);
    if (of === group) this.#former = kept;
    else {
      end(kept);
      this.#former = undefined;
    }
    this.#key = undefined;
    this.#offersFormer = false;
  }

  /** Forgets them. */
  end(): void {
    end(this.#key?.key);
    end(this.#former);
    this.#key = undefined;
    this.#former = undefined;
    this.#offersFormer = false;
  }
}
