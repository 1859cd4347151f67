// The whole way: from `conversation.send` of one member to the event of the last of the others.
import { insecureAcceptAll } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { type Conversation, type Messenger, openMessenger } from "@copse/delivery";
import { nodeProvider } from "@copse/provider-node";
import type { Station } from "./station.js";
import type { Traffic } from "./traffic.js";

const SUITE = 1;

async function opened(station: Station, n: number): Promise<Messenger> {
  return openMessenger({
    storage: memoryStorage(),
    crypto: nodeProvider(),
    suite: SUITE,
    credential: `user-${n}`,
    authentication: insecureAcceptAll(),
    delivery: () => station.connect(n),
    accept: () => true,
  });
}

/** Resolves when all have a conversation with so many members. */
async function together(messengers: readonly Messenger[], id: string): Promise<Conversation[]> {
  return Promise.all(
    messengers.map(
      (messenger) =>
        new Promise<Conversation>((resolve) => {
          const look = () => {
            const conversation = messenger.conversation(id);
            if (conversation?.state !== "active" || conversation.members.length < messengers.length) return;
            stop();
            resolve(conversation);
          };
          const stop = messenger.on(look);
          look();
        }),
    ),
  );
}

export interface Talk {
  readonly members: number;
  readonly messages: number;
  readonly inFlight: number;
}

/** Whoever talks is new: else clients of before, which are gone, would be invited, too. */
let people = 10_000;

/** Each message counts when all others have it. */
export async function talk(station: Station, { members, messages, inFlight }: Talk): Promise<Traffic> {
  const first = people;
  people += members;
  const messengers = await Promise.all(Array.from({ length: members }, (_, n) => opened(station, first + n)));
  try {
    // Their key packages are there.
    for (const messenger of messengers) await messenger.settled();
    const users = messengers.slice(1).map(({ user }) => user);
    const { id } = await (messengers[0] as Messenger).start(users);
    const conversations = await together(messengers, id);
    const open = new Map<string, { start: number; left: number; done: () => void }>();
    const times: number[] = [];
    const stops = messengers.map((messenger) =>
      messenger.on((event) => {
        if (event.kind !== "message") return;
        const sent = open.get(event.entry.text);
        if (sent === undefined || --sent.left > 0) return;
        times.push(performance.now() - sent.start);
        open.delete(event.entry.text);
        sent.done();
      }),
    );
    let n = 0;
    const begin = performance.now();
    const lane = async () => {
      while (n < messages) {
        const text = `message ${n++}`;
        const conversation = conversations[n % members] as Conversation;
        await new Promise<void>((done, fail) => {
          // The sender's own event counts, too: it comes when the message stands in the log.
          open.set(text, { start: performance.now(), left: members, done });
          conversation.send(text).catch(fail);
        });
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    const seconds = (performance.now() - begin) / 1000;
    for (const stop of stops) stop();
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)] as number;
    return { perSecond: messages / seconds, p50: at(0.5), p99: at(0.99) };
  } finally {
    for (const messenger of messengers) await messenger.close();
  }
}
