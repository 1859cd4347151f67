// The connection of one client to a service in memory.
import {
  type Access,
  type Calls,
  readsUpToByAny,
  type Source,
  takeBytes,
  takeCursor,
  takeGroupId,
  takeHandshake,
  takeKeyPackages,
  takeMessage,
  takeReferences,
  takeSubscription,
  takeSuite,
  takeUser,
} from "../rules.js";
import {
  type Batch,
  type CallOptions,
  type Cursor,
  DeliveryError,
  type DeliveryService,
  type EpochKeySource,
  type Handshake,
  type InboxEntry,
  type KeyPackageCount,
  type LogEntry,
  type OfferedKeyPackage,
  type OutgoingMessage,
  type PublishedGroupInfo,
  type Submitted,
  type Subscription,
} from "../service.js";
import type { ClientRecord } from "./directory.js";
import type { Group, GroupKey } from "./group.js";
import type { Hub } from "./hub.js";
import { cursorOf } from "./log.js";

export class Connection implements DeliveryService {
  readonly ordering: "service" | "none";
  readonly user: string;
  readonly #hub: Hub;
  readonly #calls: Calls;
  readonly #client: ClientRecord;
  readonly #proven = new WeakSet<GroupKey>();

  constructor(hub: Hub, user: string, clientKey: string) {
    this.#hub = hub;
    this.#client = hub.directory.client(user, clientKey);
    this.#calls = hub.running.connect();
    this.ordering = hub.options.ordering;
    this.user = user;
  }

