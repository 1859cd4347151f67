// RFC 9420 §9: the secret tree, from which message keys are derived and in which they are deleted after use.
import { type CopySecret, copySecret, EMPTY, moveSecrets, wipe } from "../bytes.js";
import { onFailure } from "../crypto/index.js";
import { inSavedState, MlsError } from "../errors.js";
import {
  type Awaitable,
  type CipherSuiteProvider,
  chain,
  isPromise,
  withCleanup,
} from "../provider/index.js";
import { Checkpoints, DISTANCE } from "./checkpoints.js";
import { gone, used } from "./consumed.js";
import { deriveLeafSecrets, type LeafSecrets, wipeLeafSecrets } from "./leaf-secrets.js";
import type { PeekedKey } from "./peeked-key.js";
import {
  deriveStep,
  GENERATIONS,
  type MessageKey,
  type Ratchet,
  type RatchetStep,
  wipeRatchet,
  wipeStep,
} from "./ratchet.js";
import {
  DEFAULT_RATCHET_LIMITS,
  generationsOf,
  HANDSHAKE_GENERATIONS,
  type RatchetKind,
  type RatchetLimits,
} from "./ratchet-limits.js";
import { SecretPieces } from "./secret-pieces.js";
import {
  isTreeWidth,
  loadSecretTree,
  MAX_WIDTH,
  type SecretPiece,
  type SecretTreeContents,
} from "./secret-tree-state.js";
import { forgetSkipped, keepSkipped, SkippedKeys } from "./skipped-keys.js";

/** A step of a ratchet, and for a new leaf the secrets down to it. */
type Ahead = [step: RatchetStep, leafSecrets?: LeafSecrets];

/** The pieces of a secret tree, and the ratchet tree. */
interface SavedTree {
  readonly pieces: readonly SecretPiece[];
  readonly of: { readonly width: number };
}

const NOTHING: SavedTree = { pieces: [], of: { width: MAX_WIDTH } };

/**
 * The secret tree of an epoch. It is changed in place, because its secrets must be deleted as they are used. The
 * first use of a leaf derives its node secrets, in O(log n). The root has number 1, the children of node i have
 * 2i and 2i + 1, and leaf i has `width + i`.
 */
export class SecretTree {
  readonly #provider: CipherSuiteProvider;
  readonly #limits: RatchetLimits;
  /** `undefined` in a restored tree, until it is first used: most past epochs get no late message. */
  #contents: SecretTreeContents | undefined;
  readonly #skipped: SkippedKeys;
  readonly #checkpoints = new Checkpoints();
  /** What a restored tree consists of until then. */
  #saved: SavedTree = NOTHING;
  /** In which the tree is saved. */
  readonly pieces: SecretPieces;

