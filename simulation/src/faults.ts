// Faults to plant, to see that an invariant breaks. Those of the core's own sources are in `planted.mjs`.
import type { ClientStorage } from "@copse/core/storage";
import type { Entropy } from "./crypto.js";
import type { FaultyWrite } from "./disk.js";

/** What stands before the parts that the world is made of. */
export interface Faults {
  readonly write?: FaultyWrite;
  readonly entropy?: (entropy: Entropy) => Entropy;
  /** Whether key stores keep what they are to destroy. */
  readonly keepsKeys?: boolean;
}

type Changes = Parameters<ClientStorage["write"]>[0];

/** One write in so many is faulty. */
const RARITY = 40;

/** A storage that is faulty now and then. */
function now(faulty: FaultyWrite): Faults {
  let count = 0;
  return {
    write: (write, args, later) => (++count % RARITY === 0 ? faulty(write, args, later) : write(...args)),
  };
}

/** A storage that never deletes some entries. */
const keeping = (isKept: (key: string) => boolean): Faults => ({
  write: (write, [changes, steps]) =>
    write(
      changes.filter(({ key, value }) => value !== undefined || !isKept(key)),
      steps,
    ),
});

/** A copy: the core overwrites what it has written. */
const copyOf = (changes: Changes): Changes =>
  changes.map(({ value, ...others }) => ({ ...others, value: value && new Uint8Array(value) }));

/** Made anew for each course: some count. */
export const FAULTS: Readonly<Record<string, () => Faults>> = {
  "writes after its answer": () =>
    now((write, [changes, steps], later) => {
      const copies = copyOf(changes);
      later(() => write(copies, steps));
      return true;
    }),
  "compares no versions": () => ({
    write: (write, [changes, steps]) =>
      write([...changes, ...steps.map(({ key, to }) => ({ key, value: to }))], []),
  }),
  "writes half": () =>
    now((write, [changes, steps]) => write(changes.slice(0, Math.floor(changes.length / 2)), steps)),
  "keeps key packages": () => keeping((key) => key.startsWith("client/key-packages/")),
  "keeps groups": () => keeping((key) => key.startsWith("group/")),
  "guards no key that is used again": () => ({
    entropy: (entropy) => (length) => (length === 4 ? new Uint8Array(4) : entropy(length)),
  }),
  "keeps private keys": () => ({ keepsKeys: true }),
};
