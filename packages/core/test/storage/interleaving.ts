// RFC 9420 §9.2: what interleavings.test.ts works with: a storage that is slow and fails, calls whose entries are looked at, and Bob.
import { type Group, MlsError, type OperationOptions } from "@copse/core";
import { type ClientStorage, type EntryChange, type StoredClient, sealedStorage } from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { type Party, party } from "@copse/test-support/clients";
import { lastResort } from "@copse/test-support/last-resort";
import { SUITE } from "./stores.js";

export interface Mode {
  /** Writes fail, and groups are closed while they work. */
  readonly isHard: boolean;
  readonly isSealed: boolean;
  /** Calls are given up by their signals. */
  readonly aborts: boolean;
}

/** A whole number from 0 on. */
export type Below = (count: number) => number;

export const codeOf = (error: unknown): string => (error instanceof MlsError ? error.code : String(error));

/** A storage whose calls take a while, and whose writes fail while `isFailing` says so. */
export class Shaky {
  readonly #inner: ClientStorage;
  readonly #below: Below;
  readonly #remembered = new Map<string, number>();
  isFailing = false;

  constructor(inner: ClientStorage, below: Below) {
    this.#inner = inner;
    this.#below = below;
  }

  async #pause(): Promise<void> {
    for (let n = this.#below(4); n > 0; n--) await new Promise(setImmediate);
  }

  open(): ClientStorage {
    const inner = this.#inner;
    return {
      get: async (key) => {
        await this.#pause();
        return inner.get(key);
      },
      list: async (prefix) => {
        await this.#pause();
        return inner.list(prefix);
      },
      write: async (changes, steps) => {
        const fate = this.#below(12);
        // Copies: whoever gives up waiting overwrites what it gave.
        const copies = changes.map(({ key, value }) => ({ key, value: value?.slice() }));
        await this.#pause();
        if (this.isFailing && fate === 0) throw new Error("the write is lost");
        const isMade = await inner.write(copies, steps);
        await this.#pause();
        if (this.isFailing && fate === 1) throw new Error("the answer is lost");
        return isMade;
      },
    };
  }

