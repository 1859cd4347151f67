// RFC 9420 §16.7: checks of the random source. They find what isn't random at all, not what is slightly worse.
import { fail, type SuiteChecks } from "../../check.js";
import { equalBytes, hasLength, holds, is, range, toHex } from "../../tools/assert.js";

/** Claims that each bit of some byte strings of one length is 0 in one of them and 1 in another. */
export function bitsVary(values: readonly Uint8Array[], what: string, except?: Uint8Array): void {
  const length = values[0]?.length ?? 0;
  for (let at = 0; at < length; at++) {
    let [ones, zeros] = [0, 0];
    for (const value of values) {
      ones |= value[at] as number;
      zeros |= ~(value[at] as number) & 0xff;
    }
    const constant = ~(ones & zeros) & 0xff & ~(except?.[at] ?? 0);
    if (constant !== 0) {
      fail(
        `byte ${at} of ${what} has bits that are the same in all ${values.length}: ${constant.toString(2)}`,
      );
    }
  }
}

/** How many places before, the lengths, and the numbers of calls that are looked at. */
const LAGS = {
  full: [...range(1, 64), 128, 256, 512, 1024, 4096, 32_768],
  short: [1, 2, 4, 16, 32, 64, 4096],
};
const LENGTHS = {
  full: [...range(1, 72), 100, 127, 128, 129, 255, 256, 257, 1000],
  short: [...range(1, 4), 12, 16, 31, 32, 33, 66, 257],
};
const CALLS = { full: 20_000, short: 2000 };

export const randomChecks: SuiteChecks = {
  "random: gives as many bytes as are asked for": (suite) => {
    // 65,536 is as much as WebCrypto gives in one call.
    for (const length of [...range(0, 100), 65_535, 65_536, 65_537, 70_000, 131_073]) {
      hasLength(suite.random(length), length, `random(${length})`);
    }
  },

  "random: looks random": (suite, { effort }) => {
    const bytes = suite.random(200_000);
    if (equalBytes(bytes.subarray(0, 65_536), bytes.subarray(65_536, 131_072))) {
      is("alike", "different", "what two parts of a long answer are");
    }
    const counts = new Array<number>(256).fill(0);
    for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
    // 781 of each are expected, with a standard deviation of 28.
    for (const [byte, count] of counts.entries()) {
      if (count < 500 || count > 1080) is(count, "about 781", `how often ${byte} comes in 200,000 bytes`);
    }
    for (let at = 0; at < bytes.length; at += 64) {
      if (bytes.subarray(at, at + 64).every((byte) => byte === 0)) {
        is("zero", "random", `what bytes ${at} to ${at + 63} of a long answer are`);
      }
    }
    // How often a byte is that of so many places before: again 781 times.
    for (const lag of LAGS[effort]) {
      let count = 0;
      for (let at = lag; at < bytes.length; at++) if (bytes[at] === bytes[at - lag]) count++;
      if (count > 1080) is(count, "about 781", `how often a byte comes again ${lag} places later`);
    }
  },

  "random: every bit of every byte varies, at every length": (suite, { effort }) => {
    for (const length of LENGTHS[effort]) {
      const values = range(1, 64).map(() => suite.random(length));
      bitsVary(values, `random(${length})`);
    }
  },

  "random: doesn't repeat itself in 20,000 calls": (suite, { effort }) => {
    const seen = new Map<string, number>();
    for (let i = 0; i < CALLS[effort]; i++) {
      const value = toHex(suite.random(16));
      const before = seen.get(value);
      holds(before === undefined, `call ${i} gives the same 16 bytes as call ${before}`);
      seen.set(value, i);
    }
  },

  "random: doesn't repeat itself within a long answer": (suite) => {
    for (const length of [1000, 70_000, 300_000]) {
      const bytes = suite.random(length);
      const seen = new Map<string, number>();
      for (let at = 0; at + 12 <= length; at += 12) {
        const block = toHex(bytes.subarray(at, at + 12));
        const before = seen.get(block);
        holds(before === undefined, `random(${length}) has the same 12 bytes at ${before} and ${at}`);
        seen.set(block, at);
      }
    }
  },
};
