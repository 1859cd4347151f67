// RFC 9420 §12: what binds the entries of a group together: the sum of their digests, which each write brings up to date.
import { EMPTY, equalBytes, secretBytes, wipe } from "../../bytes.js";
import { hashAll } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { CipherSuiteProvider } from "../../provider/index.js";

/** The size of a sum, in bytes: that of a digest, whatever the suite. */
const SIZE = 32;

/** Values of entries, by their names. `undefined` for one that is deleted. */
export type Values = ReadonlyMap<string, Uint8Array | undefined>;

/**
 * The entries that a storage has, by their digests. Their sum is an entry too: so one that is damaged, missing or old, or
 * another group's, is noticed when the others are read.
 */
export class EntrySum {
  readonly #digests: Map<string, Uint8Array>;
  #sum: Uint8Array;

  constructor(digests: Map<string, Uint8Array> = new Map()) {
    this.#digests = digests;
    this.#sum = new Uint8Array(SIZE);
    for (const digest of digests.values()) add(this.#sum, digest);
  }

  /** @throws MlsError `state` if `sum` isn't that of the entries */
  static async check(
    provider: CipherSuiteProvider,
    values: ReadonlyMap<string, Uint8Array>,
    sum: Uint8Array | undefined,
  ): Promise<EntrySum> {
    const checked = new EntrySum(await digestsOf(provider, values));
    if (sum === undefined || !equalBytes(checked.#sum, sum)) {
      const message =
        "the entries of the group aren't those of one write: one is damaged, missing, old or another group's";
      throw new MlsError("state", message);
    }
    return checked;
  }

  get names(): Iterable<string> {
    return this.#digests.keys();
  }

  /**
   * The sum after a write.
   * @returns the changes among `values`, and what takes them over when they are written
   */
  async after(
    provider: CipherSuiteProvider,
    values: Values,
  ): Promise<{ sum: Uint8Array; changed: string[]; done: () => void }> {
    const sum = this.#sum.slice();
    const digests = new Map<string, Uint8Array | undefined>();
    const computed = await digestsOf(provider, values);
    for (const name of values.keys()) {
      const before = this.#digests.get(name);
      const digest = computed.get(name);
      if (equalBytes(before ?? EMPTY, digest ?? EMPTY)) continue;
      digests.set(name, digest);
      add(sum, before);
      add(sum, digest);
    }
    const done = () => {
      this.#sum = sum;
      for (const [name, digest] of digests)
        if (digest === undefined) this.#digests.delete(name);
        else this.#digests.set(name, digest);
    };
    return { sum, changed: [...digests.keys()], done };
  }
}

/** Adds a digest to a sum, or takes it away. */
function add(sum: Uint8Array, digest: Uint8Array | undefined): void {
  if (digest === undefined) return;
  for (let i = 0; i < SIZE; i++) sum[i] = (sum[i] as number) ^ (digest[i] as number);
}

/** The digests of values, each with its name, by their names: of all in one piece of memory. */
async function digestsOf(provider: CipherSuiteProvider, values: Values): Promise<Map<string, Uint8Array>> {
  let size = 0;
  for (const [name, value] of values) size += name.length + 1 + (value?.length ?? 0);
  const memory = secretBytes(size);
  const names: string[] = [];
  const inputs: Uint8Array[] = [];
  let at = 0;
  for (const [name, value] of values) {
    if (value === undefined) continue;
    const start = at;
    for (let i = 0; i < name.length; i++) memory[at++] = name.charCodeAt(i);
    // A zero ends the name.
    at++;
    memory.set(value, at);
    at += value.length;
    names.push(name);
    inputs.push(memory.subarray(start, at));
  }
  try {
    const digests = new Map<string, Uint8Array>();
    for (const [i, digest] of (await hashAll(provider, inputs)).entries())
      digests.set(names[i] as string, digest.slice(0, SIZE));
    return digests;
  } finally {
    wipe(memory);
  }
}
