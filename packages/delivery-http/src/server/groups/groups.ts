// What clients do with groups: one handshake for each place in the chain, messages, the newest GroupInfo.
import type { CryptoProvider } from "@copse/core/provider";
import { checkCount, checkFraming, learns, mayWrite, rootOf } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import type { BodyOf } from "../../wire/routes.js";
import type { WireHandshake, WireMessage, WireSubmitted } from "../../wire/structures.js";
import type { Account } from "../accounts.js";
import type { DeliveryCounters } from "../counters.js";
import { refuse } from "../failures.js";
import type { Hold } from "../held.js";
import type { KeyPackages } from "../key-packages.js";
import type { Settings } from "../options.js";
import type { Store } from "../store.js";
import type { Followers } from "./followers.js";
import { cursorOf, type GroupRow, GroupRows, type KeyRow, seqOf } from "./group-rows.js";
import { Logs } from "./logs.js";
import { dropOver } from "./retention.js";

/** Who waits for entries. */
export interface Listener {
  onEntries(group: number): void;
  onWelcomes(client: number): void;
}

interface Parts {
  readonly store: Store;
  readonly settings: Settings;
  readonly counters: DeliveryCounters;
  readonly crypto: CryptoProvider;
  readonly keyPackages: KeyPackages;
  readonly listener: Listener;
  /** Where handshakes are public. */
  readonly followers?: Followers | undefined;
}

