// RFC 9420: hundreds of clients in one process, in which nothing is left to chance but by the seed.
import type { Group } from "@copse/core";
import { hold } from "./broken.js";
import { type Library, libraries } from "./crypto.js";
import { Device, type Membership, type Surroundings } from "./device.js";
import { Disk } from "./disk.js";
import { FAULTS } from "./faults.js";
import type { ForkedRoom } from "./forks/tree.js";
import type { Letter } from "./letter.js";
import { digestOf, Numbers } from "./numbers.js";
import { Room } from "./room.js";
import { Seals } from "./seals.js";
import type { Step } from "./step.js";

export interface WorldOptions {
  readonly seed: number;
  /** How many devices there are. */
  readonly devices: number;
  /** How many groups there are at a time. */
  readonly rooms: number;
  /** The fault that is planted. */
  readonly fault?: string | undefined;
}

/** A key package that the delivery service hands out. */
export interface Offered {
  /** The step that made it. */
  readonly n: number;
  readonly device: Device;
  readonly bytes: Uint8Array;
  /** In seconds. */
  readonly notAfter: number;
}

const START = Date.UTC(2030, 0, 1);

export class World {
  readonly options: WorldOptions;
  readonly devices: readonly Device[];
  /** By their numbers: those of steps that made them. */
  readonly rooms = new Map<number, Room>();
  /** Those without order. */
  readonly forked = new Map<number, ForkedRoom>();
  /** Key packages by the steps that offered them: those that nobody wants yet, and those that steps to come are about. */
  readonly offered = new Map<number, Offered>();
  readonly claimed = new Map<number, Offered>();
  readonly seals = new Seals();
  /** How often each thing happened. */
  readonly tally = new Map<string, number>();
  /** How much time has passed besides a second for each step, in milliseconds. */
  waited = 0;
  /** Whom and what the last step was about: more than it says, where it is about all. */
  at: { readonly device: Device; readonly room: { readonly n: number } | undefined } | undefined;
  /** Of the trace: the same for the same steps. */
  trace = 0;
  #entropy: Numbers;
  #letters = 0;
  #step: Step | undefined;

  private constructor(options: WorldOptions, all: readonly Library[]) {
    this.options = options;
    this.#entropy = new Numbers(options.seed, -1, 1);
    const faults = FAULTS[options.fault ?? ""]?.() ?? {};
    const surroundings: Surroundings = {
      seals: this.seals,
      faults,
      entropy: (length) => this.#entropy.bytes(length),
      now: () => this.now,
    };
    const numbers = new Numbers(options.seed, -1);
    this.devices = Array.from({ length: options.devices }, (_, n) => {
      const library = numbers.pick(all) as Library;
      return new Device(n, library, surroundings, new Disk(faults.write));
    });
  }

  static async create(options: WorldOptions): Promise<World> {
    return new World(options, await libraries());
  }

  /** The device of a step, which is switched on at its first. */
  async device(n: number): Promise<Device> {
    const device = this.devices[n];
    if (device === undefined)
      throw new Error(`expected a device from 0 to ${this.devices.length - 1}, got ${n}`);
    if (device.processes.length === 0) {
      this.#entropy = new Numbers(this.options.seed, -2 - n, 1);
      await device.start();
    }
    return device;
  }

  count(what: string, times = 1): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + times);
  }

  /** In milliseconds. */
  get now(): number {
    return START + 1000 * (this.#step?.n ?? 0) + this.waited;
  }

  /** A key package that a step adds: once only. */
  use(n: number): Offered | undefined {
    const found = this.offered.get(n) ?? this.claimed.get(n);
    this.offered.delete(n);
    this.claimed.delete(n);
    return found;
  }

  /** Notes what a step came to. */
  note(...parts: readonly (Uint8Array | string)[]): void {
    const bytes = parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
    this.trace = digestOf(Buffer.from(String(this.trace)), ...bytes);
  }

  /** Begins a step, whose randomness depends on nothing but the seed and its number. */
  begin(step: Step): Numbers {
    this.#step = step;
    this.#letters = 0;
    this.#entropy = new Numbers(this.options.seed, step.n, 1);
    return new Numbers(this.options.seed, step.n);
  }

  letter(letter: Omit<Letter, "id">): Letter {
    const id = `${(this.#step as Step).n}.${this.#letters++}`;
    this.note(letter.kind, letter.bytes);
    return { id, ...letter };
  }

  createRoom(id: Uint8Array, creator: Device): Room {
    const room = new Room((this.#step as Step).n, id, creator);
    this.rooms.set(room.n, room);
    return room;
  }

  /** The room is given up: nobody speaks of it any more. */
  endRoom(room: Room): void {
    this.rooms.delete(room.n);
    for (const device of this.devices) {
      device.memberships.delete(room);
      for (const [id, { letter }] of device.inbox) if (letter.room === room) device.inbox.delete(id);
      for (let i = device.consumed.length - 1; i >= 0; i--)
        if (device.consumed[i]?.letter.room === room) device.consumed.splice(i, 1);
    }
  }

  /** A device has entered an epoch, by a commit, a Welcome, or a process that looked what is there. */
  enter(device: Device, room: Room, group: Group, since?: number): void {
    const before = device.memberships.get(room);
    const epoch = Number(group.epoch);
    const isActive = group.active;
    const membership: Membership = {
      room,
      status: isActive ? "active" : "removed",
      epoch: isActive ? epoch : (before?.epoch ?? epoch),
      since: since ?? before?.since ?? epoch,
      isCommitting: false,
      proposals: new Set(),
    };
    device.memberships.set(room, membership);
    this.entered(device, membership, group);
  }

  /** The same, of a device whose membership says it already. */
  entered(device: Device, membership: Membership, group: Group): void {
    const { room } = membership;
    const epoch = Number(group.epoch);
    const isActive = group.active;
    if (isActive) room.arrived(device, membership, group);
    hold(room.epoch >= epoch, "nobody is ahead of the delivery service", () => `${device.name}: ${epoch}`);
    // Who joined anew by an external commit has left its former leaf.
    const isMember =
      room.isMember(device, membership.epoch + 1) && room.log.get(membership.epoch)?.from !== device;
    hold(
      isActive || !isMember,
      "who is a member isn't shut out",
      () => `${device.name} after epoch ${epoch}`,
    );
  }
}
