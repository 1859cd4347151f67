// RFC 9420 §12.4.3.2: joining by an external commit, without an invitation: a client that has lost the group's state, or
// is in another epoch than the others. The commit takes the place of its former leaf: all see who did it.
import { equalBytes, type Group, type Member, MlsError } from "@copse/core";
import { type ExternalJoinOptions, joinByExternalCommit } from "@copse/core/external";
import { epochKey } from "../messenger/epoch-key.js";
import { MessengerError } from "../messenger/errors.js";
import { nameIn } from "../messenger/name.js";
import { Backoff, deferred, pause } from "../messenger/platform.js";
import { DeliveryError, type Handshake, type PublishedGroupInfo } from "../service.js";
import { partsOf } from "./changes.js";
import type { JudgedGroupInfo } from "./host.js";
import { TAKEN } from "./reach.js";
import { type ConversationRecord, type Pending, placeOf, recordChange, withName } from "./record.js";
import type { Room } from "./room.js";

/** How often in a row the service may refuse before that is told to whoever waits. It may be that others haven't come so far. */
const TRIES = 8;

export class Joiner {
  readonly #room: Room;
  /** Whether a client that is no member yet may join, too. */
  isNew = false;
  /** Settles when the commit that joins is in force, for the first time. */
  readonly joined = deferred<void>();
  readonly #backoff: Backoff;
  /** How long it waits if its place was taken with its own key: two that do that to each other must not go on without a pause. */
  readonly #taken: Backoff;
  /** Why it joins again. */
  #reason: string | undefined;
  /** The epoch of the last commit that another one came before. */
  #lostIn: bigint | undefined;
  /** The GroupInfo that was refused last. */
  #refused: Uint8Array | undefined;
  /** How many GroupInfos in a row were refused in which this client isn't a member, or were none, to one that is new. */
  #refusals = 0;
  /** Answers all that waits. */
  readonly #refuse: (error: MessengerError) => Promise<void>;

  constructor(room: Room, refuse: (error: MessengerError) => Promise<void>) {
    this.#room = room;
    this.#refuse = refuse;
    this.#backoff = new Backoff(room.host.limits);
    this.#taken = new Backoff(room.host.limits);
  }

