// Groups whose members send handshakes as PublicMessages: the service follows them, and refuses what no member would take.
import { equalBytes, MlsError } from "@copse/core";
import type { CryptoProvider } from "@copse/core/provider";
import { PublicGroup } from "@copse/core/public-group";
import { readFraming } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import type { WireHandshake, WireSubmitted } from "../../wire/structures.js";
import type { DeliveryCounters } from "../counters.js";
import type { PublicHandshakes } from "../options.js";
import { type GroupRows, seqOf } from "./group-rows.js";
import type { Logs } from "./logs.js";

/** The most groups whose states are in memory. Others are read from their GroupInfo when they are needed. */
const IN_MEMORY = 1000;

/** Where groups are kept. */
interface Kept {
  readonly rows: GroupRows;
  readonly logs: Logs;
}

interface Followed {
  readonly group: PublicGroup;
  /** The handshake that started the epoch. */
  readonly handshake: number;
}

const nameOf = (groupId: Uint8Array) => Buffer.from(groupId).toString("base64");

export class Followers {
  readonly #options: PublicHandshakes;
  readonly #crypto: CryptoProvider;
  readonly #counters: DeliveryCounters;
  /** The longest unused first. */
  readonly #followed = new Map<string, Followed>();
  /** What is done with each group, one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #kept: Kept | undefined;

  constructor(options: PublicHandshakes, crypto: CryptoProvider, counters: DeliveryCounters) {
    this.#options = options;
    this.#crypto = crypto;
    this.#counters = counters;
  }

  /** Where the states of groups are. */
  use(kept: Kept): void {
    this.#kept = kept;
  }

  isPublic(groupId: Uint8Array): boolean {
    return this.#options.isPublic?.(groupId) ?? true;
  }

  async #inTurn<T>(groupId: Uint8Array, work: () => Promise<T>): Promise<T> {
    const name = nameOf(groupId);
    const before = this.#turns.get(name) ?? Promise.resolve();
    const result = before.then(work, work);
    const end = result.catch(() => undefined);
    this.#turns.set(name, end);
    try {
      return await result;
    } finally {
      if (this.#turns.get(name) === end) this.#turns.delete(name);
    }
  }

  /**
   * Checks a commit and its GroupInfo, and submits it if members would take it.
   * @param early the answer that needs no look at the commit, if there is one
   */
  submit(
    handshake: WireHandshake,
    early: () => WireSubmitted | undefined,
    accept: () => Promise<WireSubmitted>,
  ): Promise<WireSubmitted> {
    return this.#inTurn(handshake.groupId, async () => {
      const answer = early();
      if (answer !== undefined) return answer;
      const next = await this.#next(handshake);
      if ("reason" in next) {
        this.#counters.refused += 1;
        return { kind: "refused", reason: next.reason.slice(0, 1000) };
      }
      const submitted = await accept();
      if (submitted.kind === "accepted")
        this.#remember(handshake.groupId, {
          group: next.group,
          handshake: seqOf(submitted.cursor, Number.MAX_SAFE_INTEGER, 0),
        });
      return submitted;
    });
  }

  /** The state after a commit, or why members would refuse it. */
  async #next(handshake: WireHandshake): Promise<{ group: PublicGroup } | { reason: string }> {
    try {
      // Before the tree is verified, which takes time for each of its members.
      const info = readFraming(handshake.groupInfo);
      const fits =
        info?.kind === "group-info" &&
        equalBytes(info.groupId, handshake.groupId) &&
        info.epoch === handshake.epoch + 1n;
      if (!fits) return { reason: "the GroupInfo isn't one of the epoch that the commit starts" };
      const group = await this.#follow(handshake.groupInfo);
      const followed = await this.#current(handshake.groupId);
      // Of a group that is new to the service, the epoch before isn't known: it begins with this one.
      if (followed === undefined) return { group };
      const staged = await followed.group.stage(handshake.message);
      const isSame =
        staged.epoch === group.epoch &&
        equalBytes(staged.treeHash, group.treeHash) &&
        equalBytes(staged.confirmedTranscriptHash, group.confirmedTranscriptHash);
      return isSame ? { group } : { reason: "the GroupInfo isn't that of the epoch which the commit starts" };
    } catch (error) {
      return { reason: reasonOf(error) };
    }
  }

  #follow(groupInfo: Uint8Array): Promise<PublicGroup> {
    const { authentication, policy, extensions } = this.#options;
    return PublicGroup.follow({
      crypto: this.#crypto,
      authentication,
      groupInfo,
      ...(policy && { policy }),
      ...(extensions && { extensions }),
    });
  }

  /** The state of a group in its present epoch; `undefined` for one that the service doesn't know. */
  async #current(groupId: Uint8Array): Promise<Followed | undefined> {
    const { rows, logs } = this.#kept as Kept;
    const row = rows.find(groupId);
    if (row === undefined) return undefined;
    const known = this.#followed.get(nameOf(groupId));
    if (known?.handshake === row.lastHandshake) return known;
    const group = await this.#follow(rows.groupInfo(row.id).groupInfo);
    // Proposals that have come in this epoch.
    let at = row.lastHandshake;
    for (;;) {
      const entries = logs.after(row.id, at, row.last);
      const last = entries.at(-1);
      if (last === undefined) break;
      at = seqOf(last.cursor, row.last, 0);
      for (const { message } of entries) await receiveProposal(group, message);
    }
    const followed = { group, handshake: row.lastHandshake };
    this.#remember(groupId, followed);
    return followed;
  }

  #remember(groupId: Uint8Array, followed: Followed): void {
    const name = nameOf(groupId);
    this.#followed.delete(name);
    this.#followed.set(name, followed);
    const [oldest] = this.#followed.keys();
    if (this.#followed.size > IN_MEMORY && oldest !== undefined) this.#followed.delete(oldest);
  }

  /** A message is in the log: if it is a proposal, commits may refer to it. */
  async sent(groupId: Uint8Array, message: Uint8Array): Promise<void> {
    if (!isProposal(message)) return;
    await this.#inTurn(groupId, async () => {
      const known = this.#followed.get(nameOf(groupId));
      if (known !== undefined) await receiveProposal(known.group, message);
    });
  }

  /** Whether a GroupInfo is one of the group's present epoch. */
  async isCurrent(groupId: Uint8Array, groupInfo: Uint8Array): Promise<boolean> {
    return this.#inTurn(groupId, async () => {
      const followed = await this.#current(groupId);
      try {
        const group = await this.#follow(groupInfo);
        return (
          followed !== undefined &&
          equalBytes(group.groupId, followed.group.groupId) &&
          group.epoch === followed.group.epoch &&
          equalBytes(group.treeHash, followed.group.treeHash) &&
          equalBytes(group.confirmedTranscriptHash, followed.group.confirmedTranscriptHash)
        );
      } catch (error) {
        reasonOf(error);
        return false;
      }
    });
  }
}

/** Why members would refuse something. @throws DeliveryError `unavailable` if that isn't decided */
function reasonOf(error: unknown): string {
  if (!(error instanceof MlsError)) throw error;
  if (error.retry === "now") throw new DeliveryError("unavailable", "the service couldn't check the commit");
  return `${error.code}: ${error.message}`;
}

function isProposal(message: Uint8Array): boolean {
  const read = readFraming(message);
  return read?.kind === "public-message" && read.contentType === "proposal";
}

/** Members refuse a wrong proposal as well: then no commit can refer to it. */
async function receiveProposal(group: PublicGroup, message: Uint8Array): Promise<void> {
  if (isProposal(message)) await group.receive(message).catch(() => undefined);
}
