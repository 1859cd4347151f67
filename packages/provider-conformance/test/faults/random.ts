// RFC 9420 §16.7: faults in the random source.
import { createHash } from "node:crypto";
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { type Fault, fault, node } from "./fault.js";

const BITS = "random: every bit of every byte varies, at every length";
const CALLS = "random: doesn't repeat itself in 20,000 calls";
const WITHIN = "random: doesn't repeat itself within a long answer";
const LENGTH = "random: gives as many bytes as are asked for";
const LOOKS = "random: looks random";
const INSTANCES = "instances: each has random bytes and keys of its own";

type Random = CipherSuiteProvider["random"];

const random = (what: string, suite: number, caughtBy: string, make: (healthy: Random) => Random): Fault =>
  fault(what, suite, caughtBy, (s) => ({ random: make(s.random.bind(s)) }));

/** Changes the bytes of a healthy answer. */
const changed =
  (healthy: Random, change: (bytes: Uint8Array) => void): Random =>
  (length) => {
    const bytes = healthy(length);
    change(bytes);
    return bytes;
  };

/** Repeats its answers after so many calls. */
const cycle =
  (calls: number): ((healthy: Random) => Random) =>
  (healthy) => {
    const answers = new Map<string, Uint8Array>();
    let call = 0;
    return (length) => {
      const key = `${call++ % calls} ${length}`;
      const answer = answers.get(key) ?? healthy(length);
      answers.set(key, answer);
      return answer.slice();
    };
  };

/** A stream from a seed. */
function seeded(seed: string): Random {
  let block = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      bytes.set(
        createHash("sha256")
          .update(`${seed} ${block++}`)
          .digest()
          .subarray(0, length - at),
        at,
      );
    }
    return bytes;
  };
}

/** A provider whose instances have something in common. */
function instances(what: string, change: () => Partial<CipherSuiteProvider>): Fault {
  const make = (): CryptoProvider => {
    const served = { ...node.suite(1), ...change() };
    return { name: what, suites: [served.suite], suite: () => served };
  };
  return fault(what, 1, INSTANCES, change, { make });
}

export const RANDOM: readonly Fault[] = [
  random("fills only the first 65,536 random bytes", 1, LOOKS, (healthy) => (length) => {
    const bytes = new Uint8Array(length);
    bytes.set(healthy(Math.min(length, 65_536)));
    return bytes;
  }),
  random("has a zero as its last random byte", 1, BITS, (healthy) =>
    changed(healthy, (bytes) => bytes.fill(0, -1)),
  ),
  random("has zeros as every sixteenth random byte", 2, BITS, (healthy) =>
    changed(healthy, (bytes) => {
      for (let at = 15; at < bytes.length; at += 16) bytes[at] = 0;
    }),
  ),
  random("has random bytes without a lowest bit", 3, BITS, (healthy) =>
    changed(healthy, (bytes) => {
      for (let at = 0; at < bytes.length; at++) bytes[at] = bytes[at]! & 0xfe;
    }),
  ),
  random("has random bytes of ASCII", 5, BITS, (healthy) =>
    changed(healthy, (bytes) => {
      for (let at = 0; at < bytes.length; at++) bytes[at] = bytes[at]! & 0x7f;
    }),
  ),
  random("counts instead of drawing", 1, BITS, () => {
    let count = 0;
    return (length) => {
      const bytes = new Uint8Array(length);
      new DataView(bytes.buffer).setUint8(length - 1, count++ & 0xff);
      return bytes;
    };
  }),
  random("forgets the last bytes of what isn't a multiple of four", 1, BITS, (healthy) =>
    changed(healthy, (bytes) => bytes.fill(0, bytes.length & ~3)),
  ),
  random("prefers small random bytes", 1, LOOKS, (healthy) =>
    changed(healthy, (bytes) => {
      for (let at = 0; at < bytes.length; at++) bytes[at] = bytes[at]! % 200;
    }),
  ),
  random("gives each random byte twice", 1, LOOKS, (healthy) =>
    changed(healthy, (bytes) => {
      for (let at = 1; at < bytes.length; at += 2) bytes[at] = bytes[at - 1]!;
    }),
  ),
  random("repeats its random bytes after 1,000 calls", 1, CALLS, cycle(1000)),
  random("repeats its random bytes after 10,000 calls", 3, CALLS, cycle(10_000)),
  random("gives the same random bytes each time", 1, CALLS, cycle(1)),
  random("fills long answers with the same 256 bytes", 1, WITHIN, (healthy) => (length) => {
    const bytes = healthy(length);
    for (let at = 768; at < length; at += 768) bytes.copyWithin(at, 0, Math.min(768, length - at));
    return bytes;
  }),
  random("fills long answers with the same 98,304 bytes", 1, WITHIN, (healthy) => (length) => {
    const bytes = healthy(length);
    for (let at = 98_304; at < length; at += 98_304) bytes.copyWithin(at, 0, Math.min(98_304, length - at));
    return bytes;
  }),
  random(
    "gives one random byte too few of an odd number",
    1,
    LENGTH,
    (healthy) => (length) => healthy(length & ~1),
  ),
  random(
    "gives at most 65,536 random bytes",
    2,
    LENGTH,
    (healthy) => (length) => healthy(Math.min(length, 65_536)),
  ),
  instances("seeds its random source with a constant", () => ({ random: seeded("constant") })),
  instances("seeds its random source with the day", () => ({
    random: seeded(`${Math.floor(Date.now() / 864e5)}`),
  })),
  instances("makes the same keys in each instance", () => {
    const { hpke } = node.suite(1);
    let next = 0;
    const generateKeyPair = () => hpke.deriveKeyPair(new TextEncoder().encode(`instance key ${next++}`));
    return { hpke: { ...hpke, generateKeyPair } };
  }),
];
