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
/** Milliseconds that all have to open and to start the groups; and how much longer than planned a phase may take. */
const BEGIN = 300_000;
const MARGIN = 60_000;
/** How many times the patience calls may take to be answered, as long as something happens. */
const SLOW = 8;

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
  #found: readonly FinalView[] = [];

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
    this.#storm?.hear();
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
          `the service ${count("the service killed")} times, ${this.#storm.open} open, ${this.#storm.oldest}`,
      );
    });
  }

  /** Nothing disturbs any more: all answer, and come to the same state. */
  async calm(): Promise<void> {
    this.#service.calm();
    this.#fleet.calm();
    this.#say(`calm, ${this.#storm.open} open`);
    if (!(await this.#storm.answered(this.#patience)))
      this.#judge.complain(
        "nothing waits for ever",
        "",
        `${this.#storm.open} calls have no answer: ${this.#storm.waiting}`,
      );
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

  async #look(name: string, wholly: boolean): Promise<readonly FinalView[]> {
    try {
      return await this.#fleet.look(name, wholly);
    } catch (error) {
      this.#judge.complain("clients answer", "", `${name}: ${error}`);
      return [];
    }
  }

  /** @param wholly with their histories */
  async #views(wholly: boolean): Promise<FinalView[]> {
    const honest = this.#company.all.filter(({ isHonest }) => isHonest);
    return (await Promise.all(honest.map(({ name }) => this.#look(name, wholly)))).flat();
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

  /** Waits until all agree, and has each say a last word. */
  async agree(): Promise<void> {
    const end = performance.now() + this.#patience;
    let views = await this.#views(false);
    while (!this.#isAgreed(views) && performance.now() < end) {
      await sleep(250);
      views = await this.#views(false);
    }
    this.#say("all are quiet; each says a last word");
    const words = views.filter(({ isMember }) => isMember);
    const said = words.map(({ group, client }) => this.#storm.do(this.#rooms.send(group, client)));
    if (!(await endsWithin(Promise.all(said), this.#patience)))
      this.#judge.complain("nothing waits for ever", "", "a last word isn't acknowledged");
    await this.#settle();
  }

  /** Compares all that they have. */
  async look(): Promise<void> {
    this.#found = await this.#views(true);
    const { logOf } = this.#service;
    for (const group of logOf ? new Set(this.#found.map((one) => one.group)) : [])
      this.#judge.readLog(group, (await logOf?.(group)) ?? new Map());
    this.#say("all have said what they have");
  }

  /** What is wrong, as far as it is known: a phase may not have ended. */
  verdict(): Verdict {
    const verdict = this.#judge.judge(this.#found);
    const all = new Map([...(this.#storm?.counts ?? []), ...verdict.counts]);
    // If the clients weren't opened in time, there is no fleet.
    const { kills = 0, weather = {} } = this.#fleet ?? {};
    all.set("clients killed", kills);
    for (const [what, n] of [...Object.entries(weather), ...Object.entries(this.#service.counts)])
      all.set(`network: ${what}`, (all.get(`network: ${what}`) ?? 0) + n);
    return { complaints: verdict.complaints, counts: all };
  }

  /** Does the phases one after the other. One that doesn't end is the last; if a fault is found, they needn't agree. */
  async play(): Promise<Verdict> {
    const { seconds, fault } = this.#options;
    const phases = {
      begin: [() => this.begin(), BEGIN],
      rage: [() => this.rage(), seconds * 1000],
      calm: [() => this.calm(), SLOW * this.#patience],
      agree: [() => this.agree(), 3 * this.#patience],
      look: [() => this.look(), this.#patience],
    } as const;
    for (const [name, [work, milliseconds]] of Object.entries(phases)) {
      if (name === "agree" && fault !== undefined && this.#judge.isBroken) continue;
      const isOver = await endsWithin(work(), milliseconds + MARGIN);
      if (isOver) continue;
      this.#judge.complain("nothing waits for ever", "", `the run doesn't come to the end of "${name}"`);
      break;
    }
    return this.verdict();
  }

  async close(): Promise<void> {
    this.#storm?.end();
    await this.#fleet?.close();
  }
}

export async function run(options: Options, service: Service): Promise<Verdict> {
  const folder = await mkdtemp(join(process.env.COPSE_CRASH_FOLDER ?? tmpdir(), "copse-chaos-"));
  const one = new Run(options, service, folder);
  try {
    return await one.play();
  } finally {
    await one.close();
    await rm(folder, { recursive: true, force: true });
  }
}
