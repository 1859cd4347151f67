// The hot paths of RFC 9420 for one backend, suite and size of group.
import type { Backend, Member } from "./backend.js";

export const OPERATIONS = [
  "key package",
  "add all others",
  "join",
  "empty commit",
  "process commit",
  "encrypt 1 KiB",
  "decrypt 1 KiB",
] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Result {
  backend: string;
  suite: number;
  members: number;
  operation: Operation;
  /** Median of the runs, in milliseconds. */
  milliseconds: number;
  runs: number;
}

/** How often a group of a size is built anew; everything within a group is measured more often. */
export function defaultRuns(members: number): number {
  if (members <= 10) return 15;
  return members <= 200 ? 5 : 3;
}

const MESSAGE = new Uint8Array(1024).fill(0x61);
const MESSAGES = 50;
const WARM_UP = 3;

/**
 * Measures all operations. The key packages of the members who are only there to fill the group are made outside
 * of the measured time, and added anew in every run; the member who joins is a new one each time.
 * @throws Error if the members don't agree at the end: then the times mean nothing
 */
export async function measure(
  backend: Backend,
  suite: number,
  members: number,
  runs = defaultRuns(members),
): Promise<Result[]> {
  const times = new Map<Operation, number[]>(OPERATIONS.map((operation) => [operation, []]));
  const timed = async <T>(operation: Operation, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    times.get(operation)!.push(performance.now() - start);
    return result;
  };

  await warmUp(backend, suite);
  const crowd: Uint8Array[] = [];
  for (let i = 2; i < members; i++) {
    crowd.push(await (await backend.createMember(suite, `member ${i}`)).keyPackage());
  }

  for (let run = 0; run < runs; run++) {
    const creator = await backend.createMember(suite, "creator");
    const joiner = await backend.createMember(suite, "joiner");
    const keyPackage = await timed("key package", () => joiner.keyPackage());
    await creator.createGroup();
    const { welcome } = await timed("add all others", () => creator.commit([...crowd, keyPackage]));
    if (!welcome) throw new Error(`${backend.name}: a commit with an Add gave no Welcome`);
    await timed("join", () => joiner.join(welcome));
    for (let i = 0; i < 2; i++) {
      const { commit } = await timed("empty commit", () => creator.commit([]));
      await timed("process commit", () => joiner.receive(commit));
    }
    if (run === runs - 1) {
      for (let i = 0; i < MESSAGES; i++) {
        const message = await timed("encrypt 1 KiB", () => creator.encrypt(MESSAGE));
        await timed("decrypt 1 KiB", () => joiner.receive(message));
      }
    }
    checkAgreement(backend, creator, joiner);
  }

  return OPERATIONS.map((operation) => {
    const samples = times.get(operation)!;
    return {
      backend: backend.name,
      suite,
      members,
      operation,
      milliseconds: median(samples),
      runs: samples.length,
    };
  });
}

/** Lets the engine compile and the backend load what it loads on first use. */
async function warmUp(backend: Backend, suite: number): Promise<void> {
  for (let i = 0; i < WARM_UP; i++) {
    const creator = await backend.createMember(suite, "creator");
    const joiner = await backend.createMember(suite, "joiner");
    await creator.createGroup();
    const { welcome } = await creator.commit([await joiner.keyPackage()]);
    await joiner.join(welcome!);
    await joiner.receive((await creator.commit([])).commit);
    for (let message = 0; message < MESSAGES; message++) await joiner.receive(await creator.encrypt(MESSAGE));
  }
}

function checkAgreement(backend: Backend, creator: Member, joiner: Member): void {
  const [a, b] = [creator.epochAuthenticator(), joiner.epochAuthenticator()];
  if (a.length === 0 || a.length !== b.length || a.some((byte, i) => byte !== b[i])) {
    throw new Error(`${backend.name}: the creator and the joiner are not in the same epoch`);
  }
}

/** The middle value, or the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
