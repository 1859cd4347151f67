// RFC 9420 §10: of key packages that were used, deleted or have expired, nothing is left in SQLite, their keys least of all.
// `npm run test:key-packages` makes 10,000.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CryptoProvider, insecureAcceptAll } from "@copse/core";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { sqliteStorage } from "@copse/storage-sqlite";
import { party } from "@copse/test-support/clients";
import { afterAll, expect, it } from "vitest";
import { bytesOnDisk } from "./databases.js";

const COUNT = Number(process.env.COPSE_KEY_PACKAGES ?? 60);
const SUITE = 1;
const HOUR = 3600;
/** So many are there at a time. */
const ROUND = 30;

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A provider, and the private keys that it made. */
function watched(): { crypto: CryptoProvider; keys: Uint8Array[] } {
  const inner = nodeProvider();
  const keys: Uint8Array[] = [];
  const suite = (id: number) => {
    const whole = inner.suite(id);
    const { hpke } = whole;
    const generateKeyPair = async () => {
      const pair = await hpke.generateKeyPair();
      keys.push(await hpke.exportPrivateKey(pair.privateKey));
      return pair;
    };
    return { ...whole, hpke: { ...hpke, generateKeyPair } };
  };
  return { crypto: { ...inner, suite }, keys };
}

it(
  `leaves nothing of ${COUNT} key packages that were used, deleted or have expired`,
  async () => {
    const path = join(folder, "alice");
    const { crypto, keys } = watched();
    let now = Date.now();
    const policy = { lifetime: HOUR, keyPackageGrace: 0, now: () => now };
    const open = async () => {
      const storage = await sqliteStorage(path);
      const common = { crypto, suite: SUITE, credential: "alice", authentication: insecureAcceptAll() };
      return { storage, alice: await openClient({ storage, ...common, policy }) };
    };
    const { client: bob } = await party("bob", { suite: SUITE, policy: { now: () => now } });
    const { storage, alice } = await open();
    const before = storage.list("").map(({ key }) => key);
    const found = () => {
      const files = bytesOnDisk(path);
      return keys.filter((key) => files.includes(Buffer.from(key))).length;
    };
    const foundWhileThere: number[] = [];
    for (let made = 0; made < COUNT; made += ROUND) {
      const round = [];
      for (let i = 0; i < Math.min(ROUND, COUNT - made); i++) round.push(await alice.createKeyPackage());
      if (made === 0) foundWhileThere.push(found());
      for (const [i, one] of round.entries()) {
        // A third each: used, deleted, and left until it expires.
        if (i % 3 === 0) {
          const group = await bob.createGroup();
          const { welcome } = await group.add(one);
          await group.close();
          const { groupId } = await alice.join(welcome as Uint8Array);
          await alice.deleteGroup(groupId);
        } else if (i % 3 === 1) {
          const { reference } = await alice.readKeyPackage(one);
          await alice.deleteKeyPackage(reference);
        }
      }
      now += 2 * HOUR * 1000;
    }
    // The last ones' keys end at the next call that has to do with key packages.
    const { reference } = await alice.readKeyPackage(await alice.createKeyPackage());
    await alice.deleteKeyPackage(reference);
    expect(keys.length).toBeGreaterThanOrEqual(2 * COUNT);
    expect(foundWhileThere[0], "as long as they are needed, they are found").toBeGreaterThan(0);
    expect(alice.keyPackages()).toEqual([]);
    expect(storage.list("").map(({ key }) => key)).toEqual(before);
    storage.close();
    expect(found()).toBe(0);
    const again = await open();
    expect(again.alice.keyPackages()).toEqual([]);
    again.storage.close();
  },
  60_000 + COUNT * 100,
);
