// RFC 9420 §2: a client of the simulated world: its disk, and one or two processes that have it open.
import { type Group, insecureAcceptAll, MlsError, type Policy } from "@copse/core";
import { keepEpochs } from "@copse/core/rewind";
import { openClient, type StoredClient } from "@copse/core/storage";
import { Broken, hold } from "./broken.js";
import { type Library, SUITE, seededProvider } from "./crypto.js";
import { Connection, type Disk, type Fate } from "./disk.js";
import type { Faults } from "./faults.js";
import type { Member } from "./forks/tree.js";
import { KeyStore } from "./key-store.js";
import type { Entry } from "./letter.js";
import type { Numbers } from "./numbers.js";
import type { Room } from "./room.js";
import { type Seals, Watch } from "./seals.js";

/** The ID of no group. */
const NOWHERE = new Uint8Array([0]);

/** What a device knows of its own membership, and has told others: less it must never know again. */
export interface Membership {
  readonly room: Room;
  status: "active" | "removed" | "joining";
  epoch: number;
  /** The first epoch of this membership. */
  since: number;
  /** Whether a commit of its own is staged. */
  isCommitting: boolean;
  /** The proposals that it has in this epoch, by their letters. */
  readonly proposals: Set<string>;
}

/** What came of a call: an answer, an error, or nothing, as the process ended. */
export type Outcome<T> =
  | { readonly kind: "answer"; readonly value: T }
  | { readonly kind: "error"; readonly error: MlsError }
  | { readonly kind: "crash" };

/** One process. */
export interface Process {
  readonly client: StoredClient;
  readonly connection: Connection;
  readonly watch: Watch;
}

/** What all devices share. */
export interface Surroundings {
  readonly seals: Seals;
  readonly faults: Faults;
  readonly entropy: (length: number) => Uint8Array;
  readonly now: () => number;
}

/** All clients know it. */
export const PSK: Uint8Array = new Uint8Array([9, 4, 2, 0]);
/** In seconds. */
export const LIFETIME = 20 * 24 * 3600;
export const GRACE = 5 * 24 * 3600;
export const MAX_PAST_EPOCHS = 3;
/** How many keys of letters are looked for. */
const USED_KEYS = 16;

/** How many epochs those devices keep that can go back. */
const REWINDABLE = 8;

export class Device {
  readonly n: number;
  readonly name: string;
  readonly disk: Disk;
  readonly keyStore: KeyStore | undefined;
  readonly library: Library;
  readonly memberships = new Map<Room, Membership>();
  /** Its memberships of rooms without order. */
  readonly forked = new Map<number, Member>();
  readonly inbox = new Map<string, Entry>();
  /** What was read here, to be tried again. */
  readonly consumed: Entry[] = [];
  /** The keys of the last messages that were read here. */
  readonly usedKeys: Uint8Array[] = [];
  /** The hexadecimal references of the key packages that it has, and when they expire, in seconds. */
  readonly keyPackages = new Map<string, number>();
  /** Processes, the latest of which is the first to open. */
  processes: Process[] = [];
  /** Whether the write of the last call without an end was made. */
  wasMade = false;
  /** Whether two processes have had it open at once: then each may be behind. */
  hadTwo = false;
  /** Whether a key package of it has ended without a use. */
  hasLost = false;
  /** Whether any process has ended within a call, or any write failed. */
  hasCrashed = false;
  /** Whether it keeps epochs, to go back to. */
  readonly rewinds: boolean;
  readonly #world: Surroundings;
  readonly #policy: Partial<Policy>;

