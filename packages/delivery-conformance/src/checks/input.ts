// What is malformed is refused by name, and bytes belong to whoever holds them.
import type { Handshake, OfferedKeyPackage, OutgoingMessage } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { otherMessage } from "../messages.js";
import { ids, Reader } from "../reader.js";
import { keyPackage, unique } from "../room.js";
import { bytes, fail, is, refused, same, shown as shownValue } from "../tools.js";

/** Values that no types allow. */
const wrong = <T>(value: unknown): T => value as T;

const NO_BYTES = [undefined, null, "text", [1, 2], new Uint16Array(2), new ArrayBuffer(4)];
const WRONG_IDS = [
  undefined,
  null,
  7,
  "",
  "short",
  "x".repeat(65),
  "UPPER CASE LETTERS",
  `${"x".repeat(20)}/..`,
];
const WRONG_GROUPS = [...NO_BYTES, new Uint8Array(), new Uint8Array(256)];
const WRONG_EPOCHS = [undefined, 1, "1", -1n, 2n ** 64n];
const WRONG_CURSORS = [undefined, null, 0, "x".repeat(129)];
const WRONG_SUITES = [undefined, "1", 0, -1, 1.5, 65_536, Number.NaN, 1n];
const WRONG_USERS = [
  undefined,
  null,
  7,
  "",
  "x".repeat(256),
  "\u{1f333}".repeat(64),
  "\ud800",
  "alice\0evil",
  "alice\n",
];

const MESSAGES: Partial<Record<keyof OutgoingMessage, readonly unknown[]>> = {
  id: WRONG_IDS,
  groupId: WRONG_GROUPS,
  epoch: WRONG_EPOCHS,
  message: [...NO_BYTES, new Uint8Array()],
  key: ["key", {}],
};
const HANDSHAKES: Partial<Record<keyof Handshake, readonly unknown[]>> = {
  ...MESSAGES,
  after: WRONG_CURSORS,
  groupInfo: [...NO_BYTES, new Uint8Array()],
  welcomes: [undefined, null, "none", [undefined], [{}], [{ reference: bytes("r"), welcome: "text" }]],
  nextKey: [undefined, null, {}, { epoch: 1, suite: 1, publicKey: bytes("key") }],
};
const KEY_PACKAGES: Partial<Record<keyof OfferedKeyPackage, readonly unknown[]>> = {
  reference: [...NO_BYTES, new Uint8Array(), new Uint8Array(65)],
  keyPackage: [...NO_BYTES, new Uint8Array()],
  suite: WRONG_SUITES,
  notAfter: [undefined, 1, "1", -1n],
  lastResort: [undefined, 1, "true"],
};

const cases = (table: Partial<Record<string, readonly unknown[]>>) =>
  Object.entries(table).flatMap(([name, values]) => (values ?? []).map((value) => [name, value] as const));

/** What was passed as what: `id: "short"`. */
const shown = (name: string, value: unknown) => `${name}: ${shownValue(value)}`;

