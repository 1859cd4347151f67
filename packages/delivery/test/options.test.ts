// Wrong options of a service in memory are refused at once, and the error says what was expected and what came.
import { memoryDelivery } from "@copse/delivery";
import { expect, it } from "vitest";

it.each([
  [{ bogus: 1 }, 'there is no option "bogus" here, only ordering, members'],
  [{ ordering: "service " }, 'ordering: expected "service" or "none", got string'],
  [{ members: true }, 'members: expected "checked" or "unchecked", got boolean'],
  [{ grace: -1 }, "grace: expected 0 or more, got -1"],
  [{ limits: { mesage: 1 } }, 'there is no option "limits.mesage" here, only message'],
  [{ limits: { message: Number.NaN } }, "limits.message: expected 0 or more, got NaN"],
  [{ retention: { entries: "1" } }, "retention.entries: expected number, got string"],
  [{ batch: 0 }, "batch: expected 1 or more, got 0"],
  [{ now: 0 }, "now: expected function, got number"],
  [null, "options: expected object, got null"],
])("%o", (options, said) => {
  expect(() => memoryDelivery(options as never)).toThrow(
    expect.objectContaining({ code: "invalid", message: expect.stringContaining(said) }),
  );
});
