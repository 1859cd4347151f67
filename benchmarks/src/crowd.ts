// RFC 9420 §10: the members who are only there to fill a group, and the lived-in groups: made once for all implementations,
// outside of the measured time.
import type { CipherSuiteProvider } from "@copse/core";
import type { Implementation } from "./implementation.js";
import { type LivedInGroup, livedInGroup } from "./lived-in-tree.js";
import type { Progress } from "./progress.js";

export class Crowd {
  private readonly maker: Implementation;
  private readonly progress: Progress;
  private readonly made = new Map<number, Uint8Array[]>();
  private readonly groups = new Map<string, LivedInGroup>();

  /** @param maker creates their clients */
  constructor(maker: Implementation, progress: Progress) {
    this.maker = maker;
    this.progress = progress;
  }

  async keyPackages(suite: number, count: number): Promise<readonly Uint8Array[]> {
    const made = this.made.get(suite) ?? [];
    this.made.set(suite, made);
    while (made.length < count) {
      if (made.length % 100 === 0) this.progress(`suite ${suite}: key package ${made.length} of ${count}`);
      const member = await this.maker.createMember(suite, `member ${made.length}`);
      made.push(await member.keyPackage());
    }
    return made.slice(0, count);
  }

  /** One who makes a group, for those who make none. */
  groupMaker(suite: number): ReturnType<Implementation["createMember"]> {
    return this.maker.createMember(suite, "maker");
  }

  /** @param members at least 4 */
  async livedIn(suite: number, members: number): Promise<LivedInGroup> {
    const key = `${suite}/${members}`;
    let group = this.groups.get(key);
    if (group === undefined) {
      const provider = (await this.maker.provider?.(suite)) as CipherSuiteProvider;
      group = await livedInGroup(provider, members, (leaf) => {
        if (leaf % 100 === 0) this.progress(`suite ${suite}: lived-in tree, leaf ${leaf} of ${members}`);
      });
      this.groups.set(key, group);
    }
    return group;
  }

  /** One who brings those who are measured into a lived-in group. */
  async host(
    suite: number,
    group: LivedInGroup,
  ): Promise<Awaited<ReturnType<Implementation["createMember"]>>> {
    const host = await this.maker.createMember(suite, "host");
    await host.joinByExternalCommit?.(group.groupInfo);
    return host;
  }

  /** Lets go of what was made for a suite. */
  forget(suite: number): void {
    this.made.delete(suite);
    for (const key of this.groups.keys()) if (key.startsWith(`${suite}/`)) this.groups.delete(key);
  }
}
