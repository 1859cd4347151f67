// RFC 9420 §9.2, §12: how operations of a group make safe what they changed, and go on where another opener was first.
import { equalBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import {
  type ClientConfig,
  type GroupState,
  isJoinDiscarded,
  sameCredential,
  wipeState,
} from "../../group/index.js";
import type { LoadedState } from "../../group/storage/index.js";
import { answer, type EntryChange } from "../../operation/index.js";
import type { Group } from "../group.js";
import type { GroupSafety, Sight } from "../group-safety.js";
import type { Membership } from "../membership.js";
import { askedChanges } from "./app-entries.js";
import type { ClientStorage } from "./client-storage.js";
import { prefixOf, readList, readValue, type StoredStatus, successorOf } from "./entries.js";
import { isStale, notOpen, stale } from "./failures.js";
import type { Journal } from "./journal.js";
import { type KeptSigners, signersIn } from "./kept-signers.js";
import { inTurn } from "./writing.js";

/** How often the state of a group was replaced by one that looks different: at all, and by having other members. */
interface Views {
  readonly group: number;
  readonly members: number;
}

/** A group of the client. */
export interface StoredGroup {
  /** Its name in the storage. */
  readonly name: string;
  readonly groupId: Uint8Array;
  /** The same, hexadecimal. */
  readonly id: string;
  /** As the storage has it; `undefined` if it isn't there yet. */
  status: StoredStatus | undefined;
  /** As the storage has it: the ID in the ReInit that ended the group. */
  successor: Uint8Array | undefined;
  /** As the storage has it: the names of the signers that it needs. */
  signers: readonly string[];
  journal: Journal;
  /** Its object, from when it is asked for until it is closed. */
  group: Group | undefined;
  views: Views;
  /** The views that the application has been told of: by `stale-state`, or by the client's `refresh` or `watch`. */
  told: Views;
  /** The operation whose changes count: those before have ended, or were given up. */
  attempt: object | undefined;
  /** Whether another opener has used or deleted the key package by which it was joined here. */
  isUsedElsewhere: (() => boolean) | undefined;
  /** Whether the object has what the storage may not have. */
  isUnsafe: boolean;
}

export const isOpen = ({ group }: StoredGroup): boolean =>
  group !== undefined && group.own.state.status !== "closed";

/** Whether it is open, or will be when the storage is read again. */
export const isHere = (one: StoredGroup): boolean => isOpen(one) || one.group?.own.isLapsed === true;

/** Closes a group that the storage doesn't have any more. One whose join is discarded ends with that call. */
export function closeGone({ group }: StoredGroup): void {
  if (group !== undefined && !isJoinDiscarded(group.own.state)) group.own.close(stale());
}

export const NO_VIEWS: Views = { group: 0, members: 0 };

/** What the client does for its groups. */
export interface Home {
  readonly storage: ClientStorage;
  readonly config: ClientConfig;
  newJournal(name: string): Journal;
  /**
   * Writes what an operation changed.
   * @param entries what the application writes with it
   * @param isGivenUp whether nothing is to be written any more
   * @returns whether there was anything to write, so that the version was compared
   */
  write(
    one: StoredGroup,
    own: Membership,
    entries: readonly EntryChange[],
    isGivenUp: () => boolean,
  ): Promise<boolean>;
  /** Looks in the storage for signers that a group needs. @throws MlsError `missing-signer` without them */
  signersFor(state: GroupState): Promise<void>;
  /** Looks whether another opener has changed the list of groups, and takes it over. @returns whether there was anything */
  look(): Promise<boolean>;
  /** Takes a group over that was loaded: it doesn't stand in its own way. */
  entering<T>(one: StoredGroup, enter: () => T): T;
  /** Why the storage doesn't have the group any more: `stale-state` if another opener has deleted it. */
  missing(one: StoredGroup): Promise<MlsError>;
}

/** What has the groups. */
export interface GroupHome extends Home {
  readonly signers: KeptSigners;
  newEntry(name: string, groupId: Uint8Array): StoredGroup;
}

/** How often an operation is done again, or a write made again, because other openers were faster. */
export const MAX_TRIES = 1000;

export function safetyOf(home: Home, one: StoredGroup, own: Membership, sight: Sight): GroupSafety {
  const seen = one.told;
  const { storage } = home;
  const attempt = {};
  const isGivenUp = () => one.attempt !== attempt;
  let tries = 0;
  let entries: readonly EntryChange[] = [];
  let refusesSome = false;
  const check = () => {
    const { group, members } = one.views;
    if (sight === "group" ? group !== seen.group : sight === "members" && members !== seen.members)
      throw stale();
  };
  /** After work that failed: whether that may be because the storage has another state, so that it is to be done again. */
  const isBehind = async (error: unknown) => {
    if (own.state.status === "closed" || ++tries > MAX_TRIES) return false;
    if ((await wasAt(home, one.journal, error)) || isGivenUp()) return false;
    own.lapse(own.state);
    return true;
  };
  return {
    turn: storage.turn && ((whole) => inTurn(storage, prefixOf(one.name), whole)),
    upToDate: async (work) => {
      for (;;) {
        one.attempt = attempt;
        if (own.isLapsed) await reload(home, one, own, attempt);
        check();
        try {
          return await work();
        } catch (error) {
          if (!(await isBehind(error))) throw error;
        }
      }
    },
    refused: (error) => {
      if (isStale(error)) one.told = one.views;
    },
    answers: (hasRefused) => {
      refusesSome = hasRefused;
    },
    beside: (ask) => {
      try {
        entries = askedChanges(ask);
      } catch (error) {
        // The storage has the state before.
        own.lapse();
        throw error;
      }
    },
    store: async () => {
      one.isUnsafe = true;
      try {
        const isCompared = await home.write(one, own, entries, isGivenUp);
        if (refusesSome && !isCompared && !(await isAt(home, one.journal))) throw stale();
        if (!isGivenUp()) one.isUnsafe = false;
        return undefined;
      } catch (error) {
        if (isGivenUp() || !isStale(error) || ++tries > MAX_TRIES) throw error;
        lapse(one, own, error);
        await reload(home, one, own, attempt);
        check();
        return "again";
      }
    },
    unsafe: (error) => {
      one.attempt = undefined;
      if (one.isUnsafe) lapse(one, own, error);
    },
  };
}

/** Whether a group is in the storage as its journal knows it. */
export async function isAt({ storage }: Home, journal: Journal): Promise<boolean> {
  return journal.isAt(await readValue(storage, journal.versionKey));
}

/** {@link isAt} of work that failed. @throws MlsError `try-again` if the storage doesn't say: then the error is no verdict */
async function wasAt(home: Home, journal: Journal, cause: unknown): Promise<boolean> {
  try {
    return await isAt(home, journal);
  } catch {
    const message =
      "the operation failed, and the storage didn't say whether that is because its state is another one";
    throw new MlsError("try-again", message, { cause });
  }
}

/**
 * Loads a group. Another opener that moves it on meanwhile ends what is needed for the state that was read, such as keys in a
 * key store: then it is read again.
 * @returns its state, which has all signers that it needs, and the journal that goes on from it
 * @throws MlsError `stale-state` if another opener has deleted it, `state`, `missing-signer`, `try-again`
 */
export async function loadGroup(
  home: Home,
  one: StoredGroup,
  config: ClientConfig,
): Promise<{ readonly loaded: LoadedState; readonly journal: Journal }> {
  for (let tries = 1; ; tries++) {
    const journal = home.newJournal(one.name);
    const entries = await readList(home.storage, prefixOf(one.name));
    let loaded: LoadedState | undefined;
    try {
      loaded = await journal.load(config, entries);
      if (loaded === undefined) throw await home.missing(one);
      await home.signersFor(loaded.state);
      return { loaded, journal };
    } catch (error) {
      if (loaded !== undefined) wipeState(loaded.state);
      if (tries === MAX_TRIES || (await wasAt(home, journal, error))) throw error;
    }
  }
}

/** Drops what the storage may not have. */
export function lapse(one: StoredGroup, own: Membership, error: unknown): void {
  one.isUnsafe = false;
  if (isStale(error)) own.keys.isRecording = false;
  own.lapse();
}

/**
 * Has an open group take over what the storage has.
 * @param attempt whether it is still wanted
 * @throws MlsError `stale-state` if it is gone; `closed` if that was given up meanwhile; otherwise as loading
 */
async function reload(home: Home, one: StoredGroup, own: Membership, attempt: object): Promise<void> {
  const isWanted = () => one.attempt === attempt && own.isLapsed;
  const { loaded, journal } = await loadGroup(home, one, home.config).catch((error: unknown) => {
    if (isStale(error) && isWanted()) own.close(error);
    throw error;
  });
  if (!isWanted()) {
    wipeState(loaded.state);
    throw notOpen();
  }
  try {
    home.entering(one, () => takeOver(one, own, journal, loaded));
  } catch (error) {
    // It was joined elsewhere, and took the place of a group that this client still has.
    if (!isTaken(error) || !(await home.look())) throw error;
    await reload(home, one, own, attempt);
  }
}

const isTaken = (error: unknown) => error instanceof MlsError && error.code === "group-exists";

/** Looks whether another opener has moved a group on, and takes that over. @returns whether there was anything */
export async function refreshGroup(home: Home, one: StoredGroup): Promise<boolean> {
  const own = one.group?.own;
  if (own === undefined || !isHere(one)) return false;
  const work = async () => {
    const attempt = {};
    one.attempt = attempt;
    if (!own.isLapsed && (await isAt(home, one.journal))) return false;
    if (one.attempt !== attempt) throw notOpen();
    own.lapse(own.state);
    await reload(home, one, own, attempt);
    return true;
  };
  try {
    // In its turn, so that no write of its own comes between.
    return await own.lock.run({ work, finish: answer }, {});
  } catch (error) {
    if (isStale(error)) return true;
    // Closed by the application meanwhile, it is nothing to look at.
    if (!isHere(one)) return false;
    throw error;
  }
}

function takeOver(one: StoredGroup, own: Membership, journal: Journal, loaded: LoadedState): void {
  const before = own.shown;
  const { state } = loaded;
  let { views } = one;
  try {
    // Looked at first: a tree that can't be read isn't taken over.
    if (!looksSame(before, state))
      views = { group: views.group + 1, members: views.members + (hasMore(before, state) ? 1 : 0) };
    own.reload(loaded);
  } catch (error) {
    wipeState(state);
    throw error;
  }
  one.journal = journal;
  one.status = state.status as StoredStatus;
  one.successor = successorOf(state);
  one.signers = signersIn(state);
  one.views = views;
}

/** Whether only keys of messages differ. */
function looksSame(a: GroupState, b: GroupState): boolean {
  const lists = (all: readonly (readonly Uint8Array[])[]) => all;
  const same = (left: readonly Uint8Array[], right: readonly Uint8Array[]) =>
    left.length === right.length && left.every((one, i) => equalBytes(one, right[i] as Uint8Array));
  const [mine, others] = [a, b].map(({ current, proposals, candidates }) =>
    lists([
      [current.groupContext.treeHash, current.groupContext.confirmedTranscriptHash],
      proposals.filter(({ dropped }) => !dropped).map(({ reference }) => reference),
      candidates.filter(({ discarded }) => !discarded).map(({ commit }) => commit),
    ]),
  ) as [readonly (readonly Uint8Array[])[], readonly (readonly Uint8Array[])[]];
  return (
    a.status === b.status &&
    a.current.groupContext.epoch === b.current.groupContext.epoch &&
    mine.every((list, i) => same(list, others[i] as readonly Uint8Array[]))
  );
}

/** Whether a group has members that it didn't have before. */
function hasMore(before: GroupState, after: GroupState): boolean {
  const { tree } = before.current;
  for (const { leafIndex, leafNode } of after.current.tree.members()) {
    const former = tree.leaf(leafIndex);
    if (former === undefined || !sameCredential(former, leafNode)) return true;
  }
  return false;
}
