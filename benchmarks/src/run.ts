// Measures a matrix of suites, sizes, trees and backends. Backends take turns in every round, so that what disturbs
// the machine disturbs them all.
import type { Backend } from "./backend.js";
import type { Crowd } from "./crowd.js";
import { hotPaths } from "./hot-paths.js";
import type { Payload } from "./operations.js";
import { mergePrimitives, type Primitives } from "./primitive-prices.js";
import { measurePrimitives } from "./primitives.js";
import type { Progress } from "./progress.js";
import { type Place, type Result, Samples, type Tree } from "./samples.js";
import { freshSession, livedInSession, type Session } from "./session.js";
import { EFFORT, type Effort, Stopwatch } from "./stopwatch.js";

/** What is measured in one block: a suite, a size and a tree, on some backends. */
export interface Block {
  readonly suite: number;
  readonly members: number;
  readonly tree: Tree;
  readonly rounds: number;
  readonly backends: readonly Backend[];
  readonly payloads: readonly Payload[];
}

/** What measures blocks, and knows what came of it. */
export interface Measuring {
  /** The primitives' prices on these backends. Called several times, the median counts. */
  primitives(suite: number, backends: readonly Backend[]): Promise<void>;
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

  /** @param nextTurn waits for the turn of these backends, where others take turns with them, and says which it is */
  constructor(crowd: Crowd, progress: Progress, effort: Effort = EFFORT, nextTurn?: () => Promise<number>) {
    const { samples } = this;
    this.nextTurn = async () => {
      samples.turn = nextTurn === undefined ? samples.turn + 1 : await nextTurn();
    };
    this.effort = effort;
    this.crowd = crowd;
    this.progress = progress;
  }

  async primitives(suite: number, backends: readonly Backend[]): Promise<void> {
    for (const backend of backends) {
      const provider = await backend.provider?.(suite);
      if (provider === undefined) continue;
      await this.warmUp(backend, suite);
      this.progress(`suite ${suite}, primitives: ${backend.name}`);
      this.measured.push(await measurePrimitives(backend.name, provider, this.effort.primitive));
    }
  }

  async block(block: Block): Promise<void> {
    const { suite, members, tree, rounds } = block;
    for (const backend of block.backends) await this.warmUp(backend, suite);
    let sessions: Session[] = [];
    const place = `suite ${suite}, ${members} members, ${tree}`;
    for (let round = 1; round <= rounds; round++) {
      // A fresh tree is fresh once; a lived-in one stays what it is.
      if (tree === "fresh") sessions = [];
      await this.nextTurn();
      for (const backend of block.backends) {
        this.progress(`${place}, round ${round} of ${rounds}: ${backend.name}`);
        if (sessions.length < block.backends.length) sessions.push(await this.session(block, backend));
      }
      await hotPaths(sessions, tree, block.payloads, this.nextTurn, (what, { backend }) =>
        this.progress(`${place}, ${what}: ${backend.name}`),
      );
    }
    this.progress("");
  }

  private session({ suite, members, tree }: Block, backend: Backend): Promise<Session> {
    const watch = new Stopwatch(
      backend,
      { backend: backend.name, suite, members, tree },
      this.samples,
      this.effort,
    );
    const make = tree === "fresh" ? freshSession : livedInSession;
    return make(backend, suite, members, this.crowd, watch);
  }

  /** Lets the engine compile, and the backend load what it loads on first use. */
  private async warmUp(backend: Backend, suite: number): Promise<void> {
    const key = `${backend.name}/${suite}`;
    if (this.warm.has(key)) return;
    this.warm.add(key);
    this.progress(`suite ${suite}: warming up ${backend.name}`);
    const members = this.effort.warmUpMembers;
    const place: Place = { backend: backend.name, suite, members, tree: "fresh" };
    // Each operation has a warm-up of its own: this one is for what is done once.
    const watch = new Stopwatch(backend, place, this.samples, EFFORT);
    watch.warmingUp = true;
    const session = await freshSession(backend, suite, members, this.crowd, watch);
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
