// A client of Discord's voice gateway over davey's own session.
import type { DAVESession } from "@snazzah/davey";
import type { VoiceClient } from "./voice-client.js";

const VERSION = 1;
const AUDIO = 0;

/** One session of davey. */
export class DaveyClient implements VoiceClient {
  readonly kind = "davey";
  readonly userId: string;
  /** Why the last commit or Welcome could not be processed. */
  problem: unknown;
  readonly #session: DAVESession;

  private constructor(userId: string, session: DAVESession) {
    this.userId = userId;
    this.#session = session;
  }

  static async create(userId: string, channelId: string): Promise<DaveyClient> {
    const davey = await import("@snazzah/davey");
    return new DaveyClient(userId, new davey.DAVESession(VERSION, userId, channelId));
  }

  async externalSender(sender: Uint8Array): Promise<void> {
    this.#session.setExternalSender(Buffer.from(sender));
  }

  async startAnew(): Promise<void> {
    this.#session.reinit(VERSION, this.userId, this.#session.channelId);
  }

  async keyPackage(): Promise<Uint8Array> {
    return this.#session.getSerializedKeyPackage();
  }

  async proposals(operation: 0 | 1, proposals: Uint8Array, users: readonly string[]) {
    const made = this.#session.processProposals(operation, Buffer.from(proposals), [...users]);
    return made.commit && Buffer.concat([made.commit, made.welcome ?? Buffer.alloc(0)]);
  }

  async commit(_transition: number, commit: Uint8Array): Promise<boolean> {
    return this.#ready(() => this.#session.processCommit(Buffer.from(commit)));
  }

  async welcome(_transition: number, welcome: Uint8Array): Promise<boolean> {
    return this.#ready(() => this.#session.processWelcome(Buffer.from(welcome)));
  }

  async encrypt(frame: Uint8Array): Promise<Uint8Array> {
    return this.#session.encryptOpus(Buffer.from(frame));
  }

  async decrypt(from: string, frame: Uint8Array): Promise<Uint8Array> {
    return this.#session.decrypt(from, AUDIO, Buffer.from(frame));
  }

  get epoch(): bigint {
    return this.#session.epoch ?? 0n;
  }

  get leafIndex(): number {
    return this.#session.ownLeafIndex ?? 0;
  }

  get epochAuthenticator(): Uint8Array {
    return this.#session.getEpochAuthenticator() ?? new Uint8Array();
  }

  get users(): readonly string[] {
    return this.#session.getUserIds();
  }

  async #ready(work: () => void): Promise<boolean> {
    try {
      work();
      return true;
    } catch (error) {
      this.problem = error;
      await this.startAnew();
      return false;
    }
  }
}
