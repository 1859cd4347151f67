// A report on a service that doesn't answer comes soon, and limits are checked that the checks can keep.
import { memoryDelivery } from "@copse/delivery";
import { formatDeliveryReport, testDelivery } from "@copse/delivery-conformance";
import { describe, expect, it } from "vitest";
import { faulty } from "./faults/faulty.js";
import { never, silentIn } from "./faults/waiting.js";

describe("a report on a service that never answers", () => {
  it.each(["send", "submit", "close"] as const)("%s names it, and ends early", async (call) => {
    const report = await testDelivery(silentIn(call), { timeLimit: 200 });
    const failed = report.checks.filter(({ outcome }) => outcome === "failed");
    expect(failed.length).toBeGreaterThanOrEqual(6);
    // Six, unless the machine is slow.
    expect(failed.length).toBeLessThan(30);
    for (const { detail } of failed)
      expect(detail).toMatch(
        new RegExp(`^no answer of ${call}\\(\\) for [0-9.]+ seconds\\. The timeLimit is 0\\.2 seconds$`),
      );
    const lines = formatDeliveryReport(report).split("\n");
    expect(lines.findIndex((line) => !line.startsWith("FAILED "))).toBe(failed.length);
    expect(lines[failed.length]).toMatch(
      /^skipped \d+ checks \(log, handshakes, .*\): not run, because there was no/,
    );
  });

  it("subscribe says that the first batch hasn't come", async () => {
    const report = await testDelivery(silentIn("subscribe"), { timeLimit: 200 });
    expect(report.checks[0]?.detail).toMatch(
      /^no first batch of subscribe\(\) for [0-9.]+ seconds: it comes at once, even if it is empty \(after: ""\)\. The timeLimit/,
    );
    expect(report.failed).toBeLessThan(30);
  });

  it("groupInfo goes on in the other areas, which don't need it", async () => {
    const report = await testDelivery(
      faulty(({ inner }) => ({
        groupInfo: (groupId, options) =>
          options === undefined ? never() : inner.groupInfo(groupId, options),
      })),
      { timeLimit: 300 },
    );
    const notRun = report.checks.filter(({ detail }) => detail.startsWith("not run"));
    expect(notRun.map(({ name }) => name.split(":")[0])).toEqual(["group info"]);
  });
});

it("the smallest limits that may be given are enough for all checks", async () => {
  const limits = { message: 1024, keyPackages: 20 };
  const report = await testDelivery({
    ...faulty(() => ({})),
    start: () => ({ memory: memoryDelivery({ limits }), notes: new Map(), restarts: 0 }),
    limits,
  });
  expect(report.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
});
