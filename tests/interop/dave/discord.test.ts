// RFC 9420: a voice channel of Discord from end to end, with Copse as its gateway and as other members: the bots are
// discord.js's sessions, and the clients davey's.
import { DaveyClient, DiscordClient, SUITE, type VoiceClient, whyMissing } from "@copse/peer-davey";
import { notPlayed } from "@copse/test-support/played";
import { vectorProviders } from "@copse/test-support/providers";
import { describe, expect, it } from "vitest";
import { CopseVoiceClient } from "./client.js";
import { Gateway } from "./gateway.js";

const serving = (await vectorProviders()).filter(({ suites }) => suites.some(({ id }) => id === SUITE));
const missing = await whyMissing();
if (missing !== undefined) notPlayed("discord.js", missing);

const CHANNEL = "927310423890473012";
let users = 258049329150427136n;
const nextUser = () => (users++).toString();

/** DAVE's code of 30 digits for an epoch: six times five bytes, modulo 100,000. */
function privacyCode(epochAuthenticator: Uint8Array): string {
  const groups = Array.from(
    { length: 6 },
    (_, i) => Buffer.from(epochAuthenticator).readUIntBE(5 * i, 5) % 100_000,
  );
  return groups.map((group) => String(group).padStart(5, "0")).join("");
}

const settings = serving.map((crypto) => ({ crypto, provider: crypto.name }));

describe.skipIf(missing !== undefined).each(settings)("on $provider, with discord.js", ({ crypto }) => {
  const ours = () => CopseVoiceClient.create(crypto, nextUser(), CHANNEL);
  const bot = (userId = nextUser()) => DiscordClient.create(userId, CHANNEL);
  const davey = () => DaveyClient.create(nextUser(), CHANNEL);

  async function connected<const T extends readonly VoiceClient[]>(...clients: T) {
    const gateway = await Gateway.create(crypto, CHANNEL);
    await gateway.connect(...clients);
    return gateway;
  }

  it("a bot comes into a channel of ours, and another finds ours and davey in its channel", async () => {
    for (const clients of [
      [await ours(), await bot()],
      [await bot(), await ours(), await davey()],
    ] as const) {
      const gateway = await connected(...clients);
      await gateway.change({ add: clients, winner: clients[0] });
    }
  });

  it("clients come and go, and everybody sees the same code", async () => {
    const [first, second, third, fourth] = [await bot(), await ours(), await davey(), await bot()];
    const gateway = await connected(first, second, third, fourth);
    await gateway.change({ add: [first, second, third], winner: second });
    await gateway.change({ add: [fourth], winner: first });
    await gateway.change({ remove: [third], winner: fourth });
    const newMembers = [await ours(), await davey(), await bot()];
    await gateway.connect(...newMembers);
    await gateway.change({ add: newMembers, remove: [second], winner: first });
    await gateway.change({ remove: [first], winner: newMembers[0] as VoiceClient });
    const code = privacyCode((newMembers[0] as VoiceClient).epochAuthenticator);
    expect(fourth.privacyCode).toBe(code);
    expect((newMembers[2] as DiscordClient).privacyCode).toBe(code);
    expect(code).toMatch(/^[0-9]{30}$/);
  });

  it("a channel has none of ours, until one comes: the gateway knows no more than the epoch and the leaves", async () => {
    const clients = [await bot(), await davey(), await bot()] as const;
    const gateway = await connected(...clients);
    await gateway.change({ add: clients, winner: clients[1] });
    const newMember = await davey();
    await gateway.connect(newMember);
    await gateway.change({ add: [newMember], winner: clients[0] });
    await gateway.change({ remove: [clients[1]], winner: clients[2] });
    expect(gateway.follower).toBeUndefined();
    const first = await ours();
    await gateway.connect(first);
    await gateway.change({ add: [first], remove: [newMember], winner: clients[0] });
    expect(gateway.follower?.epoch).toBe(4n);
    await gateway.change({ remove: [clients[0]], winner: first });
  });

  it("a bot that can't process a commit starts anew, and is removed and added again at once", async () => {
    const [first, second, third] = [await bot(), await ours(), await davey()];
    const gateway = await connected(first, second, third);
    await gateway.change({ add: [first, second, third], winner: second });
    // Damaged on the way to the bot only.
    const newMember = await ours();
    await gateway.connect(newMember);
    const proposals = await gateway.propose({ add: [newMember] });
    const answers = await gateway.send(0, proposals, { add: [newMember] });
    const accepted = answers.find(({ from }) => from === third);
    if (accepted === undefined) throw new Error("davey has sent no commit");
    const damaged = accepted.commit.slice();
    damaged[damaged.length - 40] = (damaged[damaged.length - 40] as number) ^ 1;
    expect(await first.commit(99, damaged)).toBe(false);
    gateway.members = gateway.members.filter((one) => one !== first);
    gateway.lost.push(first);
    await gateway.accept(accepted, { add: [newMember] });
    // 31: its old leaf goes, and a new one comes with the key package that the session has sent of itself.
    await gateway.change({ remove: [first], add: [first], winner: newMember });
    await gateway.change({ remove: [third], winner: first });
  });

  it("the last one in a channel starts anew, so that nobody keeps a group", async () => {
    const [first, second] = [await bot(), await ours()];
    const gateway = await connected(first, second);
    await gateway.change({ add: [first, second], winner: first });
    await gateway.change({ remove: [second], winner: first });
    // 24 and 21, with the first epoch.
    await gateway.startAnew(first);
    const third = await ours();
    await gateway.connect(third);
    await gateway.change({ add: [first, third], winner: first });
    expect(gateway.epoch).toBe(1n);
  });
});
