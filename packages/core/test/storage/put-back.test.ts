// RFC 9420 §9.1: an opener never uses a key twice, even if its storage goes back to an earlier state.
import type { Group } from "@copse/core";
import { memoryStorage, sealedStorage } from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { ID, TestStorage, team } from "./stores.js";

describe.each(["plain", "sealed"])("a group that is put back, %s,", (kind) => {
  async function world() {
    const inner = memoryStorage();
    const storage =
      kind === "plain" ? inner : sealedStorage(inner, nodeStorageCipher(new Uint8Array(32).fill(7)));
    const all = await team(new TestStorage(storage));
    const entries = async () =>
      (await inner.list("group/")).map(({ key, value }) => ({ key, value: value.slice() }));
    const now = await entries();
    const putBack = async (before = now) => {
      const gone = (await entries()).filter(({ key }) => !before.some((one) => one.key === key));
      const changes = before.map(({ key, value }) => ({ key, value: value.slice() }));
      await inner.write([...gone.map(({ key }) => ({ key, value: undefined })), ...changes], []);
    };
    return { ...all, entries, putBack };
  }

  const USES: Readonly<Record<string, (a: Group, b: Group) => Promise<unknown>>> = {
    "a message": async (a, b) => b.receive(await a.encrypt("first")),
    "a proposal": async (a, b) => b.receive(await a.propose({ update: true })),
    "a commit": async (a, b) => {
      const staged = await a.update();
      await b.receive(staged.commit);
      await staged.merge();
    },
  };
  it.each(Object.entries(USES))("to before %s uses no key again", async (_, use) => {
    const { alice, a, b, entries, putBack } = await world();
    await use(a, b);
    const last = await entries();
    await putBack();
    expect(await failure(a.encrypt("second"))).toEqual(code("state"));
    expect(await failure(alice.refresh())).toEqual(code("state"));
    await a.close();
    expect(await failure(alice.group(ID))).toEqual(code("state"));
    // Nothing is lost: it goes on when the storage has the last state again.
    await putBack(last);
    const again = (await alice.group(ID)) as Group;
    if (again.proposals.length > 0) await again.dropProposals(() => true);
    expect(await b.receive(await again.encrypt("second"))).toMatchObject({ kind: "application" });
  });
});
