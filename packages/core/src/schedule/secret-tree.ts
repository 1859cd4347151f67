// RFC 9420 §9: the secret tree, from which message keys come and in which they die.
import { EMPTY, wipe } from "../bytes.js";
import { onFailure } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type Awaitable, chain, type CipherSuiteProvider, isPromise } from "../provider/index.js";
import { deriveLeafSecrets, type LeafSecrets, wipeLeafSecrets } from "./leaf-secrets.js";
import {
  deriveStep,
  GENERATIONS,
  type MessageKey,
  type Ratchet,
  type RatchetStep,
  wipeRatchet,
  wipeStep,
} from "./ratchet.js";
import { isTreeWidth, loadSecretTree, saveSecretTree, type SecretTreeContents } from "./secret-tree-state.js";

/** Bounds on what a sender can make a receiver compute and keep. */
export interface RatchetLimits {
  /** How many generations may lie between the ratchet and a message that is ahead of it. */
  readonly maxForward: number;
  /** How many keys of skipped generations one ratchet keeps; the oldest go first. */
  readonly maxSkipped: number;
  /** How many the whole tree keeps; those go first whose ratchet has skipped nothing for the longest time. */
  readonly maxSkippedTotal: number;
}

export const DEFAULT_RATCHET_LIMITS: RatchetLimits = {
  maxForward: 1000,
  maxSkipped: 1000,
  maxSkippedTotal: 10_000,
};

/** Which of a sender's two ratchets: one for proposals and commits, one for application messages. */
export type RatchetKind = "handshake" | "application";

/** A key for a message that came, not consumed yet. */
export interface PeekedKey {
  /** `AEAD.Nk` bytes */
  readonly key: Uint8Array;
  /** `AEAD.Nn` bytes, before the reuse guard */
  readonly nonce: Uint8Array;
  /**
   * To be called when the message is found authentic: deletes what §9.2 says, and overwrites this key.
   * @throws MlsError `consumed` if another message has consumed this generation in the meantime
   */
  consume(): void;
  /** To be called when the message is refused: overwrites what was derived and leaves the tree as it is. */
  discard(): void;
  /**
   * May be called before either, while there is something to wait for: derives the sender's next key already. It is
   * kept only if this one is consumed, and gives nothing away that the ratchet's secret wouldn't.
   */
  lookAhead(): void;
}

/** A move by one generation that was computed before it was asked for. */
interface Prepared {
  /** The secret that it starts from: it holds for the ratchet that has this very one. */
  readonly start: Uint8Array;
  readonly move: Awaitable<RatchetStep>;
}

/**
 * The secret tree of an epoch: a ledger that is changed in place, because its secrets must die as they are
 * used. Node secrets are derived on first use of a leaf, in O(log n). Nodes are numbered from the root, 1;
 * the children of i are 2i and 2i + 1, and leaf i is `width + i`.
 */
export class SecretTree {
  readonly #provider: CipherSuiteProvider;
  readonly #limits: RatchetLimits;
  readonly #contents: SecretTreeContents;
  /** Ratchets that hold skipped keys, the one that skipped last at the end. */
  readonly #late = new Set<Ratchet>();
  #skippedTotal = 0;
  /** The last {@link next} that is still under way: two of them must never give the same key. */
  #sending: Promise<unknown> | undefined;
  /** For one ratchet: who has sent something is the one most likely to send more. */
  #prepared: Prepared | undefined;

  /**
   * @param width how many leaves the ratchet tree has room for: a power of two
   * @param encryptionSecret `KDF.Nh` bytes, which the tree overwrites when they are consumed
   * @throws MlsError `usage` for another width or length
   */
  constructor(
    provider: CipherSuiteProvider,
    width: number,
    encryptionSecret: Uint8Array,
    limits: RatchetLimits = DEFAULT_RATCHET_LIMITS,
  ) {
    if (!isTreeWidth(width)) throw new MlsError("usage", `a tree can't have ${width} leaves`);
    if (encryptionSecret.length !== provider.suite.hash.Nh) {
      throw new MlsError("usage", `an encryption secret of ${encryptionSecret.length} bytes`);
    }
    this.#provider = provider;
    this.#limits = limits;
    this.#contents = { width, nodes: new Map([[1, encryptionSecret]]), senders: new Map() };
  }

  /** The tree that {@link save} saved. @throws DecodeError, MlsError `state` */
  static load(
    provider: CipherSuiteProvider,
    bytes: Uint8Array,
    limits: RatchetLimits = DEFAULT_RATCHET_LIMITS,
  ): SecretTree {
    const { hash, aead } = provider.suite;
    const contents = loadSecretTree(bytes, { Nh: hash.Nh, Nk: aead.Nk, Nn: aead.Nn });
    const tree = new SecretTree(provider, contents.width, new Uint8Array(hash.Nh), limits);
    tree.#contents.nodes.clear();
    for (const [node, secret] of contents.nodes) tree.#contents.nodes.set(node, secret);
    for (const [leafIndex, ratchets] of contents.senders) {
      tree.#contents.senders.set(leafIndex, ratchets);
      for (const ratchet of [ratchets.handshake, ratchets.application]) {
        tree.#skippedTotal += ratchet.skipped.size;
        tree.#forgetSurplus(ratchet);
      }
    }
    return tree;
  }