  /** Runs a call. Its arguments are checked and copied by `take` before anything waits. */
  async #call<In, Out>(
    options: CallOptions | undefined,
    take: () => In,
    work: (taken: In, ended: Promise<never>) => Out | Promise<Out>,
  ): Promise<Out> {
    const taken = take();
    return this.#calls.run(options?.signal, async (ended) => {
      // As a service that is elsewhere: no answer is there at once.
      await Promise.race([Promise.resolve(), ended]);
      return work(taken, ended);
    });
  }

  publishKeyPackages(keyPackages: readonly OfferedKeyPackage[], options?: CallOptions): Promise<void> {
    const { directory, limits, now } = this.#hub;
    return this.#call(
      options,
      () => takeKeyPackages(keyPackages, limits),
      (taken) => directory.publish(this.#client, taken, now()),
    );
  }

  countKeyPackages(suite: number, options?: CallOptions): Promise<KeyPackageCount> {
    const { directory, now } = this.#hub;
    return this.#call(
      options,
      () => takeSuite(suite),
      (taken) => directory.count(this.#client, taken, now()),
    );
  }

  withdrawKeyPackages(references?: readonly Uint8Array[], options?: CallOptions): Promise<void> {
    const { directory, limits } = this.#hub;
    return this.#call(
      options,
      () => (references === undefined ? undefined : takeReferences(references, limits)),
      (taken) => directory.withdraw(this.#client, taken),
    );
  }

  claimKeyPackages(user: string, suite: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    const { directory, now } = this.#hub;
    return this.#call(
      options,
      () => ({ user: takeUser(user), suite: takeSuite(suite) }),
      (taken) => directory.claim(taken.user, taken.suite, now()),
    );
  }

  submit(handshake: Handshake, options?: CallOptions): Promise<Submitted> {
    const { limits, members } = this.#hub;
    return this.#call(
      options,
      () => takeHandshake(handshake, limits),
      async (taken, ended) => {
        const group = this.#hub.groupFor(taken);
        const before = this.#answered(group, taken);
        if (before !== undefined) return before;
        let proven: GroupKey | undefined;
        if (members !== undefined) {
          const isKnown = group.hasHandshakes;
          if (isKnown && taken.key === undefined) this.#checkKnown(group);
          if (isKnown && taken.key !== undefined) proven = await this.#prove(group, taken.key, ended);
          await Promise.race([members.checkKey(taken.nextKey), ended]);
        }
        // What follows is one step: nothing comes between the comparison and the acceptance. The group may be there
        // only since this began to wait.
        const now = this.#hub.groupFor(taken);
        return this.#answered(now, taken) ?? this.#accept(now, taken, proven);
      },
    );
  }

  #answered(group: Group, handshake: Handshake): Submitted | undefined {
    const place = group.known("handshake", handshake);
    return place === undefined ? undefined : { kind: "accepted", cursor: cursorOf(place) };
  }

  #accept(group: Group, handshake: Handshake, proven: GroupKey | undefined): Submitted {
    const { directory, members } = this.#hub;
    const isChecked = members !== undefined;
    const now = this.#hub.now();
    const isKnown = group.hasHandshakes;
    // Without a key it joins.
    if (isChecked && isKnown && proven === undefined) this.#checkKnown(group);
    const first = group.follower(handshake.after, proven, now);
    if (first !== undefined) return { kind: "stale", first };
    if (isChecked && isKnown && handshake.key !== undefined) group.checkMayWrite(proven, now);
    if (isChecked) group.checkNew(handshake.nextKey);
    this.#hub.register(handshake.groupId, group);
    const place = group.accept(handshake, proven, this.#client, now);
    group.users.add(this.user);
    const { groupId } = handshake;
    for (const { reference, welcome } of handshake.welcomes) {
      const to = directory.recipient(reference);
      if (to === undefined) continue;
      group.users.add(to.user);
      const size = welcome.length;
      to.inbox.append({ reference, groupId, welcome, handshake: cursorOf(place), time: now, size });
    }
    return { kind: "accepted", cursor: cursorOf(place) };
  }

  /** Whether a user without a key may know the group's state, and join by it. @throws DeliveryError `forbidden` */
  #checkKnown(group: Group): void {
    const { members, options } = this.#hub;
    if (members === undefined || options.openGroups || group.users.has(this.user)) return;
    throw new DeliveryError("forbidden", "the user has never been a member of the group");
  }

  async #prove(group: Group, source: EpochKeySource | undefined, ended: Promise<never>): Promise<GroupKey> {
    if (source === undefined) throw new DeliveryError("forbidden", "expected the key of an epoch, got none");
    const { members } = this.#hub;
    const key = (await Promise.race([members?.prove(group, source, this.#proven), ended])) as GroupKey;
    group.users.add(this.user);
    if (!key.provers.has(this.#client)) group.proved(key, this.#client, this.#hub.now());
    return key;
  }

  /** Of the key that the client has now, if the service knows it, and of those that it has proven before. */
  async #provenKeys(
    group: Group,
    source: EpochKeySource | undefined,
    ended: Promise<never>,
  ): Promise<Access[]> {
    try {
      await this.#prove(group, source, ended);
    } catch (error) {
      const isForbidden = error instanceof DeliveryError && error.code === "forbidden";
      if (!isForbidden || group.accessOf(this.#client).length === 0) throw error;
    }
    return group.accessOf(this.#client);
  }

  send(message: OutgoingMessage, options?: CallOptions): Promise<Cursor> {
    const { limits, members } = this.#hub;
    return this.#call(
      options,
      () => takeMessage(message, limits),
      async (taken, ended) => {
        const group = this.#hub.group(taken.groupId);
        const key = members && (await this.#prove(group, taken.key, ended));
        const place = group.known("message", taken);
        if (place !== undefined) return cursorOf(place);
        const now = this.#hub.now();
        if (members !== undefined) group.checkMayWrite(key, now);
        return cursorOf(group.send(taken, now));
      },
    );
  }

  subscribe(subscription: Subscription): AsyncIterable<Batch<LogEntry>> {
    let taken: Subscription;
    try {
      taken = takeSubscription(subscription);
    } catch (error) {
      return this.#calls.read(undefined, () => {
        throw error;
      });
    }
    return this.#calls.read(taken.signal, () => {
      const group = this.#hub.group(taken.groupId);
      // Else what "" stands for would be gone when it is read.
      group.retain(this.#hub.now());
      return this.#entries(group, group.log.place(taken.after), taken.key);
    });
  }

  #entries(group: Group, start: number, source: EpochKeySource | undefined): Source<LogEntry> {
    const { members, options, now } = this.#hub;
    let place = start;
    let patience: number | undefined;
    let isBegun = false;
    return {
      wait: (wake) => group.log.wait(wake),
      behind: () => group.log.last - place,
      patience: () => patience,
      next: async (ended) => {
        const isFirst = !isBegun;
        isBegun = true;
        const keys = members && (await this.#provenKeys(group, source, ended));
        const upTo = (keys && readsUpToByAny(keys)) ?? group.log.last;
        const found = group.log.after(place, upTo, options.batch, options.batchBytes);
        place = found.at(-1)?.place ?? place;
        const entries = found.map((one) => group.entry(one.entry, one.place));
        if (entries.length > 0) return { entries, behind: group.log.last - place };
        // Nothing more is read with this key, unless members write with it once more. How much there is, the first batch says
        // in any case.
        if (!isFirst) patience = keys && group.patience(keys, now());
        return undefined;
      },
    };
  }

  inbox(after: Cursor, options: CallOptions = {}): AsyncIterable<Batch<InboxEntry>> {
    const client = this.#client;
    const { batch, batchBytes } = this.#hub.options;
    return this.#calls.read(options.signal, () => {
      const log = client.inbox;
      let place = log.place(takeCursor(after, "after"));
      return {
        wait: (wake) => log.wait(wake),
        behind: () => log.last - place,
        next: async () => {
          // What the client has cleared, it has read.
          place = Math.max(place, log.dropped);
          const found = log.after(place, log.last, batch, batchBytes);
          place = found.at(-1)?.place ?? place;
          const entries = found.map((one) => client.entry(one.entry, one.place));
          return entries.length > 0 ? { entries, behind: log.last - place } : undefined;
        },
      };
    });
  }

  clearInbox(upTo: Cursor, options?: CallOptions): Promise<void> {
    const { inbox } = this.#client;
    return this.#call(
      options,
      () => takeCursor(upTo, "upTo"),
      (taken) => inbox.dropTo(inbox.place(taken)),
    );
  }

  groupInfo(groupId: Uint8Array, options?: CallOptions): Promise<PublishedGroupInfo | undefined> {
    return this.#call(
      options,
      () => takeGroupId(groupId),
      (taken) => {
        const group = this.#hub.find(taken);
        if (group?.groupInfo === undefined) return undefined;
        this.#checkKnown(group);
        const { bytes, handshake } = group.groupInfo;
        return { groupInfo: bytes.slice(), handshake: cursorOf(handshake) };
      },
    );
  }

  publishGroupInfo(
    groupId: Uint8Array,
    published: PublishedGroupInfo,
    key: EpochKeySource,
    options?: CallOptions,
  ): Promise<boolean> {
    const { limits, members, now } = this.#hub;
    return this.#call(
      options,
      () => ({
        groupId: takeGroupId(groupId),
        bytes: takeBytes(published?.groupInfo, "groupInfo", 1, limits.handshake),
        handshake: takeCursor(published?.handshake, "handshake"),
      }),
      async (taken, ended) => {
        const group = this.#hub.group(taken.groupId);
        if (members !== undefined) group.checkMayWrite(await this.#prove(group, key, ended), now());
        return group.publish(taken.bytes, taken.handshake);
      },
    );
  }

  async close(): Promise<void> {
    this.#hub.running.disconnect(this.#calls);
  }
}
