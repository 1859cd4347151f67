// RFC 9420 §12, §15: groups of members by Copse and by OpenMLS (mls-ts), mixed, that do what seeds say.
import {
  basicCredential,
  type CryptoProvider,
  externalSenders,
  generateSigner,
  insecureAcceptAll,
  type Signer,
} from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { MlsTsClient, SUITE } from "@copse/peer-mls-ts";
import { utf8 } from "@copse/test-support/bytes";
import { vectorProviders } from "@copse/test-support/providers";
import { fractionsFrom } from "@copse/test-support/random";
import { describe, expect, it } from "vitest";
import { type Anyone, Company, isOurs } from "./company.js";
import { CopsePeer } from "./peers.js";

const ROUNDS = 12;
const MOST = 9;
const serving = (await vectorProviders()).filter(({ suites }) => suites.some(({ id }) => id === SUITE));

/** A group, and the dice that say what happens in it. */
class Play {
  private made = 0;
  private company!: Company;
  private server!: Signer;
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = fractionsFrom(seed);
  }

  async run(): Promise<Company> {
    this.server = await generateSigner(serving[0] as CryptoProvider, SUITE);
    const creator = this.chance(0.5) ? await this.ours() : this.theirs();
    this.company = await Company.create(creator);
    const first = await this.ours();
    if (isOurs(creator)) await this.company.commit(creator, { add: [first, this.theirs()] });
    else await this.company.add(creator, first);
    const { publicKey: signatureKey } = this.server;
    const credential = basicCredential(utf8("server"));
    await this.company.commit(first, { extensions: [externalSenders([{ signatureKey, credential }])] });
    for (let round = 0; round < ROUNDS; round++) {
      await this.correspond();
      await this.change();
      await this.company.chat();
    }
    return this.company;
  }

  private below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  private chance(probability: number): boolean {
    return this.next() < probability;
  }

  private pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error("nothing to pick from");
    return from[this.below(from.length)] as T;
  }

  private ours(): Promise<CopsePeer> {
    const name = `copse ${this.made++}`;
    return CopsePeer.create(this.pick(serving), {
      suite: SUITE,
      handshake: "private",
      treeInWelcome: this.chance(0.5),
      name,
    });
  }

  private theirs(): MlsTsClient {
    return new MlsTsClient(`mls-ts ${this.made++}`);
  }

  private async anyone(): Promise<Anyone> {
    return this.chance(0.5) ? this.ours() : this.theirs();
  }

  /** Some write, and what they write comes in another order. */
  private async correspond(): Promise<void> {
    const letters: { to: Anyone; data: Uint8Array; sealed: Uint8Array }[] = [];
    for (let i = this.below(5); i > 0; i--) {
      const from = this.pick(this.company.members);
      const data = utf8(`message ${i} ${"x".repeat(this.below(600))}`);
      const sealed = await from.encrypt(data);
      for (const to of this.company.others(from)) letters.push({ to, data, sealed });
    }
    while (letters.length > 0) {
      const [letter] = letters.splice(this.below(letters.length), 1);
      if (letter !== undefined) await this.company.deliver(letter.to, letter.sealed, letter.data);
    }
  }

  /** Some propose, and one commits; or somebody joins from outside, whom no proposal waits for. */
  private async change(): Promise<void> {
    const { company } = this;
    if (company.members.length < MOST && this.chance(0.15)) return company.joinExternally(await this.ours());
    // Not from the last leaf: then the tree may become smaller, which OpenMLS refuses (see mls-ts.test.ts).
    const last = Math.max(...company.members.map((one) => company.leafOf(one)));
    const able = company.ours.filter(({ leafIndex }) => leafIndex < last);
    if (company.ours.length > 1 && able.length > 0 && this.chance(0.1)) {
      return company.joinExternally(this.pick(able), { resync: true });
    }
    const joining: Anyone[] = [];
    const changed = new Set<Anyone>();
    for (let i = this.below(4); i > 0; i--) await this.propose(joining, changed);
    const room = MOST - company.members.length - joining.length;
    const strangers = company.theirs.filter((one) => !changed.has(one));
    if (strangers.length > 0 && room > 0 && this.chance(0.5)) {
      const added = await this.anyone();
      return company.add(this.pick(strangers), added, [...joining, added]);
    }
    const by = this.pick(company.ours.filter((one) => !changed.has(one)));
    const add = room > 0 && this.chance(0.5) ? [await this.anyone()] : [];
    const remove = this.removable([...changed, by]).slice(0, this.below(3));
    await company.commit(by, { add, remove, forcePath: this.chance(0.5) }, [...joining, ...add]);
  }

  /** A proposal of a member, of the server, or of somebody who wants to join. */
  private async propose(joining: Anyone[], changed: Set<Anyone>): Promise<void> {
    const { company } = this;
    const by = this.pick(company.ours);
    const what = this.pick(["add", "remove", "update", "server adds", "server removes"]);
    if (what === "update") {
      if (changed.has(by) || company.ours.filter((one) => !changed.has(one)).length < 2) return;
      await company.handshake(await by.propose({ update: true }), by);
      changed.add(by);
    } else if (what.endsWith("remove") || what.endsWith("removes")) {
      const [removed] = this.removable([...changed, by]);
      if (removed === undefined) return;
      const remove = company.leafOf(removed);
      if (what === "remove") await company.handshake(await by.propose({ remove }), by);
      else await company.handshake(await (await this.follower()).propose(this.server, { remove }));
      changed.add(removed);
    } else {
      if (company.members.length + joining.length >= MOST) return;
      const added = await this.anyone();
      const add = await added.keyPackage();
      if (what === "add") await company.handshake(await by.propose({ add }), by);
      else await company.handshake(await (await this.follower()).propose(this.server, { add }));
      joining.push(added);
    }
    company.count("copse", `: ${what}`);
  }

  /** Whom to remove, so that two of ours and one of theirs stay who have nothing else to do. */
  private removable(except: readonly Anyone[]): Anyone[] {
    const free = this.company.members.filter((one) => !except.includes(one));
    const kept = [...free.filter(isOurs).slice(0, 2), ...free.filter((one) => !isOurs(one)).slice(0, 1)];
    return free.filter((one) => !kept.includes(one));
  }

  private async follower(): Promise<PublicGroup> {
    const crypto = this.pick(serving);
    const groupInfo = await this.pick(this.company.ours).group.groupInfo();
    return PublicGroup.follow({ crypto, authentication: insecureAcceptAll(), groupInfo });
  }
}

describe("random groups with OpenMLS, ours on all providers", () => {
  const done = new Set<string>();

  it.each([1, 2, 3, 4])("seed %i", async (seed) => {
    const company = await new Play(seed).run();
    for (const what of company.done.keys()) done.add(what);
  });

  it("everything that can happen did, on both sides", () => {
    expect([...done].sort()).toEqual(
      [
        ["copse : add", "copse : remove", "copse : server adds", "copse : server removes", "copse : update"],
        ["copse commits", "copse is removed", "copse joins by an external commit", "copse joins by copse"],
        ["copse joins by mls-ts", "copse rejoins by an external commit"],
        ["mls-ts commits", "mls-ts is removed", "mls-ts joins by copse", "mls-ts joins by mls-ts"],
      ].flat(),
    );
  });
});
