// RFC 9420 §7.4, §7.9.2, §12.4.3.1: what a new member checks in the tree and the path secret of a Welcome.
import type { Group } from "@copse/core";
import { four, type Party, party, savedKeyPackages } from "@copse/test-support/clients";
import { failure, named, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { decryptWithLabel, encryptWithLabel } from "../../src/crypto/labelled.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { NodeType, RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { GroupSecrets } from "../../src/wire/welcome.js";

const SUITE = 1;

describe("unmerged leaves", () => {
  it.each<[string, string, number[], number?]>([
    ["out of order", "7.1: unmerged_leaves", [3, 2]],
    ["repeated", "7.1: unmerged_leaves", [2, 2]],
    ["no descendants", "12.4.3.1: each unmerged leaf must be a descendant", [2, 5]],
    ["beyond all trees", "12.4.3.1: each unmerged leaf must be a descendant", [2, 2 ** 32 - 1]],
    ["blank", "12.4.3.1: each unmerged leaf must be non-blank", [2], 4],
    ["unknown to a node in between", "12.4.3.1: every non-blank node between", [1]],
    // Well-formed, but not the tree of the GroupInfo.
    ["unmerged only here", "12.4.3.1: the tree hash", [2, 3]],
  ])("that are %s are refused by a new member", async (_, rule, unmergedLeaves, blank) => {
    const policy = { ratchetTreeInWelcome: false };
    const names = ["alice", "bob", "carol", "dave"];
    const people = await Promise.all(names.map((name) => party(name, { suite: SUITE, policy })));
    const [first, ...others] = people as [Party, Party, Party, Party];
    const alice = await first.client.createGroup();
    const packages = await Promise.all(others.map(({ client }) => client.createKeyPackage()));
    // The path sets nodes 1 and 3, the root; nobody is unmerged below, but by what the test writes there.
    const { welcome, ratchetTree } = await alice.commit({ add: packages, forcePath: true });
    const nodes = decode(RatchetTreeNodes, ratchetTree as Uint8Array).map((node, i) => {
      if (i === blank) return undefined;
      if (i !== 3 || node?.nodeType !== NodeType.parent) return node;
      return { ...node, parentNode: { ...node.parentNode, unmergedLeaves } };
    });
    const { client } = others[0];
    const join = (tree: Uint8Array) => client.join(welcome as Uint8Array, { ratchetTree: tree });
    const error = await failure(join(encode(RatchetTreeNodes, nodes)));
    expect(saying(error)).toMatch(named(rule));
    await join(ratchetTree as Uint8Array);
  });
});

describe("keys derived from a path secret are compared with those in the tree", () => {
  it("on a Welcome with another path secret", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const newMember = await party("new-member", { suite: SUITE });
    const { provider } = newMember.config;
    await alice.remove(1);
    await alice.mergePendingCommit();
    const made = await alice.commit({ add: [await newMember.client.createKeyPackage()], forcePath: true });
    const message = decode(MlsMessage, made.welcome as Uint8Array);
    if (message.wireFormat !== 3) throw new Error("no Welcome");
    const { welcome } = message;
    const [own] = await savedKeyPackages(newMember.client);
    const { privateKey, publicKey } = await provider.hpke.importPrivateKey(own?.initKey as Uint8Array);
    const [entry] = welcome.secrets;
    if (entry === undefined) throw new Error("no secrets");
    const info = welcome.encryptedGroupInfo;
    const plaintext = await decryptWithLabel(
      provider,
      privateKey,
      "Welcome",
      info,
      entry.encryptedGroupSecrets,
    );
    const secrets = decode(GroupSecrets, plaintext);
    const changed = async (pathSecret: Uint8Array) => {
      const encryptedGroupSecrets = await encryptWithLabel(
        provider,
        publicKey,
        "Welcome",
        info,
        encode(GroupSecrets, { ...secrets, pathSecret: { pathSecret } }),
      );
      return encode(MlsMessage, {
        version: 1,
        wireFormat: 3,
        welcome: { ...welcome, secrets: [{ ...entry, encryptedGroupSecrets }] },
      });
    };
    expect(saying(await failure(newMember.client.join(await changed(new Uint8Array(32)))))).toMatch(
      /^12\.4\.3\.1: the path secret's private keys/,
    );
    expect(saying(await failure(newMember.client.join(await changed(new Uint8Array(31)))))).toMatch(
      /^7\.4: /,
    );
    await newMember.client.join(made.welcome as Uint8Array);
  });
});
