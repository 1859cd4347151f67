// RFC 9420 §5.1: the provider in pure JavaScript conforms, and agrees with OpenSSL.
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { checkSynchronous, conforms } from "@copse/test-support/conformance";
import { describe, expect, it } from "vitest";

const provider = nobleProvider();
conforms(provider, {
  second: nodeProvider(),
  make: nobleProvider,
  full: 2,
  all: [1, 2, 3],
  maySkip: ["hpke keys: loads what it saves"],
});

describe("the provider by noble", () => {
  it("serves all seven suites", () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
  for (const { id } of provider.suites) checkSynchronous(provider.suite(id));
});
