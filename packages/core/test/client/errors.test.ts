// RFC 9420 §14, §15: what an error tells an application.
import {
  CryptoError,
  DecodeError,
  type Group,
  insecureAcceptAll,
  MlsError,
  UnsupportedError,
  ValidationError,
} from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { everyone, four } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;

describe("an error", () => {
  it("has a name that doesn't come from its constructor, which is renamed when code is minified", () => {
    const made: [string, MlsError][] = [
      ["MlsError", new MlsError("usage", "")],
      ["DecodeError", new DecodeError("", 0)],
      ["CryptoError", new CryptoError("")],
      ["UnsupportedError", new UnsupportedError("")],
      ["ValidationError", new ValidationError("1.1: none")],
    ];
    for (const [name, error] of made) {
      expect(error.name).toBe(name);
      const minified = class extends (error.constructor as new (...args: unknown[]) => MlsError) {};
      expect(Reflect.construct(minified, [name, "1.1: none"]).name).toBe(name);
    }
  });
});

describe("a message of another epoch", () => {
  it("is told apart by what is too early, which may be kept, and what is too late, with its epoch", async () => {
    const { groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const { epoch } = alice;
    const { commit } = await alice.update();
    await alice.mergePendingCommit();
    const early = await alice.propose({ update: true });
    const error = await failure(bob.receive(early));
    expect(error).toMatchObject({ name: "MlsError", code: "future-epoch", epoch: epoch + 1n });
    const late = await bob.propose({ update: true });
    await everyone(groups, commit, 0);
    expect(await bob.receive(early)).toMatchObject({ kind: "proposal" });
    expect(await failure(alice.receive(late))).toMatchObject({ code: "past-epoch", epoch });
  });
  it("is told apart by followers too", async () => {
    const { groups } = await four(SUITE, { policy: { handshake: "public" } });
    const [alice] = groups as [Group];
    const follower = await PublicGroup.follow({
      crypto: nodeProvider(),
      authentication: insecureAcceptAll(),
      groupInfo: await alice.groupInfo(),
    });
    const { epoch } = alice;
    const late = await alice.propose({ update: true });
    const { commit } = await alice.commit();
    await alice.mergePendingCommit();
    const early = await alice.propose({ update: true });
    expect(await failure(follower.receive(early))).toMatchObject({ code: "future-epoch", epoch: epoch + 1n });
    await follower.receive(late);
    await follower.receive(commit);
    expect(await failure(follower.receive(late))).toMatchObject({ code: "past-epoch", epoch });
  });
});

describe("an error names what came", () => {
  it("for a message of another group, and for a commit whose proposal wasn't received", async () => {
    const [first, second] = [await four(SUITE), await four(SUITE)];
    const [alice, bob] = first.groups as [Group, Group];
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex").slice(0, 32);
    const foreign = await (second.groups[0] as Group).encrypt("hello");
    const { message } = await failure(alice.receive(foreign));
    expect(message).toContain(hex(alice.groupId));
    expect(message).toContain(hex((second.groups[0] as Group).groupId));
    const proposal = await alice.propose({ update: true });
    const received = await bob.receive(proposal);
    const { commit } = await bob.commit();
    const error = await failure((first.groups[2] as Group).receive(commit));
    expect(error.code).toBe("proposal-missing");
    expect(error.references).toEqual([(received as { reference: Uint8Array }).reference]);
  });
});