  openSealed(): ClientStorage {
    const memory = {
      recall: async (prefix: string) => {
        await this.#pause();
        return new Map([...this.#remembered].filter(([name]) => name.startsWith(prefix)));
      },
      remember: async (part: string, writes: number) => {
        await this.#pause();
        this.#remembered.set(part, Math.max(writes, this.#remembered.get(part) ?? 0));
      },
    };
    return sealedStorage(this.open(), nodeStorageCipher(new Uint8Array(32).fill(3)), { memory });
  }
}

/** What a call is given. */
export interface CallOptions extends OperationOptions {
  readonly alongside?: () => readonly EntryChange[];
}

/** Thrown by `alongside`. */
class NoRoom extends Error {}
export const isNoRoom = (error: unknown): boolean => error instanceof NoRoom;

/** Calls with options by chance, and which entries must be there after them. */
export class Calls {
  readonly #below: Below;
  readonly #mode: Mode;
  /** Whether each entry must be there: `undefined` if the call couldn't tell. */
  readonly #entries = new Map<string, { readonly must: boolean | undefined; readonly note: string }>();
  #count = 0;

  constructor(below: Below, mode: Mode) {
    this.#below = below;
    this.#mode = mode;
  }

  #signal(): OperationOptions {
    if (!this.#mode.aborts || this.#below(4) > 0) return {};
    const controller = new AbortController();
    const abort = (ticks: number) => {
      if (ticks === 0) controller.abort();
      else setImmediate(abort, ticks - 1);
    };
    abort(this.#below(12));
    return { signal: controller.signal };
  }

  /** Makes a call with a signal, perhaps, and with an entry, perhaps: that is there exactly if the call succeeded. */
  async with<T>(call: (options: CallOptions) => Promise<T>): Promise<T> {
    const signal = this.#signal();
    if (this.#below(2) === 0) return call(signal);
    const key = `app/out/${this.#count++}`;
    const throws = this.#below(8) === 0;
    const alongside = () => {
      if (throws) throw new NoRoom();
      return [{ key, value: Uint8Array.of(1) }];
    };
    try {
      const answer = await call({ ...signal, alongside });
      // What was asked to delete a group that isn't there writes the entry, if it is asked for it.
      this.#entries.set(key, { must: answer === false ? undefined : true, note: String(call) });
      return answer;
    } catch (error) {
      // Nobody knows then, also where a group was closed while its write was made.
      const isUnknown = codeOf(error) === "storage" || (this.#mode.isHard && codeOf(error) === "closed");
      const must = isUnknown ? undefined : false;
      this.#entries.set(key, { must, note: `${codeOf(error)} of ${String(call)}` });
      throw error;
    }
  }

  async check(client: StoredClient): Promise<void> {
    for (const [key, { must, note }] of this.#entries) {
      if (must === undefined) continue;
      const isThere = (await client.getEntry(key)) !== undefined;
      if (isThere !== must) throw new Error(`${key} is ${isThere ? "" : "not "}there: ${note}`);
    }
  }
}

/** What was said, and how often Alice has read it. */
interface Said {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
  read: number;
}

async function read(one: Said, group: Group): Promise<void> {
  const answer = await group.receive(one.bytes).then(({ kind }) => kind, codeOf);
  if (answer === "application" && one.isText && one.read++ > 0) throw new Error("a message was read twice");
}

/** The other member of all groups, who does one thing after the other. */
export class Bob {
  readonly #bob: Party;
  /** The group in which Alice is from the beginning on, and those that she joins. */
  readonly rooms: Group[] = [];
  readonly #said: Said[] = [];
  /** What is said in the rooms that Alice joins by a key package of last resort. */
  readonly #texts: (Said & { readonly groupId: Uint8Array })[] = [];
  #last: Promise<unknown> = Promise.resolve();

  private constructor(bob: Party) {
    this.#bob = bob;
  }

  static async create(): Promise<Bob> {
    return new Bob(await party("bob", { suite: SUITE, extensions: [lastResort] }));
  }

  get room(): Group {
    return this.rooms[0] as Group;
  }

  do<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** @param says whether a text is sent that is read once */
  newRoom(keyPackage: Uint8Array, says = false): Promise<Uint8Array> {
    return this.do(async () => {
      const room = await this.#bob.client.createGroup();
      const { welcome } = await room.add(keyPackage);
      await room.mergePendingCommit();
      this.rooms.push(room);
      const { groupId } = room;
      if (says) this.#texts.push({ groupId, bytes: await room.encrypt("once"), isText: true, read: 0 });
      return welcome as Uint8Array;
    });
  }

  /** Bob gets a message, of which nobody has had another one with the same generation. */
  hear(message: Uint8Array): Promise<string> {
    return this.do(async () => {
      const answer = await this.room.receive(message).then(({ kind }) => kind, codeOf);
      if (answer === "duplicate") throw new Error("one generation was used twice");
      return answer;
    });
  }

  /** @returns whether the commit is taken */
  take(bytes: Uint8Array): Promise<boolean> {
    return this.do(async () => {
      const isTaken = (await this.room.receive(bytes).then(({ kind }) => kind, codeOf)) === "commit";
      if (isTaken) this.#said.push({ bytes, isText: false, read: 0 });
      return isTaken;
    });
  }

  speak(isText: boolean): Promise<void> {
    return this.do(async () => {
      const bytes = isText ? await this.room.encrypt("from Bob") : (await this.room.update()).commit;
      if (!isText) await this.room.mergePendingCommit();
      this.#said.push({ bytes, isText, read: 0 });
    });
  }

  /** Alice reads all that was said in the first room. */
  async tellAll(group: Group): Promise<void> {
    for (const one of [...this.#said]) await read(one, group);
  }

  async tellTexts(client: StoredClient): Promise<void> {
    for (const one of [...this.#texts]) {
      const group = await client.group(one.groupId);
      if (group !== undefined) await read(one, group);
    }
  }

  /** Removes Alice, if she is there, and adds her again. */
  addAnew(room: Group, keyPackage: Uint8Array): Promise<{ commit?: Uint8Array; welcome: Uint8Array }> {
    return this.do(async () => {
      const alice = room.members.find(({ leafIndex }) => leafIndex !== room.ownLeafIndex);
      const removing = alice && (await room.remove(alice.leafIndex));
      await removing?.merge();
      const adding = await room.add(keyPackage);
      await adding.merge();
      return { ...(removing && { commit: removing.commit }), welcome: adding.welcome as Uint8Array };
    });
  }
}
