// The section "delivery": what is counted, and that the bars say what was measured.
import { afterAll, expect, test } from "vitest";
import { reach } from "../src/delivery/audience.js";
import { follow, largeGroup } from "../src/delivery/follow.js";
import { bars, measureTraffic, type Row, reachedTable, trafficTable } from "../src/delivery/main.js";
import { memoryStation } from "../src/delivery/memory.js";
import { talk } from "../src/delivery/talk.js";

const station = await memoryStation();
afterAll(() => station.close());

test("messages a second and their times, for each size, with many in flight and one by one", async () => {
  const effort = { rounds: 1, messages: 100, members: 10, patience: 1000 };
  const rows = await measureTraffic([station], effort, () => {});
  expect(rows.map(({ name, size, lanes }) => `${name} ${size} ${lanes}`)).toEqual([
    "memory 256 full",
    "memory 256 quiet",
    "memory 2048 full",
    "memory 2048 quiet",
  ]);
  for (const { perSecond, p50, p99 } of rows) {
    expect(perSecond).toBeGreaterThan(0);
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  }
  expect(trafficTable(rows).split("\n")).toHaveLength(2 + rows.length);
});

test("messengers talk, and once more", async () => {
  for (let round = 0; round < 2; round++) {
    const { p50, p99 } = await talk(station, { members: 3, messages: 20, inFlight: 4 });
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  }
});

test("commits of a real group reach each of its members, and the real ones take them", async () => {
  const group = await largeGroup(20, () => {});
  expect(group.members).toBe(20);
  expect(group.sample.map(({ members }) => members.length)).toEqual([20, 20, 20, 20]);
  const epoch = group.sample[0]!.epoch;
  const { commit, groupInfo } = await follow(group, 1);
  expect(groupInfo).toBeGreaterThan(commit);
  // One connection is for each, or only some of the real ones have one.
  for (const members of [20, 2]) {
    const reached = await reach(station, group, { members, rounds: 2, patience: 60_000 }, () => {});
    expect(reached.members).toBe(members);
    expect(reached.bytes / members).toBeGreaterThan(commit / 2);
    expect(reachedTable([{ name: "memory", ...reached }])).toMatch(new RegExp(`memory +${members} `));
  }
  expect(new Set(group.sample.map((one) => one.epoch))).toEqual(new Set([epoch + 8n + 4n]));
});

test("a bar that is missed is said to be", () => {
  const row = (name: string, perSecond: number): Row => ({
    name,
    size: 256,
    lanes: "full",
    perSecond,
    p50: 1,
    p99: 1,
  });
  expect(bars([row("http", 1999), row("nats", 400), row("plain NATS", 1000)])).toEqual([
    "http, 256 B: 1999 a second, at least 2000 wanted: MISSED",
    "nats, 256 B: 0.40 of plain publishing, at least 0.5 wanted: MISSED",
  ]);
  expect(bars([row("http", 2000), row("nats", 500), row("plain NATS", 1000)]).join()).not.toContain("MISSED");
});