export const inputChecks: Record<string, Definition> = {
  "input: a malformed message is refused": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    for (const [name, value] of cases(MESSAGES))
      await refused(
        alice.send(wrong({ ...group.message(), [name]: value })),
        "invalid",
        `send, ${shown(name, value)}`,
      );
    for (const value of [undefined, null, "message"])
      await refused(alice.send(wrong(value)), "invalid", `send, ${shown("message", value)}`);
    is((await group.log(alice, group.last)).length, 0, "messages in the log");
  }),

  "input: a malformed handshake is refused": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const handshake = await group.handshake();
    for (const [name, value] of cases(HANDSHAKES)) {
      const call = alice.submit(wrong({ ...handshake, id: unique(), [name]: value }));
      await refused(call, "invalid", `submit, ${shown(name, value)}`);
    }
    for (const value of [undefined, null, 1])
      await refused(alice.submit(wrong(value)), "invalid", `submit, ${shown("handshake", value)}`);
    is((await group.log(alice, group.last)).length, 0, "entries after the last handshake");
    await group.commit(alice);
  }),

  "input: malformed key packages are refused": needing([], async (room) => {
    const alice = await room.connect("alice");
    for (const [name, value] of cases(KEY_PACKAGES)) {
      const call = alice.publishKeyPackages([wrong({ ...keyPackage("wrong"), [name]: value })]);
      await refused(call, "invalid", `publishKeyPackages, ${shown(name, value)}`);
    }
    for (const value of [undefined, null, "none", [undefined]])
      await refused(
        alice.publishKeyPackages(wrong(value)),
        "invalid",
        `publishKeyPackages, ${shown("key packages", value)}`,
      );
    is((await alice.countKeyPackages(1)).single, 0, "key packages that were published");
    for (const value of WRONG_SUITES) {
      await refused(
        alice.countKeyPackages(wrong(value)),
        "invalid",
        `countKeyPackages, ${shown("suite", value)}`,
      );
      const claim = alice.claimKeyPackages(room.user("alice"), wrong(value));
      await refused(claim, "invalid", `claimKeyPackages, ${shown("suite", value)}`);
    }
    for (const value of WRONG_USERS)
      await refused(
        alice.claimKeyPackages(wrong(value), 1),
        "invalid",
        `claimKeyPackages, ${shown("user", value)}`,
      );
    for (const value of [null, "all", ["text"]])
      await refused(
        alice.withdrawKeyPackages(wrong(value)),
        "invalid",
        `withdrawKeyPackages, ${shown("references", value)}`,
      );
  }),

  "input: other malformed arguments are refused": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const source = group.key.source ?? (() => undefined);
    const info = { groupInfo: otherMessage("group info", "another"), handshake: group.last };
    const read = (more: object) => group.reader(alice, "", more).next();
    for (const value of WRONG_GROUPS) {
      await refused(read({ groupId: value }), "invalid", `subscribe, ${shown("groupId", value)}`);
      await refused(alice.groupInfo(wrong(value)), "invalid", `groupInfo, ${shown("groupId", value)}`);
      const publishing = alice.publishGroupInfo(wrong(value), info, source);
      await refused(publishing, "invalid", `publishGroupInfo, ${shown("groupId", value)}`);
    }
    for (const value of WRONG_CURSORS) {
      await refused(read({ after: value }), "invalid", `subscribe, ${shown("after", value)}`);
      await refused(
        new Reader(alice.inbox(wrong(value))).next(),
        "invalid",
        `inbox, ${shown("after", value)}`,
      );
      await refused(alice.clearInbox(wrong(value)), "invalid", `clearInbox, ${shown("upTo", value)}`);
      const publishing = alice.publishGroupInfo(group.id, wrong({ ...info, handshake: value }), source);
      await refused(publishing, "invalid", `publishGroupInfo, ${shown("handshake", value)}`);
    }
    for (const value of NO_BYTES) {
      const publishing = alice.publishGroupInfo(group.id, wrong({ ...info, groupInfo: value }), source);
      await refused(publishing, "invalid", `publishGroupInfo, ${shown("groupInfo", value)}`);
    }
    await refused(
      read({ after: "no cursor of this service" }),
      ["invalid", "expired"],
      "subscribe, after a cursor of another service",
    );
  }),

  "input: a commit is no message, and nothing else is a handshake": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    await refused(
      group.send(alice, { message: group.framed("a commit", "commit") }),
      "invalid",
      "send, a commit",
    );
    for (const type of ["application", "proposal"] as const) {
      const handshake = await group.handshake({ message: group.framed("no commit", type) });
      await refused(alice.submit(handshake), "invalid", `submit, content of type ${type}`);
    }
    const { id } = await group.send(alice, { message: group.framed("a proposal", "proposal") });
    is(ids(await group.log(alice, group.last)), [id], "entries after the last handshake");
    await group.commit(alice);
  }),

  "input: what is too large is refused": needing(["message limit"], async (room) => {
    const most = room.under.limits?.message as number;
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const around = group.framed(new Uint8Array(most)).length - most;
    const fits = group.framed(new Uint8Array(most - around));
    const { id } = await group.send(alice, { message: fits });
    const message = group.framed(new Uint8Array(most - around + 1));
    await refused(group.send(alice, { message }), "limit", `send, a message of ${message.length} bytes`);
    is(ids(await group.log(alice, group.last)), [id], "messages in the log");
  }),

  "input: what the caller does with its bytes changes nothing": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.newGroup();
    const handshake = await group.handshake();
    const message = { ...group.message(), groupId: group.id.slice() };
    const one = keyPackage("one", { lastResort: true });
    const kept = [handshake.message, handshake.groupInfo, message.message, one.keyPackage].map((all) =>
      all.slice(),
    );
    const publishing = alice.publishKeyPackages([one]);
    one.keyPackage.fill(0);
    const groupId = handshake.groupId.slice();
    const submitting = alice.submit({ ...handshake, groupId });
    for (const own of [handshake.message, handshake.groupInfo, groupId]) own.fill(0);
    const answer = await submitting;
    group.accepted(handshake, answer.kind === "accepted" ? answer.cursor : "");
    const sending = alice.send({ ...message, key: group.key.source });
    message.message.fill(0);
    message.groupId.fill(0);
    await Promise.all([publishing, sending]);
    const [first, second] = await group.log(alice);
    same(first?.message, kept[0]!, "the handshake in the log");
    same((await alice.groupInfo(group.id))?.groupInfo, kept[1]!, "the GroupInfo");
    same(second?.message, kept[2]!, "the message in the log");
    const [claimed] = await alice.claimKeyPackages(room.user("alice"), 1);
    same(claimed, kept[3]!, "the key package");
  }),

  "input: what readers do with their bytes changes nothing": needing(["order"], async (room) => {
    const [alice, bob] = await room.pair();
    const group = await room.newGroup();
    const one = keyPackage("bob", { lastResort: true });
    await bob.publishKeyPackages([one]);
    const welcome = otherMessage("welcome", "bob");
    const { submission } = await group.commit(alice, { welcomes: [{ reference: one.reference, welcome }] });
    const again = await group.handshake({ after: "", key: group.key.source });
    for (const _ of [1, 2]) {
      const late = await alice.submit(again);
      if (late.kind !== "stale") fail(`expected "stale", got "${late.kind}"`);
      same(late.first.message, submission.message, "what came first");
      late.first.message.fill(0);
      const info = await alice.groupInfo(group.id);
      same(info?.groupInfo, submission.groupInfo, "the GroupInfo");
      info?.groupInfo.fill(0);
      for (const reader of [group.reader(alice), group.reader(alice), group.reader(bob)]) {
        const { message } = await reader.next();
        same(message, submission.message, "the handshake in the log");
        message.fill(0);
      }
      const [keys] = await alice.claimKeyPackages(room.user("bob"), 1);
      same(keys, one.keyPackage, "the key package");
      keys?.fill(0);
      const entry = await room.inbox(bob).next();
      same(entry.welcome, welcome, "the Welcome");
      for (const part of [entry.welcome, entry.reference, entry.groupId]) part.fill(0);
      same((await room.inbox(bob).next()).groupId, group.id, "the Welcome's groupId");
    }
  }),

  "input: a view of a larger buffer is sent as what it shows": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const message = group.framed("in a larger buffer");
    const larger = new Uint8Array(message.length + 20);
    larger.set(message, 10);
    await group.send(alice, { message: larger.subarray(10, 10 + message.length) });
    const [entry] = await group.log(alice, group.last);
    same(entry?.message, message, "the message in the log");
  }),
};
