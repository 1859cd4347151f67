// A client of Discord's voice gateway as bots have it: discord.js's session, which drives davey's.
import type { DAVESession } from "@discordjs/voice";
import type { DAVESession as Davey } from "@snazzah/davey";
import type { VoiceClient } from "./voice-client.js";

const VERSION = 1;

/** One session of discord.js, driven as its `Networking` drives it for the gateway's packets. */
export class DiscordClient implements VoiceClient {
  readonly kind = "discord.js";
  readonly userId: string;
  /** What the session reports in its events, for messages of failed tests. */
  readonly debug: string[] = [];
  readonly #session: DAVESession;
  #keyPackage: Uint8Array | undefined;

  private constructor(userId: string, session: DAVESession) {
    this.userId = userId;
    this.#session = session;
    session.on("debug", (message) => this.debug.push(message));
    session.on("keyPackage", (keyPackage) => {
      this.#keyPackage = keyPackage;
    });
  }

  static async create(userId: string, channelId: string): Promise<DiscordClient> {
    const voice = await import("@discordjs/voice");
    const client = new DiscordClient(userId, new voice.DAVESession(VERSION, userId, channelId, {}));
    await client.startAnew();
    return client;
  }

  async startAnew(): Promise<void> {
    this.#session.prepareEpoch({ epoch: 1, protocol_version: VERSION });
  }

  async externalSender(sender: Uint8Array): Promise<void> {
    this.#session.setExternalSender(Buffer.from(sender));
  }

  /** The one that the session has sent of itself, last of all. */
  async keyPackage(): Promise<Uint8Array> {
    if (this.#keyPackage === undefined) throw new Error("the session has sent no key package");
    return this.#keyPackage;
  }

  async proposals(operation: 0 | 1, proposals: Uint8Array, users: readonly string[]) {
    return this.#session.processProposals(Buffer.concat([Buffer.of(operation), proposals]), new Set(users));
  }

  async commit(transition: number, commit: Uint8Array): Promise<boolean> {
    return this.#transit(this.#session.processCommit(packet(transition, commit)));
  }

  async welcome(transition: number, welcome: Uint8Array): Promise<boolean> {
    return this.#transit(this.#session.processWelcome(packet(transition, welcome)));
  }

  async encrypt(frame: Uint8Array): Promise<Uint8Array> {
    return this.#session.encrypt(Buffer.from(frame));
  }

  async decrypt(from: string, frame: Uint8Array): Promise<Uint8Array> {
    const decrypted = this.#session.decrypt(Buffer.from(frame), from);
    if (decrypted === null) throw new Error(`discord.js drops the frame: ${this.debug.at(-1)}`);
    return decrypted;
  }

  /** A code of 30 digits, which all members see. */
  get privacyCode(): string {
    return this.#session.voicePrivacyCode ?? "";
  }

  get epoch(): bigint {
    return this.#davey.epoch ?? 0n;
  }

  get leafIndex(): number {
    return this.#davey.ownLeafIndex ?? 0;
  }

  get epochAuthenticator(): Uint8Array {
    return this.#davey.getEpochAuthenticator() ?? new Uint8Array();
  }

  get users(): readonly string[] {
    return this.#davey.getUserIds();
  }

  /** The session of davey below it: discord.js itself shows neither epoch nor members. */
  get #davey(): Davey {
    return this.#session.session as unknown as Davey;
  }

  /** 23 and 22: the gateway lets those who are ready go over to the new epoch. */
  #transit({ success, transitionId }: { success: boolean; transitionId: number }): boolean {
    return success && this.#session.executeTransition(transitionId);
  }
}

function packet(transition: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(transition);
  return Buffer.concat([head, content]);
}