  /**
   * @param width the number of leaves of the ratchet tree, blank ones included: a power of two
   * @param encryptionSecret `KDF.Nh` bytes; the tree takes them over and overwrites them when they are consumed. `undefined`
   *   for what {@link load} restores
   * @throws MlsError `usage` for another width or length
   */
  constructor(
    provider: CipherSuiteProvider,
    width: number,
    encryptionSecret: Uint8Array | undefined,
    limits: RatchetLimits = DEFAULT_RATCHET_LIMITS,
  ) {
    if (!isTreeWidth(width)) {
      throw new MlsError("usage", `the number of leaves must be a power of two up to 2^31, got ${width}`);
    }
    this.#provider = provider;
    this.#limits = limits;
    this.#skipped = new SkippedKeys(limits, (ratchet, { generation }) => {
      this.pieces.moved(ratchet);
      this.pieces.skipped(ratchet, generation);
    });
    this.pieces = new SecretPieces(() => this.#open());
    if (encryptionSecret === undefined) return;
    const { Nh } = provider.suite.hash;
    if (encryptionSecret.length !== Nh) {
      throw new MlsError("usage", `encryption secret: expected ${Nh} bytes, got ${encryptionSecret.length}`);
    }
    const root = { secret: encryptionSecret, home: 1 };
    this.#contents = { width, nodes: new Map([[1, root]]), senders: new Map() };
  }

  /** Reads a restored tree, before its first use. @throws MlsError `state` if somebody else wrote its pieces */
  #open(): SecretTreeContents {
    if (this.#contents !== undefined) return this.#contents;
    const { pieces, of } = this.#saved;
    const { hash, aead } = this.#provider.suite;
    const sizes = { Nh: hash.Nh, Nk: aead.Nk, Nn: aead.Nn };
    const contents = inSavedState(() => loadSecretTree(of.width, pieces, sizes));
    this.#contents = contents;
    this.#saved = NOTHING;
    for (const { application } of contents.senders.values())
      this.#skipped.added(application, application.skipped.size);
    return contents;
  }

  /**
   * Restores a tree from its {@link pieces}, which it copies, and reads when it is first used.
   * @param of the ratchet tree, which is asked then
   * @param areSaved whether they are in a storage, which is told what changes in them from here on
   * @param copy copies them
   */
  static load(
    provider: CipherSuiteProvider,
    of: { readonly width: number },
    pieces: readonly SecretPiece[],
    limits: RatchetLimits = DEFAULT_RATCHET_LIMITS,
    areSaved = false,
    copy: CopySecret = copySecret,
  ): SecretTree {
    const tree = new SecretTree(provider, MAX_WIDTH, undefined, limits);
    if (areSaved) tree.pieces.allSaved();
    tree.#saved = { pieces: pieces.map(({ name, bytes }) => ({ name, bytes: copy(bytes) })), of };
    return tree;
  }

  /** How far the ratchets are. Don't change them. */
  get senders(): SecretTreeContents["senders"] {
    return this.#open().senders;
  }

  /**
   * Consumes the next key of a ratchet, for sending: of two calls at once, each gets another. The caller must overwrite
   * the key after use.
   * @param isAlone whether nobody receives the message, so that the bound for receivers doesn't hold
   * @throws MlsError `limit` when all generations are used: 1,000 for handshakes, 2^32 for others; `forgotten` after {@link wipe}
   */
  next(leafIndex: number, kind: RatchetKind, isAlone = false): Awaitable<MessageKey> {
    const generation = this.#nextGeneration(leafIndex, kind);
    if (generation >= (isAlone ? GENERATIONS : generationsOf(kind))) {
      throw new MlsError("limit", `the sender's ratchet is exhausted: ${generation} generations are used`);
    }
    return chain(this.#ahead(leafIndex, kind, generation), ([step, leafSecrets]) => {
      // Another call, made after this one or before, may have taken the generation while the provider worked. Waiting for
      // that call instead would mean to wait for ever, if its provider never answers.
      if (this.#nextGeneration(leafIndex, kind) !== generation) {
        wipeStep(step);
        if (leafSecrets !== undefined) wipeLeafSecrets(leafSecrets);
        return this.next(leafIndex, kind, isAlone);
      }
      this.#apply(leafIndex, kind, step, leafSecrets);
      return step.message;
    });
  }

  /** How many keys of skipped generations a ratchet keeps. */
  #maxSkipped(kind: RatchetKind): number {
    return kind === "handshake" ? HANDSHAKE_GENERATIONS : this.#limits.maxSkipped;
  }

  #ratchet(leafIndex: number, kind: RatchetKind): Ratchet | undefined {
    return this.senders.get(leafIndex)?.[kind];
  }

  #nextGeneration(leafIndex: number, kind: RatchetKind): number {
    return this.#ratchet(leafIndex, kind)?.generation ?? 0;
  }

  /**
   * The key of a received message. The tree does not change until the key is consumed.
   * @throws MlsError `unknown-sender` for a leaf outside of the tree, `duplicate` for a generation that was
   * used, `forgotten` for one that is too old, `limit` for one too far ahead; each of them before any key is derived
   */
  peek(leafIndex: number, kind: RatchetKind, generation: number): Awaitable<PeekedKey> {
    const ratchet = this.#ratchet(leafIndex, kind);
    const position = ratchet?.generation ?? 0;
    if (generation < position) {
      const kept = ratchet?.skipped.get(generation);
      if (kept === undefined) throw gone(generation, ratchet);
      // A copy, because consuming the key overwrites the stored one.
      return this.#offer(leafIndex, kind, {
        skipped: [],
        message: { generation, key: copySecret(kept.key), nonce: copySecret(kept.nonce) },
        secret: EMPTY,
      });
    }
    const ends = generationsOf(kind) - 1;
    const last = kind === "handshake" ? ends : Math.min(position + this.#limits.maxForward, ends);
    if (!(generation <= last)) {
      throw new MlsError("limit", `generation ${generation} is too far ahead: the limit is ${last}`);
    }
    const ahead =
      generation - position > DISTANCE
        ? this.#farAhead(leafIndex, kind, generation)
        : this.#ahead(leafIndex, kind, generation);
    return chain(ahead, ([step, leafSecrets]) => this.#offer(leafIndex, kind, step, leafSecrets));
  }

  /** Overwrites and deletes all secrets. */
  wipe(): void {
    for (const { bytes } of this.#saved.pieces) wipe(bytes);
    this.#saved = NOTHING;
    if (this.#contents === undefined) return;
    const { nodes, senders } = this.#contents;
    for (const { secret } of nodes.values()) wipe(secret);
    for (const { handshake, application } of senders.values()) {
      wipeRatchet(handshake);
      wipeRatchet(application);
    }
    nodes.clear();
    senders.clear();
    this.#checkpoints.wipe();
    this.#skipped.clear();
  }

  /** The step of a ratchet to a generation that is still ahead, and for a new leaf the secrets down to it. */
  #ahead(leafIndex: number, kind: RatchetKind, generation: number): Awaitable<Ahead> {
    return this.#from(leafIndex, kind, (secret, from) =>
      deriveStep(this.#provider, secret, from, generation, generation - this.#maxSkipped(kind)),
    );
  }

  /** The same without the skipped keys, and from the nearest checkpoint on. */
  #farAhead(leafIndex: number, kind: RatchetKind, generation: number): Awaitable<Ahead> {
    const name = ratchetNumber(leafIndex, kind);
    const { moves } = this.#checkpoints;
    return this.#from(leafIndex, kind, (start, from) =>
      chain(this.#checkpoints.secretAt(this.#provider, name, moves, start, from, generation), (secret) =>
        withCleanup(
          () => deriveStep(this.#provider, secret, generation, generation, generation),
          () => wipe(secret),
        ),
      ),
    );
  }

  #from(
    leafIndex: number,
    kind: RatchetKind,
    derive: (secret: Uint8Array, from: number) => Awaitable<RatchetStep>,
  ): Awaitable<Ahead> {
    const ratchet = this.#ratchet(leafIndex, kind);
    if (ratchet !== undefined) {
      return chain(derive(ratchet.secret, ratchet.generation), (step): [RatchetStep] => [step]);
    }
    return chain(deriveLeafSecrets(this.#provider, this.#open(), leafIndex), (leafSecrets) =>
      onFailure(
        () => chain(derive(leafSecrets[kind], 0), (step): [RatchetStep, LeafSecrets] => [step, leafSecrets]),
        () => wipeLeafSecrets(leafSecrets),
      ),
    );
  }

  #offer(leafIndex: number, kind: RatchetKind, first: RatchetStep, leaf?: LeafSecrets): PeekedKey {
    const { key, nonce, generation } = first.message;
    let [step, leafSecrets] = [first, leaf];
    let open = true;
    const drop = () => {
      wipeStep(step);
      if (leafSecrets !== undefined) wipeLeafSecrets(leafSecrets);
    };
    /** How many generations the step would skip without their keys. */
    const missing = () => {
      return (
        Math.min(generation - this.#nextGeneration(leafIndex, kind), this.#maxSkipped(kind)) -
        step.skipped.length
      );
    };
    const complete = (): Awaitable<void> => {
      if (!open || missing() <= 0) return;
      return chain(this.#ahead(leafIndex, kind, generation), (ahead) => {
        // The key and nonce stay as they are: they are those that the caller has.
        wipe(step.secret);
        if (leafSecrets !== undefined) wipeLeafSecrets(leafSecrets);
        [step, leafSecrets] = ahead;
        if (!open) drop();
      });
    };
    return {
      key,
      nonce,
      complete,
      consume: () => {
        if (!open) throw used(generation);
        if (missing() > 0 && isPromise(complete())) {
          throw new MlsError("usage", "expected complete() to be called first");
        }
        open = false;
        this.#apply(leafIndex, kind, step, leafSecrets);
        wipe(key, nonce, step.message.key, step.message.nonce);
      },
      discard: () => {
        if (!open) return;
        open = false;
        drop();
        wipe(key, nonce);
      },
    };
  }

  /**
   * Moves a ratchet by a step that was derived before. The tree may have changed since, so only what it has not
   * passed is taken over: a deleted secret never comes back.
   */
  #apply(
    leafIndex: number,
    kind: RatchetKind,
    step: RatchetStep,
    leafSecrets: LeafSecrets | undefined,
  ): void {
    if (leafSecrets !== undefined) this.#enter(leafSecrets);
    const { generation } = step.message;
    const ratchet = this.#ratchet(leafIndex, kind);
    if (ratchet === undefined || generation < ratchet.generation) {
      const kept = ratchet?.skipped.get(generation);
      if (ratchet === undefined || kept === undefined) {
        wipeStep(step);
        throw gone(generation, ratchet);
      }
      for (const { key, nonce } of step.skipped) wipe(key, nonce);
      wipe(step.secret);
      if (kind === "application") this.#skipped.forget(ratchet, kept);
      else forgetSkipped(ratchet, kept);
      this.pieces.skipped(ratchet, generation);
      return;
    }
    this.#checkpoints.forget(ratchetNumber(leafIndex, kind));
    this.pieces.moved(ratchet);
    const skipped = keepSkipped(ratchet, step.skipped);
    for (let i = generation - skipped; i < generation; i++) this.pieces.skipped(ratchet, i);
    // The older ones, whose keys the step didn't derive.
    if (generation - ratchet.generation > skipped) ratchet.forgotten = generation - skipped;
    // In the memory that the ratchet has.
    ratchet.secret.set(step.secret);
    wipe(step.secret);
    ratchet.generation = generation + 1;
    if (kind === "application" && skipped > 0) this.#skipped.added(ratchet, skipped);
  }

  /**
   * Replaces the node secret above a leaf by those beside the path down to it, and by its two ratchets. What another
   * message has passed meanwhile stays deleted.
   */
  #enter({ leafIndex, copath, ...leaf }: LeafSecrets): void {
    const moved = moveSecrets([leaf.handshake, leaf.application, ...copath.map(({ secret }) => secret)]);
    const [handshake, application, ...secrets] = moved as [Uint8Array, Uint8Array, ...Uint8Array[]];
    const { nodes, senders, width } = this.#open();
    const own = width + leafIndex;
    const replace = (node: number): boolean => {
      const known = nodes.get(node);
      if (known === undefined) return false;
      this.pieces.node(known.home);
      wipe(known.secret);
      return nodes.delete(node);
    };
    let isBelow = false;
    for (const [i, { node }] of copath.entries()) {
      const secret = secrets[i] as Uint8Array;
      isBelow ||= replace(Math.floor(node / 2));
      if (isBelow) nodes.set(node, { secret, home: own });
      else wipe(secret);
    }
    if (isBelow) this.pieces.node(own);
    if (isBelow || replace(own)) {
      const ratchet = (secret: Uint8Array, kind: RatchetKind): Ratchet => ({
        number: ratchetNumber(leafIndex, kind),
        generation: 0,
        secret,
        skipped: new Map(),
        forgotten: 0,
      });
      const ratchets = {
        handshake: ratchet(handshake, "handshake"),
        application: ratchet(application, "application"),
      };
      senders.set(leafIndex, ratchets);
      this.pieces.moved(ratchets.handshake);
    } else wipe(handshake, application);
  }
}

/** As {@link Ratchet.number}. */
const ratchetNumber = (leafIndex: number, kind: RatchetKind): number =>
  2 * leafIndex + (kind === "handshake" ? 1 : 0);
