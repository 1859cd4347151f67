// The state of a script that is being played: the servers of its actors, and their answers so far.
import type { Message, RemoteClient } from "../grpc.js";
import { sameBytes } from "../wire.js";
import type { Chance } from "./random.js";
import type { Parameters } from "./script.js";

/** A server, with its name and suites. */
export interface Player {
  readonly name: string;
  readonly suites: readonly number[];
  readonly client: RemoteClient;
}

/** One call and its answer, for the transcript. */
export interface TranscriptEntry {
  readonly actor: string;
  readonly rpc: string;
  readonly request: Message;
  readonly response: Message;
}

/** Thrown if an answer is wrong, though the call succeeded. */
export class Disagreement extends Error {
  override readonly name = "Disagreement";
}

/** Thrown if the servers lack something that the script needs. */
export class NotPlayable extends Error {
  override readonly name = "NotPlayable";
}

export interface StageOptions {
  readonly suite: number;
  readonly encryptHandshake: boolean;
  readonly cast: ReadonlyMap<string, Player>;
  readonly chance: Chance;
  readonly steps: number;
  /** Whether to check more than the script asks: exported secrets, and messages between all members. */
  readonly checks: boolean;
}

export class Stage {
  /** Changes with a reinitialization to another one. */
  suite: number;
  readonly encryptHandshake: boolean;
  readonly chance: Chance;
  readonly checks: boolean;
  readonly states = new Map<string, number>();
  readonly transactions = new Map<string, number>();
  readonly signers = new Map<string, number>();
  readonly transcript: TranscriptEntry[] = [];
  private readonly cast: ReadonlyMap<string, Player>;
  private readonly results: Map<string, Uint8Array>[];

  constructor({ suite, encryptHandshake, cast, chance, steps, checks }: StageOptions) {
    this.suite = suite;
    this.encryptHandshake = encryptHandshake;
    this.cast = cast;
    this.chance = chance;
    this.checks = checks;
    this.results = Array.from({ length: steps }, () => new Map());
  }

  private player(actor: string): Player {
    const player = this.cast.get(actor);
    if (player === undefined) throw new Error(`nobody plays ${actor}`);
    return player;
  }

  /** Calls the server of an actor. @param silent don't add the call to the transcript */
  async call(actor: string, rpc: string, request: Message, silent = false): Promise<Message> {
    const response = await this.player(actor).client.call(rpc, request);
    if (!silent) this.transcript.push({ actor, rpc, request, response });
    return response;
  }

  /** Stores the result of a step for later steps. */
  keep(step: number, key: string, value: Uint8Array): void {
    this.results[step]?.set(key, value);
  }

  /** @throws Error if the step has no such result */
  kept(step: number, key: string): Uint8Array {
    const value = this.results[step]?.get(key);
    if (value === undefined) throw new Error(`step ${step} gave no ${key}`);
    return value;
  }

  private numberOf(kind: string, numbers: ReadonlyMap<string, number>, actor: string): number {
    const number = numbers.get(actor);
    if (number === undefined) throw new Error(`${actor} has no ${kind}`);
    return number;
  }

  state(actor: string): number {
    return this.numberOf("state", this.states, actor);
  }

  transaction(actor: string): number {
    return this.numberOf("transaction", this.transactions, actor);
  }

  signer(actor: string): number {
    return this.numberOf("signer", this.signers, actor);
  }

  /** Sets an actor's new state, and returns its epoch authenticator. @throws Disagreement if another one is expected */
  enter(actor: string, response: Message, expected?: Uint8Array): Uint8Array {
    const authenticator = bytesOf(response, "epoch_authenticator");
    if (expected !== undefined && !sameBytes(expected, authenticator)) {
      throw new Disagreement(`${actor} has another epoch authenticator`);
    }
    this.states.set(actor, Number(response.state_id));
    return authenticator;
  }

  /** A different suite that all servers have. */
  changeSuite(): void {
    const players = [...this.cast.values()];
    const common = (players[0]?.suites ?? []).filter(
      (suite) => suite !== this.suite && players.every(({ suites }) => suites.includes(suite)),
    );
    if (common.length === 0) throw new NotPlayable("the servers have no other cipher suite in common");
    this.suite = this.chance.pick(common);
  }

  /** After each change of epoch: all members have the same exported secret and read each other's messages. */
  async agree(actors: readonly string[]): Promise<void> {
    if (!this.checks) return;
    const ask = async (rpc: string, field: string, request: Message) => {
      let first: Uint8Array | undefined;
      for (const actor of actors) {
        const answer = await this.call(actor, rpc, { state_id: this.state(actor), ...request }, true);
        const value = bytesOf(answer, field);
        first ??= value;
        if (!sameBytes(first, value)) throw new Disagreement(`${actor} has another ${field}`);
      }
    };
    await ask("StateAuth", "state_auth_secret", {});
    const context = this.chance.bytes(16);
    const length = 1 + this.chance.number(64);
    await ask("Export", "exported_secret", { label: "agreement", context, key_length: length });
    // In a large group one member sends to all; in a small one each member does.
    const senders = actors.length > 6 ? [this.chance.pick(actors)] : actors;
    for (const sender of senders) {
      const plaintext = new TextEncoder().encode(`from ${sender}`);
      const data = this.chance.bytes(this.chance.number(20));
      const request = { state_id: this.state(sender), plaintext, authenticated_data: data };
      const ciphertext = bytesOf(await this.call(sender, "Protect", request, true), "ciphertext");
      for (const actor of actors) {
        if (actor === sender) continue;
        const opened = await this.call(actor, "Unprotect", { state_id: this.state(actor), ciphertext }, true);
        const same =
          sameBytes(bytesOf(opened, "plaintext"), plaintext) &&
          sameBytes(bytesOf(opened, "authenticated_data"), data);
        if (!same) throw new Disagreement(`${actor} reads another message than ${sender} sent`);
      }
    }
  }

  /** Frees all states. */
  async free(): Promise<void> {
    for (const [actor, state_id] of this.states) await this.call(actor, "Free", { state_id }, true);
  }
}

export function bytesOf(message: Message, field: string): Uint8Array {
  const value = message[field];
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

/** A new key package. */
export async function keyPackageOf(stage: Stage, actor: string): Promise<Message> {
  const request = { cipher_suite: stage.suite, identity: new TextEncoder().encode(actor) };
  return stage.call(actor, "CreateKeyPackage", request);
}

/** The input of an action. */
export interface Scene {
  readonly stage: Stage;
  /** The number of the step, from 0. */
  readonly index: number;
  readonly actor: string;
  readonly parameters: Parameters;
}
