// RFC 9420 §12.4.3: the groups that a client is in: at most one with each ID.
import { equalBytes, toHex } from "../bytes.js";
import { MlsError } from "../errors.js";
import {
  type ClientConfig,
  type Epoch,
  firstState,
  type GroupState,
  ownLeaf,
  privateKeysIn,
  type ResumedGroup,
} from "../group/index.js";
import type { Predecessors } from "../group/join/index.js";
import type { LoadedState } from "../group/storage/index.js";
import type { OwnKeyPackage } from "../key-package/index.js";
import type { HpkePrivateKey, Signer } from "../provider/index.js";
import { Group } from "./group.js";
import type { GroupSafety, Sight } from "./group-safety.js";
import type { Origin } from "./origin.js";

/** Keeps groups in a storage. */
export interface Keeper {
  /** Whether it has an active group with this ID that isn't open. */
  has(groupId: Uint8Array): boolean;
  /** Whether it has a group with this ID, besides those that this client joins and that are open, and one that is just loaded. */
  lists(groupId: Uint8Array): boolean;
  /** The ID of a group that ended by a ReInit to this group ID, open or not. */
  endedFor(groupId: Uint8Array): Uint8Array | undefined;
  /** How an operation of a group makes safe what it changes. */
  safety(group: Group, sight: Sight): GroupSafety;
  /** Notes a signer that an operation was given. */
  signed(signer: Signer): void;
  /** Notes a group that was created, joined or restored. @param by as of {@link Origin} */
  added(group: Group, by: OwnKeyPackage | undefined): void;
}

/** Whether a group has removed this client, and has kept epochs by which it may come back. */
const isReturnable = ({ predecessor: { status, kept } }: Group) => status === "removed" && kept !== undefined;

/** The groups of a client, from when they are created, joined or restored until they are closed or left. */
export class OpenGroups {
  readonly #config: ClientConfig;
  /** By the hexadecimal group ID. */
  readonly #groups = new Map<string, Group>();
  /** Those that this client joins by an external commit which isn't merged. */
  readonly #joining = new Set<Group>();
  /** Those that have removed this client, and that it may enter again by another branch, as `policy.rewind` has it. */
  readonly #left = new Set<Group>();

  readonly #isKept: (key: HpkePrivateKey) => boolean;

  readonly #keeper: Keeper | undefined;

  /** @param isKept whether a private key is that of a key package */
  constructor(config: ClientConfig, isKept: (key: HpkePrivateKey) => boolean, keeper?: Keeper) {
    this.#config = config;
    this.#isKept = isKept;
    this.#keeper = keeper;
  }

  /** Whether a storage has the groups. */
  get isStored(): boolean {
    return this.#keeper !== undefined;
  }

  /** Whether this client is active in a group. */
  has(groupId: Uint8Array): boolean {
    return this.get(groupId)?.active === true || this.#keeper?.has(groupId) === true;
  }

  /** Whether an open group has a private key. */
  need(key: HpkePrivateKey): boolean {
    const all = [...this.#groups.values(), ...this.#returnable()];
    return all.some(({ predecessor }) => privateKeysIn(predecessor).includes(key));
  }

  #returnable(): Iterable<Group> {
    for (const group of this.#left) if (!isReturnable(group)) this.#left.delete(group);
    return this.#left;
  }

  get(groupId: Uint8Array): Group | undefined {
    return this.#groups.get(toHex(groupId));
  }

  /** The groups that a new one may resume: `previous`, or one of these. */
  predecessors(previous: Group | undefined): Predecessors {
    const states = () => [previous, ...this.#groups.values()].flatMap((group) => group?.predecessor ?? []);
    const idOf = ({ current }: GroupState) => current.groupContext.groupId;
    return {
      find: (groupId) => states().find((state) => equalBytes(idOf(state), groupId)),
      expected: previous?.groupId,
      endedFor: (groupId) => {
        const ended = states().find(
          ({ reinit }) => reinit !== undefined && equalBytes(reinit.groupId, groupId),
        );
        return ended ? idOf(ended) : this.#keeper?.endedFor(groupId);
      },
    };
  }

  /** §12.4.3: a group's ID is unique among those of a client. @throws MlsError `group-exists` if such a group is open */
  checkNew(groupId: Uint8Array): void {
    if (this.has(groupId)) {
      throw new MlsError(
        "group-exists",
        "this client has a group with this ID: close or delete it first, or pass `replace: true`",
        { groupId: groupId.slice() },
      );
    }
  }

  /**
   * The group in its first epoch here. It is known to be valid: only now may it take the place of an open group.
   * @param replace whether an open group with the same ID is closed
   * @throws MlsError `group-exists` if there is one, and it isn't to be replaced
   */
  enter(epoch: Epoch, origin: Origin, replace = false, resumes?: ResumedGroup): Group {
    return this.#add(firstState(epoch, resumes), origin, replace);
  }

  /**
   * The group that this client joins by an external commit. It takes its place among the open groups when the commit is
   * merged: until then an open group with the same ID goes on.
   * @throws as {@link enter}
   */
  join(state: GroupState, replace = false): Group {
    if (!replace) this.checkNew(state.current.groupContext.groupId);
    return this.#add(state, {}, replace);
  }

  /** A restored group. @throws MlsError `group-exists` if it is open already, or in the storage; `missing-signer` */
  restore({ state, retired, shared }: LoadedState): Group {
    // An earlier membership of the same group has another leaf, and other keys.
    const { signature } = ownLeaf(state.current);
    const isSame = ({ predecessor }: Group) => equalBytes(ownLeaf(predecessor.current).signature, signature);
    const { groupId } = state.current.groupContext;
    // A storage knows itself which membership is open.
    const isLeft =
      !this.isStored && [...this.#returnable()].some((group) => equalBytes(group.groupId, groupId));
    const isOpen = [...this.#joining].some(isSame) || isLeft || this.get(groupId) !== undefined;
    // It would take the place of a stored state with the same keys, and could go back to before it.
    if (isOpen || this.#keeper?.lists(groupId) === true) {
      throw new MlsError(
        "group-exists",
        "this client has the group already: an earlier state would use its keys again",
        { groupId: groupId.slice() },
      );
    }
    return this.#add(state, { isSaved: true, recorded: privateKeysIn(state), retired, shared });
  }

  /** @param replace whether a group that joins closes an open one with the same ID */
  #add(state: GroupState, origin: Origin, replace = false): Group {
    const { groupId } = state.current.groupContext;
    const id = toHex(groupId);
    const keeper = this.#keeper;
    const enter = () => {
      const former = this.get(groupId);
      if (!replace) this.checkNew(groupId);
      else if (former !== undefined) group.replace(former);
      if (former !== undefined && isReturnable(former)) this.#left.add(former);
      this.#left.delete(group);
      this.#joining.delete(group);
      this.#groups.set(id, group);
    };
    const group: Group = new Group(this.#config, state, origin, {
      onJoin: enter,
      onLeave: () => {
        this.#joining.delete(group);
        if (this.#groups.get(id) === group) this.#groups.delete(id);
        if (isReturnable(group)) this.#left.add(group);
      },
      needsKey: (key) => this.#isKept(key) || this.need(key),
      safety: keeper && ((sight) => keeper.safety(group, sight)),
    });
    if (state.status === "joining") this.#joining.add(group);
    else enter();
    keeper?.added(group, origin.by);
    return group;
  }
}