  /**
   * Tries until the service has taken the commit; its entry in the log is then merged. Where the GroupInfo isn't one to follow,
   * a client that has a state goes on reading with that: it may have been led here by nothing but the service.
   * @throws MlsError, DeliveryError if it isn't to be tried again
   */
  async join(): Promise<void> {
    const room = this.#room;
    if (room.lost === TAKEN) await pause(this.#taken.next(), room.signal);
    while (!room.isEnded) {
      let failure: unknown;
      try {
        if (await this.#tryOnce()) {
          this.#backoff.reset();
          this.goesOn();
          return;
        }
        await this.#isOut();
        if (this.#refused !== undefined && (await this.#isBack())) {
          await pause(this.#backoff.next(), room.signal);
          room.lost = undefined;
          return;
        }
      } catch (error) {
        if (room.isEnded) return;
        await room.recover(error);
        if (error instanceof MlsError && error.code === "usage" && !this.isNew) return this.#isNoMember();
        if (error instanceof MlsError && error.code === "forbidden" && this.isNew)
          this.joined.reject(new MessengerError("refused", "the policy doesn't let this client join", error));
        room.failed("the group can't be joined again yet", error, true);
        this.#isNone(error);
        // What the service may have taken is submitted once more, under the same ID.
        if (!(error instanceof DeliveryError && error.retry === "later")) await this.#drop();
        failure = error;
      }
      const wait = this.#backoff.next(failure);
      if (failure instanceof DeliveryError && this.#backoff.refusals >= TRIES) this.#isRefused(failure);
      await pause(wait, room.signal);
    }
  }

  /** Whoever waits is told. It goes on trying, but for a client that was no member. */
  #isRefused(error: DeliveryError): void {
    const room = this.#room;
    room.refused(error);
    if (this.isNew && room.refusal !== undefined) this.joined.reject(room.refusal);
  }

  /** It reads what the others do, or has joined them. */
  goesOn(): void {
    this.#room.refusal = undefined;
    this.#refused = undefined;
    this.#refusals = 0;
  }

  /**
   * Takes its former place in the log: another commit came before the one by which it was joining.
   * @returns whether it is where it has a state
   */
  async #isBack(): Promise<boolean> {
    const room = this.#room;
    if (room.record.state !== "joining") return room.group?.active === true;
    return room.turn(async () => {
      const { back, pending } = room.record;
      if (back === undefined || pending !== undefined) return false;
      const known = room.known(false);
      // After a restart, the one that joined was the one that was open.
      room.group ??= known && (await room.host.client.group(known));
      if (room.group?.active !== true) return false;
      await room.write({ ...room.record, ...back, back: undefined });
      room.tellState();
      return true;
    });
  }

  /** Whoever waits isn't to wait for ever where the group goes on without this client, as far as it can tell. */
  async #isOut(): Promise<void> {
    const room = this.#room;
    if (this.#refused === undefined || this.#refusals < TRIES) return;
    const what = "this client can't read what came, and isn't a member in the newest GroupInfo";
    room.refusal = new MessengerError("refused", `${what}: it may have been removed`);
    await this.#refuse(room.refusal);
    room.host.settles();
  }

  /** Who is new isn't to wait for ever for a GroupInfo that is one. */
  #isNone(error: unknown): void {
    if (!this.isNew || !(error instanceof MlsError) || error.retry !== "never") return;
    this.#refusals++;
    if (this.#refusals < TRIES) return;
    const message = `the newest GroupInfo isn't one to join by: ${error.message}`;
    this.joined.reject(new MessengerError("refused", message, error));
  }

  /** The commit that joins is in force. */
  done(): void {
    const room = this.#room;
    this.joined.resolve();
    if (!this.isNew) {
      const why = this.#reason === undefined ? "" : `: ${this.#reason}`;
      room.problem("rejoined", `this client has joined the group again${why}`);
    }
    this.#reason = undefined;
    this.isNew = false;
    const { group } = room;
    const name = group && nameIn(group.extensions);
    if (name !== room.record.name) room.record = { ...room.record, name };
  }

  async #tryOnce(): Promise<boolean> {
    const room = this.#room;
    const { signal } = room;
    const isStaged = room.record.pending?.kind === "join" && room.joining !== undefined;
    if ((!isStaged || room.lost !== undefined) && !(await this.#stage())) return false;
    const { pending } = room.record;
    const { joining } = room;
    if (pending === undefined || joining === undefined) return false;
    const handshake = await this.#handshake(joining, pending);
    const answer = await room.host.service.submit(handshake, { signal });
    room.host.reached(true);
    if (answer.kind === "accepted") room.answered = pending;
    // What came first may be this commit: it was taken before, under its ID.
    const isIn = answer.kind === "accepted" || (answer.kind === "stale" && answer.first.id === pending.id);
    if (isIn) return true;
    await this.#drop(true);
    if (answer.kind === "refused") throw new DeliveryError("forbidden", answer.reason);
    // Somebody else was faster. Whoever waits longer because of that loses more often. A service alone can't make later epochs up.
    const { epoch } = handshake;
    if (this.#lostIn === undefined || epoch > this.#lostIn) this.#backoff.reset();
    this.#lostIn = epoch;
    return false;
  }

  /** @returns what the record has of a GroupInfo by which this client may join. One that it refuses is told once */
  async #leading({
    groupInfo,
  }: PublishedGroupInfo): Promise<Pick<ConversationRecord, "leaders"> | undefined> {
    const room = this.#room;
    // Who is new knows nobody.
    if (this.isNew) return {};
    const judged = await room.host.judge(groupInfo);
    const refusal = judged === undefined ? { reason: "it is invalid" } : await room.refuses(judged);
    const isTold = this.#refused !== undefined && equalBytes(this.#refused, groupInfo);
    const isOut = judged !== undefined && !judged.members.some((one) => room.isOwn(one));
    this.#refusals = refusal !== undefined && isOut ? this.#refusals + 1 : 0;
    this.#refused = refusal && groupInfo;
    if (refusal !== undefined && !isTold) room.refusedToFollow(refusal);
    return judged === undefined || refusal !== undefined
      ? undefined
      : { leaders: await this.#leaders(judged) };
  }

  /** Those who have led this client to where it was, and who signed a GroupInfo, if this client knew that one and others. */
  async #leaders({ signer, members }: JudgedGroupInfo): Promise<readonly string[] | undefined> {
    const room = this.#room;
    const { state, back } = room.record;
    const { leaders } = (state === "joining" && back) || room.record;
    const isOther = (one: Member) => !room.isOwn(one) && !equalBytes(one.signatureKey, signer.signatureKey);
    const isOneOfMany =
      (await room.trust.isOneOfMany(signer, room.host.client)) ??
      (room.group?.members ?? members).some(isOther);
    return isOneOfMany ? withName(leaders ?? [], signer.signatureKey) : leaders;
  }

  /** @returns whether there is a GroupInfo to follow */
  async #stage(): Promise<boolean> {
    const room = this.#room;
    const { host, groupId, signal } = room;
    const published = await host.service.groupInfo(groupId, { signal });
    if (published === undefined) throw new DeliveryError("not-found", "the service doesn't know the group");
    return room.turn(async () => {
      const leading = await this.#leading(published);
      if (leading === undefined) return false;
      await this.#dropNow();
      // What can't be read stands in the way.
      if (room.group === undefined) await room.deleteKnown(false);
      const { handshake: after, groupInfo } = published;
      const { state, back } = room.record;
      const pending: Pending = { id: host.newId(), kind: "join", after, wishes: [] };
      const record = {
        ...room.record,
        state: "joining" as const,
        // Where nobody orders, what follows may stand before it.
        cursor: host.settling === undefined ? after : "",
        last: after,
        taken: true,
        pending,
        leaders: leading.leaders,
        back: state === "joining" ? back : placeOf(room.record),
      };
      const options: ExternalJoinOptions = {
        resync: this.isNew ? "if-member" : true,
        replace: true,
        signal,
        alongside: ({ group }) => {
          if (!equalBytes(group.groupId, groupId))
            throw new MessengerError("refused", "the service gave the GroupInfo of another group");
          return [recordChange(room.id, record)];
        },
      };
      const { group } = await joinByExternalCommit(host.client, groupInfo, options);
      this.#reason = room.lost ?? this.#reason;
      room.record = record;
      room.joining = group;
      room.lost = undefined;
      room.tellState();
      return true;
    });
  }

