// RFC 9420 §11, §12: the groups of a worker that pages have, and their names.
import { type Group, MlsError } from "@copse/core";
import type { Packed } from "./pack.js";
import type { NewGroupMessage } from "./protocol.js";
import { randomName } from "./random-name.js";
import { changeOf, KnownGroup } from "./snapshot.js";

/**
 * The groups of all ports of this worker: a group may be given to the client of another port (`reinitialize`), by a
 * page that was told its name. Nobody can guess a name.
 */
const groups = new Map<string, Group>();
/** How many pages have a group: several may share one client. */
const pages = new WeakMap<Group, number>();

/** @throws MlsError `usage` */
export function findGroup(id: string): Group {
  const group = groups.get(id);
  if (group === undefined)
    throw new MlsError("usage", "expected a group of this worker, got one of another worker or a closed one");
  return group;
}

/** The groups that one page has. */
export class KnownGroups {
  private readonly known = new Map<string, KnownGroup>();
  private readonly names = new Map<Group, string>();

  get(id: string): KnownGroup | undefined {
    return this.known.get(id);
  }

  get ids(): string[] {
    return [...this.known.keys()];
  }

  /** What the page is sent of a group, which has one name for as long as the page has it. */
  add(group: Group): { readonly known: KnownGroup; readonly message: NewGroupMessage } {
    const id = this.names.get(group) ?? randomName();
    let known = this.known.get(id);
    if (known === undefined) {
      known = new KnownGroup(group);
      this.known.set(id, known);
      this.names.set(group, id);
      groups.set(id, group);
      pages.set(group, (pages.get(group) ?? 0) + 1);
    }
    return { known, message: known.whole(id) };
  }

  /** What has changed in each since the page was told, without a call of the page. */
  changes(): { readonly id: string; readonly change: Packed }[] {
    return [...this.known].flatMap(([id, known]) => {
      const change = changeOf(known, undefined);
      return change === undefined ? [] : [{ id, change }];
    });
  }

  /** The page has no longer what it was sent so many times. The last page that has a group closes it. */
  async release(id: string, times: number): Promise<void> {
    const known = this.known.get(id);
    if (known === undefined) return;
    known.sent -= times;
    if (known.sent <= 0 && this.forget(id) === 0) await known.group.close();
  }

  /** @returns how many pages still have the group */
  forget(id: string): number {
    const known = this.known.get(id);
    if (known === undefined) return 0;
    this.known.delete(id);
    this.names.delete(known.group);
    groups.delete(id);
    const left = (pages.get(known.group) ?? 1) - 1;
    pages.set(known.group, left);
    return left;
  }
}
