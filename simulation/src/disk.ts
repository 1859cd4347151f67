// RFC 9420 §16.2: what outlasts a process, and the connections of processes to it, which end with these at any write.
import { type ClientStorage, memoryStorage, type StoredEntry } from "@copse/core/storage";

/**
 * What becomes of a process at a write: it ends before or after the write is made, or lives and learns that the write
 * failed, which then wasn't made, or was.
 */
export const FATES = ["dies before", "dies after", "fails before", "fails after"] as const;
export type Fate = (typeof FATES)[number];

type Write = ClientStorage["write"];

/** How a faulty storage writes. @param write makes a write as it should be. @param later is called at the next write */
export type FaultyWrite = (
  write: (...args: Parameters<Write>) => boolean,
  args: Parameters<Write>,
  later: (work: () => void) => void,
) => boolean;

export class Disk {
  readonly #inner: ClientStorage;
  readonly #faulty: FaultyWrite | undefined;
  #later: (() => void) | undefined;

  constructor(faulty?: FaultyWrite, inner: ClientStorage = memoryStorage()) {
    this.#faulty = faulty;
    this.#inner = inner;
  }

  get entries(): readonly StoredEntry[] {
    return this.#inner.list("") as readonly StoredEntry[];
  }

  /** The same entries, elsewhere. */
  copy(): Disk {
    const copy = new Disk();
    void copy.#inner.write(
      this.entries.map(({ key, value }) => ({ key, value })),
      [],
    );
    return copy;
  }

  read<T>(work: (inner: ClientStorage) => T): T {
    return work(this.#inner);
  }

  write(...args: Parameters<Write>): boolean {
    this.#later?.();
    this.#later = undefined;
    // memoryStorage() answers at once.
    const write = (...all: Parameters<Write>) => this.#inner.write(...all) as boolean;
    if (this.#faulty === undefined) return write(...args);
    return this.#faulty(write, args, (work) => {
      this.#later = work;
    });
  }

  /** What hasn't reached the disk when the device stops is lost. */
  stop(): void {
    this.#later = undefined;
  }
}

/** The connection of one process. */
export class Connection implements ClientStorage {
  readonly #disk: Disk;
  #isDead = false;
  /** How many writes were made, but for those that only end key packages. */
  writes = 0;
  /** What becomes of the next write. */
  fate: Fate | undefined;
  /** Whether the write that had a fate was made. */
  wasMade = false;
  /** Is called when another process was first, and nothing was written. */
  onRefused: (() => void) | undefined;
  /** Is called when the process ends by its fate. */
  onDeath: (() => void) | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The process ends: what it still calls has no answer. */
  kill(): void {
    this.#isDead = true;
    this.#disk.stop();
    this.onDeath?.();
  }

  get(key: string) {
    return this.#isDead ? never<undefined>() : this.#disk.read((inner) => inner.get(key));
  }

  list(prefix: string) {
    return this.#isDead ? never<readonly StoredEntry[]>() : this.#disk.read((inner) => inner.list(prefix));
  }

  write(...args: Parameters<Write>): boolean | Promise<boolean> {
    if (this.#isDead) return never();
    const { fate } = this;
    this.fate = undefined;
    if (fate === "dies before") {
      this.kill();
      return never();
    }
    if (fate === "fails before") throw new Error("the disk is full");
    const isMade = this.#disk.write(...args);
    if (!isMade) this.onRefused?.();
    else if (!endsKeyPackages(args[0])) this.writes++;
    this.wasMade = isMade;
    if (fate === "fails after") throw new Error("the connection was lost");
    if (fate !== "dies after") return isMade;
    this.kill();
    return never();
  }
}

/** A client ends key packages that have expired by a write of their own, before what it is called for: it compares no group. */
const endsKeyPackages = (changes: Parameters<Write>[0]): boolean =>
  changes.every(({ key, value }) => key.startsWith("client/key-packages/") && value === undefined);

/** Waits for ever. */
const never = <T>(): Promise<T> => new Promise(() => undefined);
