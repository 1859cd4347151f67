// RFC 9420 §2.1: whatever bytes come, nothing but an MlsError, in a time and a memory that the bytes' own length bounds.
import type { Group } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { four, type Meeting, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { insider } from "@copse/test-support/insiders";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { equalBytes } from "../../src/bytes.js";
import { MlsError } from "../../src/errors.js";
import { sealRecord } from "../../src/group/storage/record.js";

const SUITE = 3;
/** Version and wire format, two bytes each: what an MLSMessage has before its content. */
const FRAME = 4;
let meeting: Meeting;
let alice: Group;
let bob: Group;
let newMember: Party;
let inputs: readonly Input[];

/** One function that takes bytes from outside, and bytes that it accepts. */
interface Input {
  readonly name: string;
  readonly good: Uint8Array;
  readonly give: (bytes: Uint8Array) => Promise<unknown>;
  /** What must be the same when the bytes are refused. */
  readonly state: () => Promise<Uint8Array>;
}

const withoutDigest = (saved: Uint8Array) =>
  saved.subarray(0, -nodeProvider().suite(SUITE).hash.algorithm.Nh);
/** What isn't bytes stays what it is. */
const withDigest = async (body: Uint8Array) =>
  body instanceof Uint8Array ? (await sealRecord(nodeProvider().suite(SUITE), body.slice())).bytes : body;
const closed = (group: Group) => group.close();

beforeAll(async () => {
  meeting = await four(SUITE, { policy: { handshake: "public" } });
  [alice, bob] = meeting.groups as [Group, Group];
  newMember = await party("new-member", { suite: SUITE, policy: { ratchetTreeInWelcome: false } });
  const keyPackage = await newMember.client.createKeyPackage();
  const other = await four(SUITE, { policy: { ratchetTreeInWelcome: false } });
  const invited = await (other.groups[0] as Group).commit({ add: [keyPackage], forcePath: true });
  const welcome = invited.welcome as Uint8Array;
  const ratchetTree = invited.ratchetTree as Uint8Array;
  const receive = (bytes: Uint8Array) => bob.receive(bytes);
  const saveBob = () => bob.save();
  const saveNewMember = () => newMember.client.saveKeyPackages();
  const application = await alice.encrypt("application", { authenticatedData: new Uint8Array(3) });
  const proposal = await alice.propose({ update: true });
  const saved = await alice.save();
  const copier = await (meeting.parties[0] as Party).again();
  const { commit } = await (meeting.groups[2] as Group).update();
  inputs = [
    { name: "receive(application)", good: application, give: receive, state: saveBob },
    { name: "receive(proposal)", good: proposal, give: receive, state: saveBob },
    { name: "receive(commit)", good: commit, give: receive, state: saveBob },
    { name: "add", good: keyPackage, give: (bytes) => bob.add(bytes), state: saveBob },
    { name: "propose", good: keyPackage, give: (bytes) => bob.propose({ add: bytes }), state: saveBob },
    {
      name: "join",
      good: welcome,
      give: (bytes) => newMember.client.join(bytes, { ratchetTree }),
      state: saveNewMember,
    },
    {
      name: "join with a tree",
      good: ratchetTree,
      give: (bytes) => newMember.client.join(welcome, { ratchetTree: bytes }),
      state: saveNewMember,
    },
    {
      name: "restore",
      good: saved,
      give: async (bytes) => closed(await copier.restore(bytes)),
      state: saveBob,
    },
    {
      name: "loadKeyPackages",
      good: await saveNewMember(),
      give: (bytes) => newMember.client.loadKeyPackages(bytes),
      state: saveNewMember,
    },
    {
      name: "restore, with a new digest",
      good: withoutDigest(saved),
      give: async (bytes) => closed(await copier.restore(await withDigest(bytes))),
      state: saveBob,
    },
    {
      name: "loadKeyPackages, with a new digest",
      good: withoutDigest(await saveNewMember()),
      give: async (bytes) => (await newMember.again()).loadKeyPackages(await withDigest(bytes)),
      state: saveNewMember,
    },
  ];
});

const DOORS = [
  "receive(application)",
  "receive(proposal)",
  "receive(commit)",
  "add",
  "propose",
  "join",
  "join with a tree",
  "restore",
  "loadKeyPackages",
  "restore, with a new digest",
  "loadKeyPackages, with a new digest",
] as const;

function door(name: (typeof DOORS)[number]): Input {
  return inputs.find((input) => input.name === name) as Input;
}

/** Passes bytes that are invalid, or may be valid in a trusted state: they fail with an MlsError or not at all. */
async function survives(give: () => Promise<unknown>): Promise<"taken" | "refused"> {
  try {
    await give();
    return "taken";
  } catch (error) {
    if (error instanceof MlsError) return "refused";
    throw error;
  }
}

/** A client's own saved state isn't authenticated: with a new digest, another value in it may be valid too. */
const TRUSTED: ReadonlySet<string> = new Set([
  "restore, with a new digest",
  "loadKeyPackages, with a new digest",
]);

describe.each(DOORS)("%s", (name) => {
  it("refuses every truncation", async () => {
    const { good, give, state } = door(name);
    const before = await state();
    for (let length = 0; length < good.length; length++) await failure(give(good.slice(0, length)));
    await failure(give(new Uint8Array([...good, 0])));
    expect(equalBytes(await state(), before)).toBe(true);
  });

  it("refuses random bytes", async () => {
    const { give, state } = door(name);
    const before = await state();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await failure(give(bytes));
      }),
      { numRuns: 200 },
    );
    expect(equalBytes(await state(), before)).toBe(true);
  });

  it("survives bytes changed, cut out, doubled and put in", async () => {
    const { good, give, state } = door(name);
    const before = await state();
    const edit = fc.record({
      at: fc.nat({ max: good.length - 1 }),
      cut: fc.nat({ max: 8 }),
      put: fc.uint8Array({ maxLength: 8 }),
    });
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        let bytes = good;
        for (const { at, cut, put } of edits) {
          bytes = new Uint8Array([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + cut)]);
        }
        // Key packages and Welcomes are read without the frame of an MLSMessage too: that changes nothing.
        if (equalBytes(bytes, good) || equalBytes(bytes, good.subarray(FRAME))) return;
        if ((await survives(() => give(bytes))) === "taken") taken++;
      }),
      { numRuns: 300 },
    );
    if (!TRUSTED.has(name)) {
      expect(taken).toBe(0);
      expect(equalBytes(await state(), before)).toBe(true);
    }
  });

  it("allocates nothing by a claimed length", async () => {
    const { good, give } = door(name);
    // The largest length there is, 2^30 - 1, in the place of what stands at each offset.
    const claim = [0xbf, 0xff, 0xff, 0xff];
    const { arrayBuffers } = process.memoryUsage();
    const start = performance.now();
    for (let at = 0; at < Math.min(good.length, 600); at++) {
      await survives(() =>
        give(new Uint8Array([...good.subarray(0, at), ...claim, ...good.subarray(at + 1)])),
      );
      await survives(() => give(new Uint8Array([...good.subarray(0, at), ...claim])));
    }
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(2 ** 28);
  });
});