  constructor(n: number, library: Library, world: Surroundings, disk: Disk) {
    this.n = n;
    this.name = `d${n}`;
    this.library = library;
    this.disk = disk;
    this.#world = world;
    this.keyStore = n % 5 === 4 ? new KeyStore(world.entropy, world.faults.keepsKeys) : undefined;
    this.rewinds = n % 4 === 1;
    // Some send their handshakes in public, and some keep the tree out of the Welcome. Their clocks differ.
    this.#policy = {
      handshake: n % 3 === 2 ? "public" : "private",
      ratchetTreeInWelcome: n % 4 !== 3,
      lifetime: LIFETIME,
      keyPackageGrace: GRACE,
      maxPastEpochs: MAX_PAST_EPOCHS,
      maxPastEpochAge: Number.POSITIVE_INFINITY,
      ...(this.rewinds && { rewind: keepEpochs({ epochs: REWINDABLE, age: 1e9 }) }),
      now: () => world.now() + (n % 7) * 60_000,
    };
  }

  /** Opens a process on a disk: this device's, or a copy that somebody took. */
  async open(disk: Disk = this.disk, keyStore: KeyStore | undefined = this.keyStore): Promise<Process> {
    const { seals, faults, entropy } = this.#world;
    const watch = new Watch(seals);
    const connection = new Connection(disk);
    // What was encrypted for a write that wasn't made doesn't leave the process.
    connection.onRefused = () => watch.drop();
    const random = faults.entropy?.(entropy) ?? entropy;
    const client = await openClient({
      storage: connection,
      crypto: seededProvider(this.library, random, watch, keyStore),
      suite: SUITE,
      credential: this.name,
      authentication: insecureAcceptAll(),
      externalPsk: () => PSK,
      policy: this.#policy,
    });
    return { client, connection, watch };
  }

  async start(): Promise<void> {
    this.processes = [await this.open()];
  }

  /** The process that a step is about. */
  process(choice: number): Process {
    return this.processes[choice % this.processes.length] as Process;
  }

  /** Ends a process without a word, and opens another one on the same disk. */
  async restart(process: Process): Promise<Process> {
    if (!process.connection.isDead) process.connection.kill();
    const opened = await this.open();
    this.processes = this.processes.map((one) => (one === process ? opened : one));
    return opened;
  }

  /**
   * Calls a client. What it sealed is released if it answers. A process that ends is replaced.
   * @param fate what becomes of the write that the call makes
   */
  async call<T>(
    process: Process,
    fate: Fate | undefined,
    work: (process: Process) => Promise<T>,
  ): Promise<Outcome<T>> {
    const { connection, watch } = process;
    // Key packages that have expired leave the storage with the next call of the client: the write with the fate is another one.
    if (fate !== undefined) await process.client.group(NOWHERE);
    watch.begin();
    connection.fate = fate;
    connection.wasMade = false;
    const death = new Promise<Outcome<T>>((resolve) => {
      connection.onDeath = () => resolve({ kind: "crash" });
    });
    const outcome = await Promise.race([answered(work(process)), death]);
    connection.onDeath = undefined;
    connection.fate = undefined;
    if (isUnknown(outcome)) this.wasMade = connection.wasMade;
    if (watch.broken !== undefined) throw watch.broken;
    if (outcome.kind === "answer") watch.release();
    if (outcome.kind === "crash") {
      this.hasCrashed = true;
      await this.restart(process);
    } else if (isUnknown(outcome)) this.hasCrashed = true;
    return outcome;
  }

  /**
   * Calls a client, which may learn that another process was first. Then it looks, and calls again.
   * @returns the outcome, and the process that it came from
   */
  async insist<T>(
    choice: number,
    fate: Fate | undefined,
    work: (process: Process) => Promise<T>,
  ): Promise<Outcome<T>> {
    for (let i = 0; ; i++) {
      const process = this.process(choice);
      const { writes } = process.connection;
      const outcome = await this.call(process, fate, work);
      const code = outcome.kind === "error" ? outcome.error.code : undefined;
      hold(code !== "stale-state" || this.hadTwo, "a single opener is never stale", () => this.name);
      hold(code !== "stale-state" || i < 5, "who is stale goes on", () => this.name);
      if (!this.hadTwo || i === 5 || outcome.kind === "crash" || code === "storage") return outcome;
      if (outcome.kind === "answer" && process.connection.writes > writes) return outcome;
      // What it refuses, or answers without a write, may be another thing in the state that the other process has left.
      const looked = await this.call(process, undefined, ({ client }) => client.refresh());
      if (code !== "stale-state" && !(looked.kind === "answer" && looked.value)) return outcome;
    }
  }

  /** The group, as a process has it or finds it. */
  async group({ client }: Process, room: Pick<Room, "id">, joining = false): Promise<Group | undefined> {
    const found = await client.group(room.id, { joining });
    if (found !== undefined || !this.hadTwo) return found;
    await client.refresh();
    return client.group(room.id, { joining });
  }

  /** The same, as the storage has it now. */
  async fresh(process: Process, room: Pick<Room, "id">): Promise<Group | undefined> {
    await process.client.refresh();
    return process.client.group(room.id);
  }

  /** Notes keys that must not be on the disk any more. */
  keepUsed(keys: readonly Uint8Array[]): void {
    this.usedKeys.push(...keys);
    this.usedKeys.splice(0, this.usedKeys.length - USED_KEYS);
  }

  choose(numbers: Numbers): number {
    return this.processes.length === 1 ? 0 : numbers.below(this.processes.length);
  }
}

/** Whether the call's write has failed or the process has ended: then the device must look what it has. */
export function isUnknown<T>(outcome: Outcome<T>): boolean {
  return outcome.kind === "crash" || (outcome.kind === "error" && outcome.error.code === "storage");
}

async function answered<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: "answer", value: await work };
  } catch (error) {
    if (error instanceof MlsError) return { kind: "error", error };
    if (error instanceof Broken) throw error;
    throw new Broken("only MlsErrors are thrown", String(error), { cause: error });
  }
}
