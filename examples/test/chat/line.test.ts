// The chat's line to the delivery service, over a service in memory: it can be cut and joined, and tells what passes.
import { type DeliveryService, memoryDelivery } from "@copse/delivery";
import { beforeEach, describe, expect, test } from "vitest";
import { Line, type Passed } from "../../chat/src/worker/line.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const GROUP = bytes("birds");
const ID = "0123456789abcdef";

const handshake = (id: string) => ({
  id,
  groupId: GROUP,
  epoch: 0n,
  after: "",
  message: bytes("commit"),
  groupInfo: bytes("group info"),
  welcomes: [],
  nextKey: { epoch: 1n, suite: 2, publicKey: new Uint8Array(65) },
});
const message = (id: string, text: string) => ({ id, groupId: GROUP, epoch: 1n, message: bytes(text) });

describe("a line", () => {
  let connections: DeliveryService[];
  let passed: Passed[];
  let line: Line;
  let bob: DeliveryService;

  beforeEach(async () => {
    const service = memoryDelivery();
    connections = [];
    passed = [];
    bob = service.connect("bob", "bob's key");
    line = new Line(
      async () => {
        const made = service.connect("alice", "alice's key");
        connections.push(made);
        return made;
      },
      (one) => passed.push(one),
    );
    await line.submit(handshake(ID));
  });

  test("tells what is sent, and of what comes back only what is others'", async () => {
    await line.send(message(`${ID}-alice`, "hello"));
    await bob.send(message(`${ID}-bob`, "hello, alice"));
    for await (const { entries } of line.subscribe({ groupId: GROUP, after: "" })) {
      if (entries.some(({ id }) => id === `${ID}-bob`)) break;
    }
    const group = Buffer.from(GROUP).toString("hex");
    expect(passed).toEqual([
      { group, what: "commit", isOut: true, bytes: 6, entry: ID },
      { group, what: "GroupInfo", isOut: true, bytes: 10, entry: undefined },
      { group, what: "message", isOut: true, bytes: 5, entry: `${ID}-alice` },
      { group, what: "message", isOut: false, bytes: 12, entry: `${ID}-bob` },
    ]);
  });

  test("that is cut refuses calls as a service does that can't be reached, and goes on when it is joined", async () => {
    await line.cut();
    const unavailable = { code: "unavailable", retry: "later" };
    await expect(line.send(message(`${ID}-1`, "lost?"))).rejects.toMatchObject(unavailable);
    await expect(line.groupInfo(GROUP)).rejects.toMatchObject(unavailable);
    line.join();
    await line.send(message(`${ID}-1`, "lost?"));
    expect(connections).toHaveLength(2);
  });

  test("ends what is being read when it is cut, as a lost connection does", async () => {
    const reading = (async () => {
      for await (const { behind } of line.subscribe({ groupId: GROUP, after: "" })) {
        if (behind === 0) void line.cut();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "unavailable", retry: "later" });
  });

  test("connects anew after a connection couldn't be made", async () => {
    let tries = 0;
    const other = new Line(
      async () => {
        if (tries++ === 0) throw new Error("nobody there");
        return bob;
      },
      () => undefined,
    );
    await expect(other.countKeyPackages(2)).rejects.toThrow("nobody there");
    await expect(other.countKeyPackages(2)).resolves.toEqual({ single: 0, lastResort: 0 });
  });
});