  /** All that the tree holds, as bytes: secret ones, for whoever has them can read what is still to come. */
  save(): Uint8Array {
    return saveSecretTree(this.#contents);
  }

  /**
   * The next key of a ratchet, for sending: consumed at once. The caller overwrites it after use.
   * @throws MlsError `limit` when all 2^32 generations are used, `consumed` after {@link wipe}
   */
  next(leafIndex: number, kind: RatchetKind): Awaitable<MessageKey> {
    const take = (): Awaitable<MessageKey> => {
      const generation = this.#contents.senders.get(leafIndex)?.[kind].generation ?? 0;
      if (generation >= GENERATIONS) throw new MlsError("limit", "the sender's ratchet has come to its end");
      return chain(this.#ahead(leafIndex, kind, generation), ([step, leafSecrets]) => {
        this.#make(leafIndex, kind, step, leafSecrets);
        return step.message;
      });
    };
    const result = this.#sending === undefined ? take() : this.#sending.then(take, take);
    if (isPromise(result)) {
      this.#sending = result;
      const done = () => {
        if (this.#sending === result) this.#sending = undefined;
      };
      result.then(done, done);
    }
    return result;
  }

  /** Derives the key that {@link next} will give, while there is something to wait for. Consumes nothing. */
  prepare(leafIndex: number, kind: RatchetKind): void {
    const ratchet = this.#contents.senders.get(leafIndex)?.[kind];
    if (ratchet !== undefined) this.#prepareFrom(ratchet.secret, ratchet.generation);
  }

  /**
   * The key of a message that came. Nothing changes until it is consumed.
   * @throws MlsError `unknown-sender` for a leaf outside of the tree, `consumed` for a generation that was
   * used or is too old, `limit` for one too far ahead; all of them before anything is derived
   */
  peek(leafIndex: number, kind: RatchetKind, generation: number): Awaitable<PeekedKey> {
    const ratchet = this.#contents.senders.get(leafIndex)?.[kind];
    const position = ratchet?.generation ?? 0;
    if (generation < position) {
      const kept = ratchet?.skipped.get(generation);
      if (kept === undefined) throw consumed(generation);
      // A copy, because the kept one is overwritten as soon as it is consumed.
      return this.#offer(leafIndex, kind, {
        skipped: [],
        message: { generation, key: kept.key.slice(), nonce: kept.nonce.slice() },
        secret: EMPTY,
      });
    }
    if (generation - position > this.#limits.maxForward || !(generation < GENERATIONS)) {
      throw new MlsError(
        "limit",
        `generation ${generation} is more than ${this.#limits.maxForward} ahead of ${position}`,
      );
    }
    return chain(this.#ahead(leafIndex, kind, generation), ([step, leafSecrets]) =>
      this.#offer(leafIndex, kind, step, leafSecrets),
    );
  }

  /** Overwrites and drops everything. */
  wipe(): void {
    const { nodes, senders } = this.#contents;
    this.#dropPrepared();
    for (const secret of nodes.values()) wipe(secret);
    for (const { handshake, application } of senders.values()) {
      wipeRatchet(handshake);
      wipeRatchet(application);
    }
    nodes.clear();
    senders.clear();
    this.#late.clear();
    this.#skippedTotal = 0;
  }

  /** The move of a ratchet to a generation that it hasn't passed, with the way down to the leaf if it is new. */
  #ahead(
    leafIndex: number,
    kind: RatchetKind,
    generation: number,
  ): Awaitable<[step: RatchetStep, leafSecrets?: LeafSecrets]> {
    const provider = this.#provider;
    const firstKept = generation - this.#limits.maxSkipped;
    const ratchet = this.#contents.senders.get(leafIndex)?.[kind];
    if (ratchet !== undefined) {
      const prepared = this.#prepared;
      if (prepared?.start === ratchet.secret && generation === ratchet.generation) {
        this.#prepared = undefined;
        return chain(prepared.move, (step): [RatchetStep] => [step]);
      }
      return chain(
        deriveStep(provider, ratchet.secret, ratchet.generation, generation, firstKept),
        (step): [RatchetStep] => [step],
      );
    }
    return chain(deriveLeafSecrets(provider, this.#contents, leafIndex), (leafSecrets) =>
      onFailure(
        () =>
          chain(
            deriveStep(provider, leafSecrets[kind], 0, generation, firstKept),
            (step): [RatchetStep, LeafSecrets] => [step, leafSecrets],
          ),
        () => wipeLeafSecrets(leafSecrets),
      ),
    );
  }

  #prepareFrom(start: Uint8Array, generation: number): void {
    if (this.#prepared?.start === start || generation >= GENERATIONS) return;
    this.#dropPrepared();
    try {
      const move = deriveStep(this.#provider, start, generation, generation, generation);
      this.#prepared = { start, move };
      if (isPromise(move)) move.catch(() => this.#dropPrepared(start));
    } catch {
      // It is derived when it is needed, and fails then if it fails again.
    }
  }

  /** @param start if nothing was prepared from this secret, all stays as it is */
  #dropPrepared(start = this.#prepared?.start): void {
    const prepared = this.#prepared;
    if (prepared === undefined || prepared.start !== start) return;
    this.#prepared = undefined;
    if (isPromise(prepared.move)) prepared.move.then(wipeStep, () => {});
    else wipeStep(prepared.move);
  }

  #offer(leafIndex: number, kind: RatchetKind, step: RatchetStep, leafSecrets?: LeafSecrets): PeekedKey {
    const { key, nonce, generation } = step.message;
    let open = true;
    return {
      key,
      nonce,
      consume: () => {
        if (!open) throw consumed(generation);
        open = false;
        this.#make(leafIndex, kind, step, leafSecrets);
        wipe(key, nonce);
      },
      discard: () => {
        if (!open) return;
        open = false;
        this.#dropPrepared(step.secret);
        wipeStep(step);
        if (leafSecrets !== undefined) wipeLeafSecrets(leafSecrets);
      },
      lookAhead: () => {
        // A key that was kept when its generation was passed has no secret behind it.
        if (open && step.secret !== EMPTY) this.#prepareFrom(step.secret, generation + 1);
      },
    };
  }

  /**
   * Makes a move that was computed before. The tree may have changed since, so only what it hasn't passed
   * is taken over: a secret that was deleted never comes back.
   */
  #make(leafIndex: number, kind: RatchetKind, move: RatchetStep, leafSecrets: LeafSecrets | undefined): void {
    if (leafSecrets !== undefined) this.#enter(leafSecrets);
    const { generation } = move.message;
    const ratchet = this.#contents.senders.get(leafIndex)?.[kind];
    if (ratchet === undefined || generation < ratchet.generation) {
      const kept = ratchet?.skipped.get(generation);
      this.#dropPrepared(move.secret);
      if (ratchet === undefined || kept === undefined) {
        wipeStep(move);
        throw consumed(generation);
      }
      for (const { key, nonce } of move.skipped) wipe(key, nonce);
      wipe(move.secret);
      this.#forget(ratchet, kept);
      return;
    }
    wipe(ratchet.secret);
    for (const skipped of move.skipped) {
      if (skipped.generation < ratchet.generation) wipe(skipped.key, skipped.nonce);
      else {
        ratchet.skipped.set(skipped.generation, skipped);
        this.#skippedTotal++;
      }
    }
    ratchet.secret = move.secret;
    ratchet.generation = generation + 1;
    if (move.skipped.length > 0) this.#forgetSurplus(ratchet);
  }

  /** Puts children in the place of their parents, and a leaf's ratchets in the place of the leaf. */
  #enter({ leafIndex, steps, handshake, application }: LeafSecrets): void {
    const { nodes, senders, width } = this.#contents;
    const replace = (node: number): boolean => {
      wipe(nodes.get(node));
      return nodes.delete(node);
    };
    for (const { parent, left, right } of steps) {
      if (replace(parent)) {
        nodes.set(2 * parent, left);
        nodes.set(2 * parent + 1, right);
      } else wipe(left, right);
    }
    if (replace(width + leafIndex)) {
      const ratchet = (secret: Uint8Array): Ratchet => ({ generation: 0, secret, skipped: new Map() });
      senders.set(leafIndex, { handshake: ratchet(handshake), application: ratchet(application) });
    } else wipe(handshake, application);
  }

  #forget(ratchet: Ratchet, { generation, key, nonce }: MessageKey): void {
    wipe(key, nonce);
    ratchet.skipped.delete(generation);
    this.#skippedTotal--;
    if (ratchet.skipped.size === 0) this.#late.delete(ratchet);
  }

  /** Holds the limits after a ratchet has skipped. */
  #forgetSurplus(ratchet: Ratchet): void {
    this.#late.delete(ratchet);
    if (ratchet.skipped.size === 0) return;
    this.#late.add(ratchet);
    for (const oldest of ratchet.skipped.values()) {
      if (ratchet.skipped.size <= this.#limits.maxSkipped) break;
      this.#forget(ratchet, oldest);
    }
    for (const longest of this.#late) {
      for (const oldest of longest.skipped.values()) {
        if (this.#skippedTotal <= this.#limits.maxSkippedTotal) return;
        this.#forget(longest, oldest);
      }
    }
  }
}

function consumed(generation: number): MlsError {
  return new MlsError("consumed", `generation ${generation} was used before, or is too old`);
}