describe("a saved state", () => {
  it("with any bit changed is refused with an MlsError, or is another state that can be used", async () => {
    const { good, give } = door("restore");
    let refusals = 0;
    for (let at = 0; at < good.length; at++) {
      const bytes = good.slice();
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      if ((await survives(() => give(bytes))) === "refused") refusals++;
    }
    expect(refusals).toBeGreaterThan(0);
  });

  it("with extreme numbers in it never hangs", async () => {
    const { good, give } = door("restore");
    const start = performance.now();
    for (let at = 0; at + 4 <= good.length; at++) {
      for (const byte of [0x00, 0x7f, 0xff]) {
        const bytes = good.slice();
        bytes.fill(byte, at, at + 4);
        await survives(() => give(bytes));
      }
    }
    expect(performance.now() - start).toBeLessThan(60_000);
  });
});

describe("what isn't bytes at all", () => {
  it.each([undefined, null, 7, "text", {}, [1, 2, 3], new ArrayBuffer(4)])(
    "is refused: %s",
    async (value) => {
      const bytes = value as unknown as Uint8Array;
      for (const { give } of inputs.slice(0, 6)) await failure(() => give(bytes));
      for (const { give } of inputs.slice(7)) await failure(() => give(bytes));
    },
  );
});

describe("deep and wide structures", () => {
  it("many empty parts cost no more than their bytes", async () => {
    const from = await insider(meeting.parties[2] as Party, meeting.groups[2] as Group);
    expect(from.epoch.tree.memberCount).toBe(4);
    // A tree of 100,000 blank nodes, one byte each.
    const { give } = door("join with a tree");
    const blanks = new Uint8Array(100_004);
    blanks.set([0x80, 0x01, 0x86, 0xa0]);
    const start = performance.now();
    await failure(give(blanks));
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
