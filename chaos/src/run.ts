// One run against one service: it begins, rages, gets calm, and is judged.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Numbers } from "../../simulation/src/numbers.js";
import { type Company, companyOf } from "./fleet/cast.js";
import { Fleet } from "./fleet/fleet.js";
import { MEMBERS, Rooms } from "./fleet/rooms.js";
import { Storm } from "./fleet/storm.js";
import type { ClientEvent, FinalView } from "./model/events.js";
import { Judge, type Verdict } from "./model/judge.js";
import { endsWithin, sleep } from "./network/weather.js";
import type { Options } from "./options.js";
import type { Service } from "./services/service.js";

const PROGRESS = 5000;

class Run {
  readonly #options: Options;
  readonly #company: Company;
  readonly #service: Service;
  readonly #judge: Judge;
  readonly #rooms: Rooms;
  readonly #start = performance.now();
  /** In milliseconds. */
  readonly #patience: number;
  #fleet!: Fleet;
  #storm!: Storm;
  #printed = 0;

  constructor(options: Options, service: Service, folder: string) {
    this.#options = options;
    this.#patience = options.patience * 1000;
    this.#service = service;
    this.#company = companyOf(options, folder);
    this.#judge = new Judge(this.#company.isHonest);
    this.#rooms = new Rooms(this.#company, new Numbers(options.seed, 1, 2));
  }

  #say(text: string): void {
    console.log(`${((performance.now() - this.#start) / 1000).toFixed(0).padStart(4)} s: ${text}`);
  }

  #hear(event: ClientEvent): void {
    this.#judge.hear(event);
    if (event.kind === "epoch") this.#rooms.enter(event);
    if (event.kind === "epoch" && process.env.COPSE_CHAOS_PROBLEMS !== undefined)
      this.#say(
        `${event.client} ${event.group.slice(0, 8)} epoch ${event.epoch} ${event.authenticator.slice(0, 6)} ${event.members.join(" ")}`,
      );
    if (event.kind === "problem" && process.env.COPSE_CHAOS_PROBLEMS !== undefined)
      this.#say(`${event.client} ${event.group.slice(0, 8)} ${event.code}: ${event.text}`);
  }

  async begin(): Promise<void> {
    this.#fleet = await Fleet.open({
      service: this.#service,
      company: this.#company,
      seed: this.#options.seed,
      hear: (event) => this.#hear(event),
      failed: (text) => this.#judge.complain("clients answer", "", text),
    });
    this.#storm = new Storm({
      fleet: this.#fleet,
      rooms: this.#rooms,
      service: this.#service,
      company: this.#company,
      options: this.#options,
    });
    this.#say(`${this.#company.all.length} clients are there`);
    const starters = this.#company.steady.filter(({ isHonest }) => isHonest);
    await Promise.all(
      Array.from({ length: this.#options.groups }, async (_, i) => {
        const { name: client } = starters[i % starters.length] as (typeof starters)[number];
        const users = this.#rooms.users(Math.min(MEMBERS, this.#company.all.length) - 1, [client]);
        // Key packages may not be there yet.
        for (let tries = 0; ; tries++) {
          const done = await this.#storm.do({ client, deed: { kind: "start", name: `group ${i}`, users } });
          if (done?.kind === "done") return;
          if (tries === 20) throw new Error(`expected ${client} to start a group: ${done?.text}`);
          await sleep(200);
        }
      }),
    );
    this.#say(`${this.#options.groups} groups are there`);
  }

  async rage(): Promise<void> {
    await this.#storm.rage(() => {
      if (performance.now() - this.#printed < PROGRESS) return;
      this.#printed = performance.now();
      const count = (what: string) => this.#storm.counts.get(what) ?? 0;
      this.#say(
        `${count("send")} messages, ${count("send: done")} acknowledged, ${this.#fleet.kills} clients killed, ` +
          `the service ${count("the service killed")} times, ${this.#storm.open} open`,
      );
    });
  }

  /** Nothing disturbs any more: all answer, and come to the same state. */
  async calm(): Promise<void> {
    this.#service.calm();
    this.#fleet.calm();
    this.#say(`calm, ${this.#storm.open} open`);
    if (!(await this.#storm.answered(this.#patience)))
      this.#judge.complain("nothing waits for ever", "", `${this.#storm.open} calls have no answer`);
    await this.#settle();
  }

  async #settle(): Promise<void> {
    const end = performance.now() + this.#patience;
    for (const { name, isHonest } of this.#company.all) {
      if (!isHonest) continue;
      const left = Math.max(0, end - performance.now());
      const waitsFor = await this.#fleet.settle(name, left).catch((error: unknown) => `${error}`);
      if (waitsFor !== undefined)
        this.#judge.complain("nothing waits for ever", "", `${name} doesn't come to rest: ${waitsFor}`);
    }
  }

  async #look(name: string): Promise<readonly FinalView[]> {
    try {
      return await this.#fleet.look(name);
    } catch (error) {
      this.#judge.complain("clients answer", "", `${name}: ${error}`);
      return [];
    }
  }

  async #views(): Promise<FinalView[]> {
    const honest = this.#company.all.filter(({ isHonest }) => isHonest);
    return (await Promise.all(honest.map(({ name }) => this.#look(name)))).flat();
  }

  /** Whether the honest members of each group say the same of it. */
  #isAgreed(views: readonly FinalView[]): boolean {
    const states = new Map<string, string>();
    return views.every(({ isMember, group, epoch, authenticator }) => {
      if (!isMember) return true;
      const state = `${epoch} ${authenticator}`;
      const known = states.get(group) ?? state;
      states.set(group, known);
      return known === state;
    });
  }

  /** Waits until all agree, has each say a last word, and compares all that they have. */
  async judge(): Promise<Verdict> {
    const end = performance.now() + this.#patience;
    let views = await this.#views();
    while (!this.#isAgreed(views) && performance.now() < end) {
      await sleep(250);
      views = await this.#views();
    }
    this.#say("all are quiet; each says a last word");
    const words = views.filter(({ isMember }) => isMember);
    const said = words.map(({ group, client }) => this.#storm.do(this.#rooms.send(group, client)));
    if (!(await endsWithin(Promise.all(said), this.#patience)))
      this.#judge.complain("nothing waits for ever", "", "a last word isn't acknowledged");
    await this.#settle();
    const verdict = this.#judge.judge(await this.#views());
    const all = new Map([...this.#storm.counts, ...verdict.counts]);
    all.set("clients killed", this.#fleet.kills);
    for (const [what, n] of [...Object.entries(this.#fleet.weather), ...Object.entries(this.#service.counts)])
      all.set(`network: ${what}`, (all.get(`network: ${what}`) ?? 0) + n);
    return { complaints: verdict.complaints, counts: all };
  }

  async close(): Promise<void> {
    await this.#fleet?.close();
  }
}

export async function run(options: Options, service: Service): Promise<Verdict> {
  const folder = await mkdtemp(join(process.env.COPSE_CRASH_FOLDER ?? tmpdir(), "copse-chaos-"));
  const one = new Run(options, service, folder);
  try {
    await one.begin();
    await one.rage();
    await one.calm();
    return await one.judge();
  } finally {
    await one.close();
    await rm(folder, { recursive: true, force: true });
  }
}
