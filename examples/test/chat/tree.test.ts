// The chat's tree panel: what is read from a real group's tree, what a commit lights up, and where it is drawn.
import { Client, type Group, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { beforeAll, describe, expect, test } from "vitest";
import { layOut } from "../../chat/src/tree/layout.js";
import {
  leavesOf,
  leftOf,
  levelOf,
  parentOf,
  pathAbove,
  rightOf,
  siblingOf,
} from "../../chat/src/tree/math.js";
import { pathOf, resolutionOf } from "../../chat/src/tree/path.js";
import { readTree } from "../../chat/src/tree/read.js";

const crypto = nodeProvider();
const NAMES = ["alice", "bob", "carol", "dave", "erin"];
const people = NAMES.map((name, leafIndex) => ({ name, leafIndex }));

test("the nodes of a tree of four leaves are where RFC 9420, appendix C says", () => {
  expect([0, 1, 2, 3, 4, 5, 6].map(levelOf)).toEqual([0, 1, 0, 2, 0, 1, 0]);
  expect([leftOf(3), rightOf(3), leftOf(1), rightOf(5)]).toEqual([1, 5, 0, 6]);
  expect([0, 1, 2, 4, 5, 6].map(parentOf)).toEqual([1, 3, 1, 5, 3, 5]);
  expect([0, 1, 2, 5].map(siblingOf)).toEqual([2, 5, 0, 1]);
  expect(pathAbove(4, 4)).toEqual([5, 3]);
  expect([1, 3, 5, 7, 9, 11].map(leavesOf)).toEqual([1, 2, 4, 4, 8, 8]);
});

describe("in a group of five", () => {
  let groups: Group[];

  /** A commit of one member, which all the others take. */
  async function commit(by: number, work: (group: Group) => Promise<{ commit: Uint8Array }>): Promise<void> {
    const { commit: message } = await work(groups[by] as Group);
    for (const group of groups) await group.receive(message);
  }
  const tree = () => readTree((groups[0] as Group).ratchetTree);
  const blank = () => tree().flatMap((node, index) => (node === undefined ? [index] : []));

  beforeAll(async () => {
    const clients = await Promise.all(
      NAMES.map((credential) =>
        Client.create({ crypto, suite: 2, credential, authentication: insecureAcceptAll() }),
      ),
    );
    const group = await (clients[0] as Client).createGroup();
    const others = clients.slice(1);
    const packages = await Promise.all(others.map((client) => client.createKeyPackage()));
    const { welcome } = await group.add(packages);
    await group.mergePendingCommit();
    groups = [
      group,
      ...(await Promise.all(others.map((client) => client.join(welcome as unknown as Uint8Array)))),
    ];
  });

  test("members who were only added have leaves, and all above them is blank", () => {
    expect(tree()).toHaveLength(15);
    expect(blank()).toEqual([1, 3, 5, 7, 9, 10, 11, 12, 13, 14]);
    expect(pathOf(tree(), 0)).toEqual({ renewed: [], reached: [] });
  });

  test("a commit lights the path of its committer, and what its secrets are encrypted to", async () => {
    const before = tree();
    await commit(2, (group) => group.update());
    expect(blank()).toEqual([1, 9, 10, 11, 12, 13, 14]);
    expect(pathOf(tree(), 2, before)).toEqual({ renewed: [4, 5, 3, 7], reached: [6, 0, 2, 8] });
    expect(pathOf(tree(), 2)).toEqual(pathOf(tree(), 2, before));
  });

  test("a node above a member who was removed is blank, and passed over by the path", async () => {
    const before = tree();
    const removed = groups.splice(1, 1);
    await commit(0, (group) => group.remove(1));
    expect(removed).toHaveLength(1);
    expect(blank()).toEqual([1, 2, 9, 10, 11, 12, 13, 14]);
    expect(resolutionOf(tree(), 1)).toEqual([0]);
    expect(pathOf(tree(), 0, before)).toEqual({ renewed: [0, 3, 7], reached: [5, 8] });
  });

  test("a member who was added below a node that isn't blank doesn't know its key yet", async () => {
    const before = tree();
    const erik = await Client.create({
      crypto,
      suite: 2,
      credential: "erik",
      authentication: insecureAcceptAll(),
    });
    const keyPackage = await erik.createKeyPackage();
    await commit(0, (group) => group.add(keyPackage));
    expect(tree()[3]?.unmerged).toEqual([1]);
    expect(pathOf(tree(), 0, before)).toEqual({ renewed: [], reached: [] });
    const joined = tree();
    await commit(0, (group) => group.update());
    expect(pathOf(tree(), 0, joined)).toEqual({ renewed: [0, 1, 3, 7], reached: [2, 5, 8] });
    expect(tree()[3]?.unmerged).toEqual([]);
  });

  test("is drawn with parents above the middle of their children, each leaf with its name", () => {
    const { nodes, edges, width, height } = layOut(tree(), people, pathOf(tree(), 0));
    for (const { index, x, y, isLeaf } of nodes.filter(({ index }) => levelOf(index) > 0)) {
      expect(isLeaf).toBe(false);
      expect(x).toBe(((nodes[leftOf(index)]?.x ?? 0) + (nodes[rightOf(index)]?.x ?? 0)) / 2);
      expect(y).toBeLessThan(nodes[leftOf(index)]?.y ?? 0);
    }
    for (const { x, y } of nodes) expect(x > 0 && x < width && y > 0 && y < height).toBe(true);
    expect(nodes.flatMap(({ name }) => name ?? [])).toEqual(NAMES);
    expect(nodes.filter(({ state }) => state === "blank").map(({ index }) => index)).toEqual(blank());
    expect(edges.filter(({ lit }) => lit).map(({ from }) => from)).toEqual([0, 1, 3]);
    expect(nodes.filter(({ state }) => state === "reached").map(({ index }) => index)).toEqual([2, 5, 8]);
    expect(nodes[5]?.knownTo).toEqual(["carol", "dave"]);
  });
});
