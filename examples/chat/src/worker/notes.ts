// What the chat itself remembers of a person: which keys were compared, and how far each conversation was read.
import type { ClientStorage } from "@copse/core/storage";
import type { CommitRecord } from "./words.js";

interface Content {
  /** Names, by the keys in hexadecimal that were compared. */
  readonly verified: Record<string, string>;
  /** Places in histories, by conversation. */
  readonly read: Record<string, number>;
  /** The newest commit of each conversation. */
  readonly commits: Record<string, CommitRecord>;
}

const KEY = "notes";

export class Notes {
  readonly #storage: ClientStorage;
  readonly #content: Content;

  private constructor(storage: ClientStorage, content: Content) {
    this.#storage = storage;
    this.#content = content;
  }

  static async open(storage: ClientStorage): Promise<Notes> {
    const stored = await storage.get(KEY);
    const content = stored && (JSON.parse(new TextDecoder().decode(stored)) as Content);
    return new Notes(storage, content ?? { verified: {}, read: {}, commits: {} });
  }

  async #save(): Promise<void> {
    const value = new TextEncoder().encode(JSON.stringify(this.#content));
    await this.#storage.write([{ key: KEY, value }], []);
  }

  isVerified(key: string): boolean {
    return this.#content.verified[key] !== undefined;
  }

  /** Whether some key was compared for a name. */
  knows(name: string): boolean {
    return Object.values(this.#content.verified).includes(name);
  }

  async verify(key: string, name: string, verified: boolean): Promise<void> {
    if (verified) this.#content.verified[key] = name;
    else delete this.#content.verified[key];
    await this.#save();
  }

  lastCommit(conversation: string): CommitRecord | undefined {
    return this.#content.commits[conversation];
  }

  async noteCommit(conversation: string, commit: CommitRecord): Promise<void> {
    this.#content.commits[conversation] = commit;
    await this.#save();
  }

  readUpTo(conversation: string): number {
    return this.#content.read[conversation] ?? -1;
  }

  async markRead(conversation: string, place: number): Promise<void> {
    if (place <= this.readUpTo(conversation)) return;
    this.#content.read[conversation] = place;
    await this.#save();
  }
}
