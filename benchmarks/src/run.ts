// Measures a matrix of suites, sizes, trees and implementations. They take turns in every round, so that what disturbs
// the machine disturbs them all.

import type { Crowd } from "./crowd.js";
import { hotPaths } from "./hot-paths.js";
import type { Implementation } from "./implementation.js";
import type { Payload } from "./operations.js";
import { mergePrimitives, type Primitives } from "./primitive-prices.js";
import { measurePrimitives } from "./primitives.js";
import type { Progress } from "./progress.js";
import { type Place, type Result, Samples, type Tree } from "./samples.js";
import { freshSession, livedInSession, type Session } from "./session.js";
import { EFFORT, type Effort, Stopwatch } from "./stopwatch.js";

/** What is measured in one block: a suite, a size and a tree, with some implementations. */
export interface Block {
  readonly suite: number;
  readonly members: number;
  readonly tree: Tree;
  readonly rounds: number;
  readonly implementations: readonly Implementation[];
  readonly payloads: readonly Payload[];
}

/** What measures blocks, and knows what came of it. */
export interface Measuring {
  /** The primitives' prices with these implementations. Called several times, the median counts. */
  primitives(suite: number, implementations: readonly Implementation[]): Promise<void>;
  block(block: Block): Promise<void>;
  /** Lets go of what was made for a suite: it isn't measured again. */
  forget(suite: number): void | Promise<void>;
  allPrimitives(): Primitives[] | Promise<Primitives[]>;
  results(): Result[] | Promise<Result[]>;
}

/** Measures in this process. */
export class Run implements Measuring {
  private readonly samples = new Samples();
  private readonly measured: Primitives[] = [];
  private readonly warm = new Set<string>();
  private readonly crowd: Crowd;
  private readonly progress: Progress;
  private readonly effort: Effort;
  private readonly nextTurn: () => Promise<void>;

  /** @param nextTurn waits for the turn of these implementations, if others take turns with them, and returns its number */
  constructor(crowd: Crowd, progress: Progress, effort: Effort = EFFORT, nextTurn?: () => Promise<number>) {
    const { samples } = this;
    this.nextTurn = async () => {
      samples.turn = nextTurn === undefined ? samples.turn + 1 : await nextTurn();
    };
    this.effort = effort;
    this.crowd = crowd;
    this.progress = progress;
  }

  async primitives(suite: number, implementations: readonly Implementation[]): Promise<void> {
    for (const implementation of implementations) {
      const provider = await implementation.provider?.(suite);
      if (provider === undefined) continue;
      await this.warmUp(implementation, suite);
      this.progress(`suite ${suite}, primitives: ${implementation.name}`);
      this.measured.push(await measurePrimitives(implementation.name, provider, this.effort.primitive));
    }
  }

  async block(block: Block): Promise<void> {
    const { suite, members, tree, rounds } = block;
    for (const implementation of block.implementations) await this.warmUp(implementation, suite);
    let sessions: Session[] = [];
    const place = `suite ${suite}, ${members} members, ${tree}`;
    for (let round = 1; round <= rounds; round++) {
      // A fresh tree is fresh once; a lived-in one stays what it is.
      if (tree === "fresh") sessions = [];
      await this.nextTurn();
      for (const implementation of block.implementations) {
        this.progress(`${place}, round ${round} of ${rounds}: ${implementation.name}`);
        if (sessions.length < block.implementations.length)
          sessions.push(await this.session(block, implementation));
      }
      await hotPaths(sessions, tree, block.payloads, this.nextTurn, (what, { implementation }) =>
        this.progress(`${place}, ${what}: ${implementation.name}`),
      );
    }
    this.progress("");
  }

  private session({ suite, members, tree }: Block, implementation: Implementation): Promise<Session> {
    const watch = new Stopwatch(
      implementation,
      { provider: implementation.name, suite, members, tree },
      this.samples,
      this.effort,
    );
    const make = tree === "fresh" ? freshSession : livedInSession;
    return make(implementation, suite, members, this.crowd, watch);
  }

  /** Lets the engine compile, and the provider load what it needs on first use. */
  private async warmUp(implementation: Implementation, suite: number): Promise<void> {
    const key = `${implementation.name}/${suite}`;
    if (this.warm.has(key)) return;
    this.warm.add(key);
    this.progress(`suite ${suite}: warming up ${implementation.name}`);
    const members = this.effort.warmUpMembers;
    const place: Place = { provider: implementation.name, suite, members, tree: "fresh" };
    // Each operation has a warm-up of its own: this one is for what is done once.
    const watch = new Stopwatch(implementation, place, this.samples, EFFORT);
    watch.warmingUp = true;
    const session = await freshSession(implementation, suite, members, this.crowd, watch);
    for (let round = 0; round < 2; round++) await hotPaths([session], "lived-in", ["64 B", "1 KiB"]);
  }

  forget(suite: number): void {
    this.crowd.forget(suite);
  }

  allPrimitives(): Primitives[] {
    return mergePrimitives(this.measured);
  }

  results(): Result[] {
    return this.samples.results();
  }
}
