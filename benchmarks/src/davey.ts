// OpenMLS as native code, as far as Discord's clients have it (davey, suite 2), beside Copse in the same rounds. What
// davey takes and gives is what Discord's voice gateway sends, so Copse does the same here: the members to add come as
// proposals, and one commits them.
import {
  basicCredential,
  Client,
  type CryptoProvider,
  ExtensionType,
  generateSigner,
  insecureAcceptAll,
  unframe,
} from "@copse/core";
import { readMessage } from "@copse/core/message";
import { externalProposal } from "@copse/core/public-group";
import { DaveyClient, whyMissing } from "@copse/peer-davey";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { concat } from "./bytes.js";
import { type Clock, now, useClock } from "./clock.js";
import type { Operation } from "./operations.js";
import { asDavey, DAVEY, SUITE_OF_DAVE } from "./references.js";
import { type Result, summarise } from "./samples.js";
import { uint, vector, vectorOf } from "./tls.js";

/** Until the engine has compiled what is measured. */
const WARM_UP = 3;

/** The times of one, by what was done, a value for each round. */
class Times {
  readonly name: string;
  readonly of = new Map<Operation, number[]>();
  constructor(name: string) {
    this.name = name;
  }

  async time<T>(what: Operation, work: () => Promise<T>): Promise<T> {
    const start = now();
    const result = await work();
    const milliseconds = now() - start;
    const rounds = this.of.get(what) ?? [];
    this.of.set(what, rounds);
    rounds.push(milliseconds);
    return result;
  }

  /** A round is a turn: all are measured in each. */
  results(members: number): Result[] {
    const place = { provider: this.name, suite: SUITE_OF_DAVE, members, tree: "fresh" } as const;
    return Array.from(this.of, ([operation, times]) => ({
      ...place,
      operation,
      ...summarise(times),
      turns: Object.fromEntries(times.entries()),
    }));
  }
}

/** Each in turn, in another order each round. */
async function inTurns<T>(
  parts: readonly T[],
  round: number,
  work: (part: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < parts.length; i++) await work(parts[(i + round) % parts.length] as T);
}

async function copse(crypto: CryptoProvider, userId: number): Promise<Client> {
  const credential = basicCredential(uint(8, userId));
  const options = { crypto, suite: SUITE_OF_DAVE, credential, policy: DAVE };
  return Client.create({ ...options, authentication: insecureAcceptAll() });
}

async function crowdOf(count: number): Promise<Uint8Array[]> {
  const crypto = nodeProvider();
  const made: Uint8Array[] = [];
  for (let i = 0; i < count; i++) made.push(await (await copse(crypto, 1000 + i)).createKeyPackage());
  return made;
}

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
  const client = await copse(crypto, userId);
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

/**
 * Measures it in this process.
 * @returns nothing if davey isn't for this platform
 */
export async function daveyResults(members: number, rounds: number, clock: Clock): Promise<Result[]> {
  if ((await whyMissing()) !== undefined) return [];
  useClock(clock);
  const gateway = await generateSigner(nodeProvider(), SUITE_OF_DAVE);
  const identity = vector(new TextEncoder().encode("gateway"));
  const sender = concat([vector(gateway.publicKey), uint(2, 1), identity]);
  const web = await webCryptoProvider();
  const all = [
    { times: new Times(DAVEY), make: (id: number) => daveyVoice(id, sender) },
    { times: new Times(asDavey("node")), make: (id: number) => copseVoice(nodeProvider(), id, sender) },
    { times: new Times(asDavey("webcrypto")), make: (id: number) => copseVoice(web, id, sender) },
  ];
  const crowd = await crowdOf(members - all.length - 1);
  for (let round = -WARM_UP; round < rounds; round++) {
    if (round === 0) for (const { times } of all) times.of.clear();
    const joining: { times: Times; member: VoiceClient; keyPackage: Uint8Array }[] = [];
    await inTurns(all, round + WARM_UP, async ({ times, make }) => {
      const member = await make(1 + all.findIndex((one) => one.times === times));
      const keyPackage = await times.time("key package", () => member.keyPackage());
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
      const committed = await times.time("add all others", () => committer.commit(proposals, users));
      if (times.name === asDavey("node")) answer = committed;
    });
    const welcome = readMessage(answer).rest as Uint8Array;
    await inTurns(joining, round + WARM_UP, async ({ times, member }) => {
      await times.time("join", () => member.welcome(welcome));
    });
  }
  return all.flatMap(({ times }) => times.results(members));
}
