// RFC 9420 §5.1: faults in what a provider says of its suites.
import { AES_256_GCM } from "@copse/core/provider";
import { type Fault, fault, node } from "./fault.js";

const REGISTRY = "algorithms: the suite is what the registry says";
const LISTED = "suites: all that are listed are served, and the same object each time";

export const SUITES: readonly Fault[] = [
  fault("says more suites than it serves", 1, LISTED, () => ({}), {
    provider: { suites: [node.suite(1).suite, node.suite(2).suite] },
  }),
  fault("makes a suite anew each time", 1, LISTED, () => ({}), {
    provider: { suite: (id) => ({ ...node.suite(id) }) },
  }),
  fault(
    "throws a TypeError for an unknown suite",
    1,
    "suites: others are refused with an UnsupportedError",
    () => ({}),
    {
      provider: {
        suite(id) {
          if (id !== 1) throw new TypeError("no such suite");
          return node.suite(1);
        },
      },
    },
  ),
  fault("runs AES-256 in a suite that says AES-128", 1, REGISTRY, (s) => ({
    suite: { ...s.suite, aead: AES_256_GCM },
    aead: node.suite(4).aead,
  })),
  fault("has a name of its own for a registered suite", 3, REGISTRY, (s) => ({
    suite: { ...s.suite, name: "the third" },
  })),
  fault("says another size of its keys", 1, REGISTRY, (s) => ({
    suite: { ...s.suite, kem: { ...s.suite.kem, Npk: 33 } },
  })),
  fault("serves what it doesn't list", 1, "suites: others are refused with an UnsupportedError", () => ({}), {
    provider: { suite: (id) => node.suite(id) },
  }),
  fault("has a part of another suite", 1, "algorithms: the parts are those of the suite", () => ({
    aead: node.suite(3).aead,
  })),
];
