// RFC 9420 §5.1: the provider in pure JavaScript passes what every provider must.
import { nobleProvider } from "@copse/provider-noble";
import { describe, expect, it } from "vitest";
import { checkProvider, checkSynchronous } from "../../../tests/support/provider-checks.js";

const provider = nobleProvider();
checkProvider(provider);

describe("the provider by noble", () => {
  it("serves all seven suites", () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
  for (const { id } of provider.suites) checkSynchronous(provider.suite(id));
});
