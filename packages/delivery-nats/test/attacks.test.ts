// What a client does that has just the permissions that clients need, and doesn't keep to the package: NATS answers on whatever
// subject the one who asks says, without asking whether it may publish there.
import type { DeliveryService } from "@copse/delivery/service";
import { prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Names, tokenOf } from "../src/names.js";
import { accepted, authorization, bytes, clientOf, first, handshake, keyPackage, text } from "./support.js";

const KINDS = ["log", "parcels", "keys", "inbox", "state"];

describe.skipIf(!HAS_NATS)("a client that has permissions alone, and does what it can with them", () => {
  let server: NatsServer;
  let admin: JetStreamManager;
  let mallory: NatsConnection;
  const connections: NatsConnection[] = [];
  const refused: string[] = [];
  const clients: Record<string, DeliveryService> = {};

  const open = async (name: string) => {
    const options = { servers: server.url, user: name, pass: name, inboxPrefix: `_INBOX_${name}` };
    const connection = await connect(options);
    connections.push(connection);
    return connection;
  };

  beforeAll(async () => {
    server = await startNats(await authorization(["alice", "bob", "mallory"], 1));
    const connection = await open("admin");
    await prepareNats(connection);
    admin = await jetstreamManager(connection);
    for (const name of ["alice", "bob"]) clients[name] = await clientOf(await open(name), name);
    mallory = await open("mallory");
    (async () => {
      for await (const status of mallory.status())
        if (status.type === "error") refused.push(status.error.message);
    })().catch(() => undefined);
  });
  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server?.stop();
  });

  /** The streams of which something is missing. */
  async function losses(): Promise<readonly string[]> {
    const infos = await Promise.all(
      ["log", "keys", "parcels"].map((kind) => admin.streams.info(`copse-${kind}-0`)),
    );
    return infos.filter(({ state }) => state.messages < state.last_seq).map(({ config }) => config.name);
  }

  /** The last message on a subject of records. */
  const record = async (subject: string) =>
    text((await admin.streams.getMessage("copse-state-0", { last_by_subj: subject }))?.data);

  /** Waits until what was published is done: the server takes a connection's requests to a stream in their order. */
  async function done() {
    await mallory.request(`copse.log.0.${crypto.randomUUID()}.m`, "done", { timeout: 5000 });
    await Promise.all(KINDS.map((kind) => admin.streams.info(`copse-${kind}-0`)));
  }

  /**
   * Has answers sent to a subject, each with something of the client's own in it. Statuses of requests for the next message aren't
   * among them: they have no body, and delete streams, as the README says.
   */
  async function answerTo(reply: string, content: string) {
    const name = crypto.randomUUID();
    const subject = `copse.log.0.${name}.m`;
    const { seq } = (await mallory.request(subject, content)).json<{ seq: number }>();
    const parcel = `copse.parcels.0.${name}.0`;
    await mallory.request(parcel, content);
    const ask = (api: string, body = "") => mallory.publish(`$JS.API.${api}`, body, { reply });
    const config = {
      ack_policy: "none",
      deliver_policy: "all",
      replay_policy: "instant",
      filter_subject: subject,
    };
    const create = async (consumer: string, more: object) => {
      const body = JSON.stringify({
        stream_name: "copse-log-0",
        config: { name: consumer, ...config, ...more },
      });
      const answer = await mallory.request(
        `$JS.API.CONSUMER.CREATE.copse-log-0.${consumer}.${subject}`,
        body,
      );
      return answer.json<{ error?: { description: string } }>().error?.description;
    };
    expect(await create(`pull-${name}`, {})).toBeUndefined();
    // Its description is an answer too, with names that the client has chosen.
    for (const kind of KINDS) {
      await create(`copse-${kind}-0`, {});
      ask(`CONSUMER.INFO.copse-log-0.copse-${kind}-0`);
    }
    await create(`push-${name}`, { deliver_subject: reply, idle_heartbeat: 100_000_000 });
    mallory.publish(subject, content, { reply });
    ask("STREAM.MSG.GET.copse-log-0", JSON.stringify({ seq }));
    ask("STREAM.MSG.GET.copse-log-0", JSON.stringify({ seq: 999_999 }));
    ask("STREAM.INFO.copse-log-0");
    ask(`CONSUMER.INFO.copse-log-0.pull-${name}`);
    ask(`CONSUMER.MSG.NEXT.copse-log-0.pull-${name}`, JSON.stringify({ batch: 1, expires: 100_000_000 }));
    ask(`DIRECT.GET.copse-parcels-0.${parcel}`);
    ask("DIRECT.GET.copse-parcels-0", JSON.stringify({ last_by_subj: parcel }));
    await done();
  }

  test("it deletes nothing of what is kept for good, and changes no settings", async () => {
    const { alice, bob } = clients as { alice: DeliveryService; bob: DeliveryService };
    await bob.publishKeyPackages([keyPackage("one"), keyPackage("two")]);
    const welcomes = [{ reference: bytes("reference of one"), welcome: bytes("Welcome") }];
    await accepted(alice.submit(handshake("kept", "", "first", { welcomes })));
    const names = new Names("copse", 1);
    const ofBob = names.record("user", await tokenOf("bob"));
    const before = await record(ofBob);
    const settings = (await admin.streams.info("copse-log-0")).config;
    for (const kind of KINDS.filter((one) => one !== "inbox")) {
      for (const call of ["DELETE", "PURGE", "MSG.DELETE", "UPDATE", "CREATE", "LEADER.STEPDOWN", "RESTORE"])
        await answerTo(`$JS.API.STREAM.${call}.copse-${kind}-0`, call === "MSG.DELETE" ? '{"seq":1}' : "");
      const all = headers();
      all.set("Nats-Rollup", "all");
      mallory.publish(`copse.${kind}.0.${kind === "state" ? "group." : ""}rollup`, "", { headers: all });
    }
    await done();
    expect(await losses()).toEqual([]);
    expect(await record(ofBob)).toBe(before);
    expect((await admin.streams.info("copse-log-0")).config).toEqual(settings);
    expect((await first(bob.inbox(""), 1)).map(({ welcome }) => text(welcome))).toEqual(["Welcome"]);
    expect(refused.some((message) => message.includes("DIRECT.GET"))).toBe(true);
    const another = await clientOf(await open("alice"), "alice");
    expect(text((await another.groupInfo(bytes("kept")))?.groupInfo)).toBe("GroupInfo of first");
  });

  test("it puts nothing of its own where it may not publish", async () => {
    const { alice, bob } = clients as { alice: DeliveryService; bob: DeliveryService };
    await bob.publishKeyPackages([keyPackage("three")]);
    const victim = new Names("copse", 1).record("user", await tokenOf("bob"));
    const content = JSON.stringify([await tokenOf(bytes("key of mallory"))]);
    mallory.publish(victim, content);
    await answerTo(victim, content);
    // Answers come there, and are no records. They are gone when the user's client publishes again.
    expect(await record(victim)).toContain('"type":"io.nats.jetstream');
    expect(await alice.claimKeyPackages("bob", 1)).toEqual([]);
    await bob.publishKeyPackages([keyPackage("four")]);
    expect((await alice.claimKeyPackages("bob", 1)).map(text)).toEqual(["key package one"]);
    expect(refused.some((message) => message.includes(victim))).toBe(true);
  });
});
