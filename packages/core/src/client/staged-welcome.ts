// RFC 9420 §12.4.3.1: a Welcome that was read, and the group that it leads to, before it is decided whether to join.
import { type Bytes, copied, type Owned } from "../bytes.js";
import { MlsError } from "../errors.js";
import { type Epoch, type GroupConfig, type Member, memberOf, type ResumedGroup } from "../group/index.js";
import { type OpenedWelcome, resumedGroup } from "../group/join/index.js";
import type { perform } from "../operation/index.js";
import { checkOptions } from "../option-shapes.js";
import type { LeafNode } from "../wire/index.js";
import type { Group } from "./group.js";
import { EpochView } from "./group-base.js";
import { JOIN_STAGED, type JoinStagedOptions } from "./options.js";

/** The own key package that a Welcome is for. */
export interface InvitedKeyPackage {
  /** KeyPackageRef, §5.2: `Nh` bytes */
  readonly reference: Bytes;
  /** Whether it may be used more than once, as one of last resort. If not, joining uses it up. */
  readonly lastResort: boolean;
}

/** What its client does when a staged Welcome ends. */
interface Steps {
  /** @throws MlsError if the group can't be entered now, and nothing has changed */
  enter(replace: boolean | undefined): Group;
  /** Runs the operation that joins. */
  readonly perform: typeof perform;
  /** Overwrites the secrets, and ends the keys that only they need. */
  drop(): void;
}

/**
 * A Welcome that {@link Client.readWelcome} has read: the group as it is, to look at before {@link join} enters it or
 * {@link discard} forgets it. Until then the key package isn't used, and nothing of the client has changed.
 *
 * All that it shows is verified as {@link Client.join} verifies it: signatures, the tree, the confirmation tag, and each
 * member by the authentication service. What can't be verified: whether the delivery service accepted the commit that
 * the Welcome belongs to, and whether the group has moved on since.
 *
 * It holds secrets of the group, and isn't saved: after a restart, read the Welcome again.
 * @example
 * const staged = await bob.readWelcome(welcome);
 * if (await ask(staged.committer, staged.members)) await staged.join();
 * else await staged.discard();
 */
export class StagedWelcome extends EpochView {
  readonly #config: GroupConfig;
  readonly #opened: OpenedWelcome;
  readonly #keyPackage: InvitedKeyPackage;
  readonly #steps: Steps;
  #ended: "joined" | "discarded" | undefined;

  /** @internal */
  constructor(config: GroupConfig, opened: OpenedWelcome, keyPackage: InvitedKeyPackage, steps: Steps) {
    super();
    this.#config = config;
    this.#opened = opened;
    this.#keyPackage = keyPackage;
    this.#steps = steps;
  }

  protected override get config(): GroupConfig {
    return this.#config;
  }

  protected override get current(): Epoch {
    return this.#opened.epoch;
  }

  /** The index of the leaf that this client gets. */
  get ownLeafIndex(): number {
    return this.current.keys.leafIndex;
  }

  /** The member who added this client. */
  get committer(): Member {
    const { signer, epoch } = this.#opened;
    // The signature of the GroupInfo was verified with the key of this leaf.
    return memberOf(signer, epoch.tree.leaf(signer) as LeafNode);
  }

  /** The key package that the Welcome is for. */
  get keyPackage(): InvitedKeyPackage {
    const { reference, lastResort } = this.#keyPackage;
    return { reference: new Uint8Array(reference), lastResort };
  }

  /** The group that this one resumes (§11.2, §11.3), which was checked; `undefined` for other groups. */
  get resumes(): Owned<ResumedGroup> | undefined {
    const { resumption } = this.#opened;
    return resumption && copied(resumedGroup(resumption));
  }

  /**
   * §8.7: `Nh` bytes, which the members can compare. Don't tell non-members.
   * @throws MlsError `usage` after {@link discard}, which has overwritten it, and after {@link join}: ask the group
   */
  get epochAuthenticator(): Bytes {
    this.#needStaged();
    return this.current.secrets.epochAuthenticator.slice();
  }

  /**
   * Joins the group, and uses the key package up, unless it is one of last resort. If it fails, the Welcome stays staged;
   * if the storage or `alongside` fails, read it again.
   * @throws MlsError `not-invited` if the key package was used or deleted meanwhile; `duplicate` if one of last resort was
   *   used for this epoch of the group, or a later one; `usage` if it was joined or discarded; `missing-signer`;
   *   `group-exists`; ValidationError if the group that it resumes has changed
   * @example
   * const group = await staged.join();
   */
  async join(options: JoinStagedOptions = {}): Promise<Group> {
    checkOptions(options, JOIN_STAGED);
    const finish = () => {
      // Once more: it may have been joined or discarded since.
      this.#needStaged();
      const group = this.#steps.enter(options.replace);
      this.#ended = "joined";
      return group;
    };
    return this.#steps.perform({ work: () => this.#needStaged(), finish }, options);
  }

  /**
   * Doesn't join: overwrites the secrets. The key package is as it was, so the Welcome can be read again.
   * @throws MlsError `usage` if it was joined or discarded
   * @example
   * await staged.discard();
   */
  async discard(): Promise<void> {
    this.#needStaged();
    this.#ended = "discarded";
    this.#steps.drop();
  }

  #needStaged(): void {
    if (this.#ended === undefined) return;
    throw new MlsError("usage", `expected a staged Welcome, got one that was ${this.#ended} already`);
  }
}
