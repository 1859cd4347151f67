// What groups that were opened and closed leave on the heap until the next full collection. It runs in a process of its own,
// bundled: `node --expose-gc short-lives.mjs`.
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

const left: number[] = [];
for (let i = 0; i < 400; i++) await visit();
for (let round = 0; round < 5; round++) {
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 50; i++) {
    await visit();
    if (i % 10 === 9) for (let times = 0; times < 3; times++) collect({ type: "minor" });
  }
  left.push((process.memoryUsage().heapUsed - before) / 50);
}
process.stdout.write(JSON.stringify(left));
