// RFC 9420 §10: many key packages, each of which is used, deleted or expires.
import { type CryptoProvider, insecureAcceptAll, type Signer } from "@copse/core";
import { type ClientStorage, openClient } from "@copse/core/storage";
import { expect } from "vitest";
import { party } from "./clients.js";

/** How many: `npm run test:key-packages` makes 10,000. */
export const keyPackageCount = (few: number): number => Number(process.env.COPSE_KEY_PACKAGES ?? few);

/** So many are there at a time. */
const ROUND = 30;
const HOUR = 3600;

export interface Leftovers {
  readonly storage: ClientStorage;
  readonly crypto: CryptoProvider;
  readonly signer?: Signer;
  readonly suite: number;
  readonly count: number;
  /** Is called while there are key packages. */
  readonly meanwhile?: () => void;
}

/**
 * Makes key packages: one in three is used to join a group, which is then deleted, one is deleted, and one expires.
 * Checks that the client and its storage are as they were before.
 */
export async function useUpKeyPackages(given: Leftovers): Promise<void> {
  const { storage, crypto, signer, suite, count } = given;
  let now = Date.now();
  const policy = { lifetime: HOUR, keyPackageGrace: 0, now: () => now };
  const common = { suite, credential: "alice", authentication: insecureAcceptAll(), policy };
  const alice = await openClient({ storage, crypto, ...common, ...(signer && { signer }) });
  const { client: bob } = await party("bob", { suite, policy: { now: () => now } });
  const names = async () => (await storage.list("")).map(({ key }) => key);
  const before = await names();
  for (let made = 0; made < count; made += ROUND) {
    const round: Uint8Array[] = [];
    for (let i = 0; i < Math.min(ROUND, count - made); i++) round.push(await alice.createKeyPackage());
    given.meanwhile?.();
    for (const [i, one] of round.entries()) {
      if (i % 3 === 0) {
        const group = await bob.createGroup();
        const { welcome } = await group.add(one);
        await group.mergePendingCommit();
        const joined = await alice.join(welcome as Uint8Array);
        await joined.receive((await group.update()).commit);
        await alice.deleteGroup(joined.groupId);
        await group.close();
      } else if (i % 3 === 1) {
        await alice.deleteKeyPackage((await alice.readKeyPackage(one)).reference);
      }
    }
    now += 2 * HOUR * 1000;
  }
  // The last ones end with the next call of the client.
  await alice.group(new Uint8Array([1]));
  expect(alice.keyPackages()).toEqual([]);
  expect(alice.knownGroups()).toEqual([]);
  expect(await names()).toEqual(before);
}