  async #handshake(joining: Group, { id, after }: Pending): Promise<Handshake> {
    const room = this.#room;
    const [staged] = joining.staged;
    if (staged === undefined) throw new MlsError("state", "expected the commit that joins to be staged");
    const parts = await partsOf(staged, (epoch) => epochKey(room.host.provider, epoch, staged));
    return { ...parts, id, groupId: room.groupId, epoch: staged.epoch - 1n, after };
  }

  /** Forgets the commit that joins. @param isLate whether it surely isn't in the log */
  async #drop(isLate = false): Promise<void> {
    await this.#room.turn(() => this.#dropNow(isLate)).catch((error) => this.#room.recover(error));
  }

  async #dropNow(isLate = false): Promise<void> {
    const room = this.#room;
    const { joining } = room;
    if (joining === undefined) return;
    // Where it is in the log, it has taken this client's former place.
    const back = isLate ? room.record.back : undefined;
    const record = { ...room.record, pending: undefined, back };
    const [staged] = joining.staged;
    await staged?.discard({ alongside: () => [recordChange(room.id, record)] });
    room.record = record;
    room.joining = undefined;
    await room.deleteKnown(true);
  }

  /** The others have removed this client meanwhile. */
  async #isNoMember(): Promise<void> {
    const room = this.#room;
    await room.turn(() => room.write({ ...room.record, state: "removed", pending: undefined }));
    room.lost = undefined;
    room.tellState();
    room.problem("rejoined", "this client isn't a member any more: it was removed meanwhile");
    room.ended();
  }
}
