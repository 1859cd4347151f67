// `npm run bench -- --openmls`: what OpenMLS's npm packages can do of the hot paths, beside Copse in the same rounds: as
// WebAssembly (mls-ts, suite 3), and as native code in Discord's clients (davey, suite 2).
import {
  basicCredential,
  Client,
  type CryptoProvider,
  ExtensionType,
  type Group,
  generateSigner,
  insecureAcceptAll,
  unframe,
} from "@copse/core";
import { readMessage } from "@copse/core/message";
import { externalProposal } from "@copse/core/public-group";
import { DaveyClient, whyMissing } from "@copse/peer-davey";
import { MlsTsClient } from "@copse/peer-mls-ts";
import { libsodiumProvider } from "@copse/provider-libsodium";
import { nodeProvider } from "@copse/provider-node";
import { sodiumNativeProvider } from "@copse/provider-sodium-native";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { concat } from "./bytes.js";
import { now, useClock } from "./clock.js";
import { aligned, duration, ratio } from "./format.js";
import type { Options } from "./options.js";
import { median } from "./samples.js";
import { uint, vector, vectorOf } from "./tls.js";

const MEMBERS = 100;
const ROUNDS = 15;
/** Until the engine has compiled what is measured. */
const WARM_UP = 3;
const OFTEN = 10;
const PAYLOAD = new Uint8Array(1024).fill(7);

/** The times of one, by what was done, a value for each round. */
class Times {
  readonly name: string;
  readonly of = new Map<string, number[]>();
  constructor(name: string) {
    this.name = name;
  }

  /** Does something several times. @returns what it gave first */
  async time<T>(what: string, times: number, work: () => Promise<T>): Promise<T> {
    const start = now();
    const result = await work();
    for (let i = 1; i < times; i++) await work();
    const rounds = this.of.get(what) ?? [];
    this.of.set(what, rounds);
    rounds.push((now() - start) / times);
    return result;
  }
}

/** The first is OpenMLS: the others are compared with it, round by round. */
function tableOf(title: string, all: readonly Times[]): string {
  const [reference, ...ours] = all as [Times, ...Times[]];
  const head = [title, reference.name, ...ours.flatMap(({ name }) => [name, "times as fast"])];
  const rows = Array.from(reference.of, ([what, theirs]) => [
    what,
    duration(median(theirs)),
    ...ours.flatMap(({ of }) => {
      const own = of.get(what) as number[];
      return [duration(median(own)), ratio(median(own.map((one, i) => (theirs[i] as number) / one)))];
    }),
  ]);
  return aligned([head, ...rows]);
}

/** Each in turn, in another order each round. */
async function inTurns<T>(
  parts: readonly T[],
  round: number,
  work: (part: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < parts.length; i++) await work(parts[(i + round) % parts.length] as T);
}

async function copse(crypto: CryptoProvider, suite: number, name: string | Uint8Array, policy = {}) {
  const credential = basicCredential(typeof name === "string" ? new TextEncoder().encode(name) : name);
  return Client.create({ crypto, suite, credential, authentication: insecureAcceptAll(), policy });
}

async function crowdOf(suite: number, count: number, policy = {}): Promise<Uint8Array[]> {
  const crypto = nodeProvider();
  const made: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const name = suite === SUITE_OF_DAVE ? uint(8, 1000 + i) : `member ${i}`;
    made.push(await (await copse(crypto, suite, name, policy)).createKeyPackage());
  }
  return made;
}

/** Those who join the same group by the same Welcome. */
interface Messenger {
  keyPackage(): Promise<Uint8Array>;
  join(welcome: Uint8Array, ratchetTree: Uint8Array): Promise<void>;
  encrypt(): Promise<Uint8Array>;
  decrypt(message: Uint8Array): Promise<void>;
}

