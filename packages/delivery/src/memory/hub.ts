// What all connections to a service in memory share.
import { toHex } from "@copse/core";
import { checkCount, type DeliveryLimits } from "../rules.js";
import { DeliveryError, type Handshake } from "../service.js";
import { Directory } from "./directory.js";
import { Group, type GroupOptions } from "./group.js";
import type { Members } from "./members.js";
import { Running } from "./running.js";

/** The options of a service, with their defaults filled in. */
export interface HubOptions extends GroupOptions {
  readonly limits: DeliveryLimits;
  readonly openGroups: boolean;
  readonly batch: number;
  readonly batchBytes: number;
  readonly now: () => number;
}

export class Hub {
  readonly running = new Running();
  readonly directory: Directory;
  readonly options: HubOptions;
  /** `undefined` if membership isn't checked. */
  readonly members: Members | undefined;
  readonly #groups = new Map<string, Group>();

  constructor(options: HubOptions, members: Members | undefined) {
    this.options = options;
    this.members = members;
    this.directory = new Directory(options.limits);
  }

  get limits(): DeliveryLimits {
    return this.options.limits;
  }

  get now(): () => number {
    return this.options.now;
  }

  find(groupId: Uint8Array): Group | undefined {
    return this.#groups.get(toHex(groupId));
  }

  /** @throws DeliveryError `not-found` */
  group(groupId: Uint8Array): Group {
    const group = this.find(groupId);
    if (group === undefined) throw new DeliveryError("not-found", "the service doesn't know the group");
    return group;
  }

  /** The group of a handshake: a new one, which isn't kept yet, if the handshake is to be its first. */
  groupFor({ groupId, after }: Handshake): Group {
    if (after !== "") return this.group(groupId);
    return this.find(groupId) ?? new Group(this.options);
  }

  register(groupId: Uint8Array, group: Group): void {
    const id = toHex(groupId);
    if (this.#groups.has(id)) return;
    checkCount("groups", this.#groups.size + 1, this.limits.groups);
    this.#groups.set(id, group);
  }
}