export class Groups {
  readonly rows: GroupRows;
  readonly logs: Logs;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.rows = new GroupRows(parts.store, parts.settings);
    this.logs = new Logs(parts.store);
  }

  async send({ id: client }: Account, message: WireMessage): Promise<string> {
    const { store, settings, counters, listener, followers } = this.#parts;
    checkCount("message, bytes", message.message.length, settings.limits.message);
    checkFraming("message", message.message);
    const { group, seq, isNew } = await store.write(() => {
      const group = this.rows.need(message.groupId);
      const key = this.rows.provenKey(group.id, client, message.key);
      const known = this.logs.known(group.id, message.id, client, "message");
      if (known !== undefined) return { group, seq: known, isNew: false };
      this.rows.checkMayWrite(key);
      const seq = this.logs.append({ kind: "message", group, client, time: settings.now() }, message);
      counters.expired += dropOver(store, settings, group.id);
      return { group, seq, isNew: true };
    });
    if (isNew) {
      counters.messages += 1;
      if (followers?.isPublic(message.groupId)) await followers.sent(message.groupId, message.message);
      listener.onEntries(group.id);
    }
    return cursorOf(seq);
  }

  async submit(account: Account, handshake: WireHandshake, sending: Hold): Promise<WireSubmitted> {
    const { settings } = this.#parts;
    const { handshake: max, welcomes } = settings.limits;
    checkCount("message, bytes", handshake.message.length, max);
    checkCount("groupInfo, bytes", handshake.groupInfo.length, max);
    for (const { welcome } of handshake.welcomes) checkCount("welcome, bytes", welcome.length, max);
    const references = handshake.welcomes.reduce((sum, one) => sum + one.references.length, 0);
    checkCount("welcomes", references, welcomes);
    checkFraming("handshake", handshake.message);
    if (settings.members === "checked") await this.#checkKey(handshake.nextKey);
    const accept = () => this.#write(account, handshake, sending);
    const { followers } = this.#parts;
    if (!followers?.isPublic(handshake.groupId)) return accept();
    return followers.submit(handshake, () => this.#before(account, handshake, sending).answer, accept);
  }

  async #write(account: Account, handshake: WireHandshake, sending: Hold): Promise<WireSubmitted> {
    const { store, counters, listener } = this.#parts;
    const told: { group?: number; clients: number[] } = { clients: [] };
    const answer = await store.write(() => {
      told.clients = [];
      return this.#submit(account, handshake, sending, told);
    });
    if (answer.kind === "stale") counters.stale += 1;
    if (told.group !== undefined) {
      counters.handshakes += 1;
      counters.welcomes += told.clients.length;
      listener.onEntries(told.group);
      for (const client of told.clients) listener.onWelcomes(client);
    }
    return answer;
  }

  async #checkKey({ suite, publicKey }: WireHandshake["nextKey"]): Promise<void> {
    const { crypto } = this.#parts;
    if (!crypto.suites.some(({ id }) => id === suite))
      refuse("invalid", `nextKey: suite ${suite} isn't known here`);
    try {
      await crypto.suite(suite).hpke.validatePublicKey(publicKey);
    } catch (cause) {
      throw new DeliveryError("invalid", "nextKey: expected a public key of the suite", { cause });
    }
  }

  /** What needs no look at the commit: the answer, or what is needed to accept it. */
  #before(
    account: Account,
    handshake: WireHandshake,
    sending: Hold,
  ): { readonly answer?: WireSubmitted; readonly group?: GroupRow; readonly key?: KeyRow | undefined } {
    const { rows, logs } = this;
    const group = rows.find(handshake.groupId);
    if (group === undefined) {
      if (handshake.after !== "") rows.need(handshake.groupId);
      rows.checkNew(handshake.groupId);
      return {};
    }
    const seq = logs.known(group.id, handshake.id, account.id, "handshake");
    if (seq !== undefined) return { answer: { kind: "accepted", cursor: cursorOf(seq) } };
    // Without a key it joins.
    if (handshake.key === undefined) rows.checkKnown(group.id, account.user);
    const key = handshake.key === undefined ? undefined : rows.provenKey(group.id, account.id, handshake.key);
    sending.check();
    const first = this.#follower(group, handshake.after, key);
    sending.add(first?.message.length ?? 0);
    if (first !== undefined) return { answer: { kind: "stale", first } };
    if (handshake.key !== undefined) rows.checkMayWrite(key);
    // A proof of it would count for both.
    const isChecked = this.#parts.settings.members === "checked";
    if (isChecked && rows.findKey(group.id, handshake.nextKey.publicKey) !== undefined)
      refuse("invalid", "nextKey: another handshake has registered this key");
    return { group, key };
  }

  /** One step in a transaction: nothing comes between the comparison and the acceptance. */
  #submit(
    account: Account,
    handshake: WireHandshake,
    sending: Hold,
    told: { group?: number; clients: number[] },
  ): WireSubmitted {
    const before = this.#before(account, handshake, sending);
    if (before.answer !== undefined) return before.answer;
    const group = before.group ?? this.#make(account, handshake);
    const seq = this.#accept(account, group, handshake, before.key);
    told.group = group.id;
    told.clients = this.#deliver(group.id, seq, handshake);
    this.#parts.counters.expired += dropOver(this.#parts.store, this.#parts.settings, group.id);
    return { kind: "accepted", cursor: cursorOf(seq) };
  }

  /** What has followed a handshake. @throws DeliveryError `invalid`, `expired`, `forbidden` */
  #follower(group: GroupRow, after: string, key: KeyRow | undefined) {
    const seq = after === "" ? 0 : seqOf(after, group.last, group.gone);
    if (seq === group.lastHandshake) return undefined;
    if (seq < group.gone) refuse("expired", "the handshake isn't kept any more");
    if (seq !== 0 && seq !== group.gone && this.logs.entry(group.id, seq)?.kind !== "handshake")
      refuse("invalid", "after: expected the cursor of a handshake");
    const first = this.logs.handshakeAfter(group.id, seq);
    if (first === undefined) return refuse("expired", "what came first isn't kept any more");
    const { now, times } = this.#parts.settings;
    const place = seqOf(first.cursor, group.last, 0);
    if (key !== undefined && !learns(key.access, place, now(), times.grace)) this.rows.checkMayWrite(key);
    return first;
  }

  #make(account: Account, handshake: WireHandshake): GroupRow {
    const { store, settings } = this.#parts;
    const { limits, quotas } = settings;
    const count = (sql: string, ...values: number[]) => store.one<{ n: number }>(sql, ...values)?.n ?? 0;
    checkCount("groups", count("SELECT count(*) AS n FROM grp") + 1, limits.groups);
    const own = count("SELECT count(*) AS n FROM grp WHERE maker = ?", account.id);
    checkCount("groups of the client", own + 1, quotas.groupsOfClient);
    store.run(
      "INSERT INTO grp (group_id, maker, last, last_handshake, gone, size, used, group_info) VALUES (?, ?, 0, 0, 0, 0, ?, ?)",
      handshake.groupId,
      account.id,
      settings.now(),
      handshake.groupInfo,
    );
    return this.rows.find(handshake.groupId) as GroupRow;
  }

  #accept(account: Account, group: GroupRow, handshake: WireHandshake, key: KeyRow | undefined): number {
    const { store, settings } = this.#parts;
    const now = settings.now();
    const seq = this.logs.append({ kind: "handshake", group, client: account.id, time: now }, handshake);
    if (key !== undefined)
      store.run(
        "UPDATE epoch_key SET reads_up_to = ? WHERE grp = ? AND handshake = ?",
        seq,
        group.id,
        key.place,
      );
    const { suite, publicKey } = handshake.nextKey;
    store.run(
      "INSERT INTO epoch_key (grp, handshake, suite, public_key, client, parent, root, overtaken, reads_up_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      group.id,
      seq,
      suite,
      publicKey,
      account.id,
      key?.place ?? null,
      rootOf(seq, key, group.lastHandshake === 0) ?? null,
      null,
      seq,
    );
    this.rows.addKnown(group.id, account.id);
    store.run(
      "UPDATE grp SET last_handshake = ?, group_info = ? WHERE id = ?",
      seq,
      handshake.groupInfo,
      group.id,
    );
    return seq;
  }

  /**
   * Welcomes go to whoever has published the key packages. The service can't judge the others, which a proposal of anybody may
   * have brought: they are dropped. @returns the clients that got one
   */
  #deliver(group: number, seq: number, { welcomes }: WireHandshake): number[] {
    const { keyPackages, settings, counters } = this.#parts;
    const time = settings.now();
    const clients = new Set<number>();
    for (const { welcome, references } of welcomes) {
      let id: number | undefined;
      for (const reference of references) {
        const owner = keyPackages.ownerOf(reference);
        if (owner === undefined || this.logs.waiting(owner) >= settings.limits.inbox) {
          counters.welcomesDropped += 1;
          continue;
        }
        id ??= this.logs.addWelcome(welcome);
        this.logs.deliver(owner, { reference, group, handshake: seq, welcome: id, time });
        this.rows.addKnown(group, owner);
        clients.add(owner);
      }
    }
    return [...clients];
  }

  /** Whether a client has proven a key of the group that is good, or members aren't checked. */
  isMember({ id: client }: Account, groupId: Uint8Array): boolean {
    const { members, now, times } = this.#parts.settings;
    if (members === "unchecked") return true;
    const group = this.rows.find(groupId);
    const keys = group === undefined ? [] : this.rows.provenKeys(group.id, client);
    return keys.some(({ access }) => mayWrite(access.root, now(), times.grace));
  }

  groupInfo(account: Account, groupId: Uint8Array) {
    const group = this.rows.find(groupId);
    if (group === undefined) return undefined;
    this.rows.checkKnown(group.id, account.user);
    return this.rows.groupInfo(group.id);
  }

  async publishGroupInfo({ id: client }: Account, body: BodyOf<"publishGroupInfo">): Promise<boolean> {
    const { store, settings, followers } = this.#parts;
    checkCount("groupInfo, bytes", body.groupInfo.length, settings.limits.handshake);
    const need = (): GroupRow | undefined => {
      const group = this.rows.need(body.groupId);
      this.rows.checkMayWrite(this.rows.provenKey(group.id, client, body.key));
      const isNewest = seqOf(body.handshake, group.last, group.gone) === group.lastHandshake;
      return isNewest ? group : undefined;
    };
    if (followers?.isPublic(body.groupId)) {
      if (need() === undefined) return false;
      if (!(await followers.isCurrent(body.groupId, body.groupInfo)))
        refuse("invalid", "expected a GroupInfo of the group's present epoch");
    }
    return store.write(() => {
      const group = need();
      if (group === undefined) return false;
      store.run(
        "UPDATE grp SET group_info = ?, used = ? WHERE id = ?",
        body.groupInfo,
        settings.now(),
        group.id,
      );
      return true;
    });
  }

  clearInbox({ id: client }: Account, upTo: string): Promise<void> {
    return this.#parts.store.write(() => {
      this.logs.clearInbox(client, seqOf(upTo, this.logs.inboxLast(client), 0));
    });
  }
}