async function copseMessenger(crypto: CryptoProvider): Promise<Messenger> {
  const client = await copse(crypto, 3, "copse");
  let group!: Group;
  return {
    keyPackage: () => client.createKeyPackage(),
    join: async (welcome, ratchetTree) => {
      group = await client.join(welcome, { ratchetTree });
    },
    encrypt: () => group.encrypt(PAYLOAD),
    decrypt: async (message) => void (await group.receive(message)),
  };
}

async function mlsTsMessenger(): Promise<Messenger> {
  const client = new MlsTsClient("mls-ts");
  return {
    keyPackage: async () => client.keyPackage(),
    join: async (welcome, ratchetTree) => client.join(welcome, ratchetTree),
    encrypt: async () => client.encrypt(PAYLOAD),
    decrypt: async (message) => void client.receive(message),
  };
}

interface Effort {
  readonly members: number;
  readonly rounds: number;
}

async function webAssembly({ members, rounds }: Effort): Promise<string> {
  const providers: [string, CryptoProvider][] = [
    ["node", nodeProvider()],
    ["sodium-native", sodiumNativeProvider()],
    ["libsodium", await libsodiumProvider()],
    ["webcrypto", await webCryptoProvider()],
  ];
  const all = [
    { times: new Times("mls-ts"), make: mlsTsMessenger },
    ...providers.map(([name, crypto]) => ({ times: new Times(name), make: () => copseMessenger(crypto) })),
  ];
  const crowd = await crowdOf(3, members - all.length - 1);
  for (let round = -WARM_UP; round < rounds; round++) {
    if (round === 0) for (const { times } of all) times.of.clear();
    const joining: { times: Times; member: Messenger; keyPackage: Uint8Array }[] = [];
    await inTurns(all, round + WARM_UP, async ({ times, make }) => {
      const member = await make();
      const keyPackage = await times.time("key package", OFTEN, () => member.keyPackage());
      joining.push({ times, member, keyPackage });
    });
    const host = await (await copse(nodeProvider(), 3, "host")).createGroup();
    const add = [...crowd, ...joining.map(({ keyPackage }) => keyPackage)];
    const { welcome, ratchetTree } = await host.commit({ add, ratchetTreeInWelcome: false });
    await host.mergePendingCommit();
    for (const { times, member } of joining) {
      await times.time("join", 1, () => member.join(welcome as Uint8Array, ratchetTree as Uint8Array));
    }
    await inTurns(joining, round + WARM_UP, async ({ times, member }) => {
      await times.time("encrypt 1 KiB", OFTEN, () => member.encrypt());
    });
    const messages: Uint8Array[] = [];
    for (let i = 0; i < OFTEN; i++) messages.push(await host.encrypt(PAYLOAD));
    await inTurns(joining, round + WARM_UP, async ({ times, member }) => {
      let i = 0;
      await times.time("decrypt 1 KiB", OFTEN, () => member.decrypt(messages[i++] as Uint8Array));
    });
  }
  return tableOf(
    `suite 3, ${members} members`,
    all.map(({ times }) => times),
  );
}

const SUITE_OF_DAVE = 2;
const CHANNEL = 77;
/** DAVE has PublicMessages, and key packages that never expire. */
const DAVE = {
  handshake: "public",
  lifetime: Number.POSITIVE_INFINITY,
  maxLifetime: Number.POSITIVE_INFINITY,
} as const;

/** A client of Discord's voice gateway, as far as it is measured. All is raw, but for the proposals and the commit. */
interface VoiceClient {
  keyPackage(): Promise<Uint8Array>;
  /** Takes the gateway's proposals, and commits them. @returns the commit, followed by the Welcome */
  commit(proposals: readonly Uint8Array[], users: readonly string[]): Promise<Uint8Array>;
  welcome(welcome: Uint8Array): Promise<void>;
}

