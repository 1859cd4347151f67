// What operations leave on the heap until the next full collection. It runs in a process of its own, bundled:
// `node --expose-gc short-lives.mjs`.
import { Client, generateSigner, insecureAcceptAll } from "@copse/core";
import { memoryStorage, openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";

const collect = (globalThis as unknown as { gc: (options?: { type: "minor" }) => void }).gc;
const crypto = nodeProvider();
const common = { crypto, authentication: insecureAcceptAll() };
const storage = memoryStorage();
const signer = await generateSigner(crypto, 1);
const open = () => openClient({ ...common, suite: 1, storage, credential: "alice", signer });

const group = await (await open()).createGroup();
const bob = await Client.create({ ...common, suite: 1, credential: "bob" });
const { welcome } = await group.add(await bob.createKeyPackage());
await group.mergePendingCommit();
const theirs = await bob.join(welcome as Uint8Array);
for (let epoch = 0; epoch < 3; epoch++) {
  await theirs.receive(await group.encrypt("hello"));
  const { commit } = await group.update();
  await theirs.receive(commit);
  await group.mergePendingCommit();
}
const { groupId } = group;
await group.close();

/** Opens the group, sends a message and closes it. */
async function visit(): Promise<void> {
  const opened = await (await open()).group(groupId);
  await opened?.encrypt("hello");
  await opened?.close();
}

const policy = { handshake: "public", maxPastEpochs: 0, authorize: () => true } as const;
const carol = await Client.create({ ...common, suite: 1, credential: "carol", policy });
const dave = await Client.create({ ...common, suite: 1, credential: "dave", policy });
const sender = await carol.createGroup();
const added = await sender.add(await dave.createKeyPackage());
await sender.mergePendingCommit();
const receiver = await dave.join(added.welcome as Uint8Array);

/** A message is sent and received. */
async function message(): Promise<void> {
  await receiver.receive(await sender.encrypt("hello"));
}

/** A commit is sent, looked at, and merged. */
async function commit(): Promise<void> {
  const staged = await receiver.stage((await sender.commit()).commit);
  await sender.mergePendingCommit();
  await staged.merge();
}

/** A commit is sent and received. */
async function received(): Promise<void> {
  await receiver.receive((await sender.commit()).commit);
  await sender.mergePendingCommit();
}

/** For five rounds, in bytes for each time. */
async function leftBy(work: () => Promise<void>, warmUp: number): Promise<number[]> {
  const left: number[] = [];
  for (let i = 0; i < warmUp; i++) await work();
  for (let round = 0; round < 5; round++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 50; i++) {
      await work();
      if (i % 10 === 9) for (let times = 0; times < 3; times++) collect({ type: "minor" });
    }
    left.push((process.memoryUsage().heapUsed - before) / 50);
  }
  return left;
}

const left = {
  visit: await leftBy(visit, 400),
  message: await leftBy(message, 400),
  commit: await leftBy(commit, 400),
  received: await leftBy(received, 400),
};
process.stdout.write(JSON.stringify(left));