async function copseVoice(crypto: CryptoProvider, userId: number, sender: Uint8Array): Promise<VoiceClient> {
  const client = await copse(crypto, SUITE_OF_DAVE, uint(8, userId), DAVE);
  const group = await client.createGroup({
    groupId: uint(8, CHANNEL),
    extensions: [{ extensionType: ExtensionType.externalSenders, extensionData: vector(sender) }],
  });
  return {
    keyPackage: async () => unframe(await client.createKeyPackage()),
    async commit(proposals) {
      for (const proposal of proposals) await group.receive(proposal);
      const { commit, welcome } = await group.commit();
      return concat([commit, unframe(welcome as Uint8Array)]);
    },
    welcome: async (welcome) => void (await client.join(welcome, { replace: true })),
  };
}

async function daveyVoice(userId: number, sender: Uint8Array): Promise<VoiceClient> {
  const client = await DaveyClient.create(String(userId), String(CHANNEL));
  await client.externalSender(sender);
  return {
    keyPackage: () => client.keyPackage(),
    commit: async (proposals, users) => (await client.proposals(0, vectorOf(proposals), users)) as Uint8Array,
    async welcome(welcome) {
      if (!(await client.welcome(0, welcome))) throw client.problem;
    },
  };
}

async function native({ members, rounds }: Effort): Promise<string> {
  const missing = await whyMissing();
  if (missing !== undefined) return `suite 2: not measured, ${missing}`;
  const gateway = await generateSigner(nodeProvider(), SUITE_OF_DAVE);
  const identity = vector(new TextEncoder().encode("gateway"));
  const sender = concat([vector(gateway.publicKey), uint(2, 1), identity]);
  const web = await webCryptoProvider();
  const all = [
    { times: new Times("davey"), make: (id: number) => daveyVoice(id, sender) },
    { times: new Times("node"), make: (id: number) => copseVoice(nodeProvider(), id, sender) },
    { times: new Times("webcrypto"), make: (id: number) => copseVoice(web, id, sender) },
  ];
  const crowd = await crowdOf(SUITE_OF_DAVE, members - all.length - 1, DAVE);
  for (let round = -WARM_UP; round < rounds; round++) {
    if (round === 0) for (const { times } of all) times.of.clear();
    const joining: { times: Times; member: VoiceClient; keyPackage: Uint8Array }[] = [];
    await inTurns(all, round + WARM_UP, async ({ times, make }) => {
      const member = await make(1 + all.findIndex((one) => one.times === times));
      const keyPackage = await times.time("key package", 1, () => member.keyPackage());
      joining.push({ times, member, keyPackage });
    });
    const users = [...crowd.map((_, i) => String(1000 + i)), ...all.map((_, i) => String(1 + i))];
    const proposals: Uint8Array[] = [];
    for (const add of [...crowd, ...joining.map(({ keyPackage }) => keyPackage)]) {
      const context = { suite: SUITE_OF_DAVE, groupId: uint(8, CHANNEL), epoch: 0n, senderIndex: 0 };
      proposals.push(await externalProposal(nodeProvider(), gateway, context, { add }));
    }
    let answer!: Uint8Array;
    await inTurns(all, round + WARM_UP, async ({ times, make }) => {
      const committer = await make(500);
      const committed = await times.time("add all others", 1, () => committer.commit(proposals, users));
      if (times.name === "node") answer = committed;
    });
    const welcome = readMessage(answer).rest as Uint8Array;
    await inTurns(joining, round + WARM_UP, async ({ times, member }) => {
      await times.time("join", 1, () => member.welcome(welcome));
    });
  }
  return tableOf(
    `suite 2, ${members} members`,
    all.map(({ times }) => times),
  );
}

/** @returns a table for each suite */
export async function openmls({
  clock,
  runs,
  size,
}: Pick<Options, "clock" | "runs" | "size">): Promise<string> {
  useClock(clock);
  const effort = { members: size ?? MEMBERS, rounds: runs ?? ROUNDS };
  return `${await webAssembly(effort)}\n\n${await native(effort)}`;
}
