// RFC 9420 §16: a dishonest member. It talks as all do, until it is told to forge.
import { insecureAcceptAll, type Signer } from "@copse/core";
import type { DeliveryService, Handshake } from "@copse/delivery/service";
import { nodeProvider } from "@copse/provider-node";
import { type Insider as Hands, insider } from "@copse/test-support/insiders";
import { Registry } from "../../../packages/core/src/group/extensions/registry.js";
import { DEFAULT_POLICY } from "../../../packages/core/src/group/policy.js";
import { epochKey } from "../../../packages/delivery/src/messenger/epoch-key.js";
import { Device, newSigner, SUITE } from "../clients/device.js";
import type { Cast, Deed } from "../clients/orders.js";
import type { ClientEvent } from "../model/events.js";
import { type ForgeryName, makeJunk } from "./forgeries.js";

const provider = nodeProvider().suite(SUITE);
const config = {
  provider,
  authentication: insecureAcceptAll(),
  policy: DEFAULT_POLICY,
  psk: () => undefined,
  registry: new Registry(),
};

export class Insider {
  readonly #device: Device;
  readonly #signer: Signer;
  readonly #service: () => DeliveryService;
  readonly #lastHandshakes: ReadonlyMap<string, string>;
  readonly #tell: (event: ClientEvent) => void;
  #count = 0;

  private constructor(parts: {
    device: Device;
    signer: Signer;
    service: () => DeliveryService;
    lastHandshakes: ReadonlyMap<string, string>;
    tell: (event: ClientEvent) => void;
  }) {
    this.#device = parts.device;
    this.#signer = parts.signer;
    this.#service = parts.service;
    this.#lastHandshakes = parts.lastHandshakes;
    this.#tell = parts.tell;
  }

  static async open(
    cast: Cast,
    connect: (client: Device["messenger"]["client"]) => Promise<DeliveryService>,
    tell: (event: ClientEvent) => void,
  ): Promise<Insider> {
    const signer = await newSigner();
    const lastHandshakes = new Map<string, string>();
    let service: DeliveryService | undefined;
    const device = await Device.open(
      cast,
      async (client) => {
        service = await connect(client);
        return listening(service, lastHandshakes);
      },
      tell,
      signer,
    );
    return new Insider({ device, signer, service: () => service as DeliveryService, lastHandshakes, tell });
  }

  get messenger(): Device["messenger"] {
    return this.#device.messenger;
  }

  look(wholly: boolean) {
    return this.#device.look(wholly);
  }

  async do(deed: Deed): Promise<string | undefined> {
    return deed.kind === "forge" ? this.#forge(deed.group, deed.what as ForgeryName) : this.#device.do(deed);
  }

  async #forge(id: string, what: ForgeryName): Promise<string> {
    const { group, groupId } = this.#device.conversation(id);
    if (group === undefined) return "no group";
    const hands: Hands = await insider(
      { name: this.#device.name, client: this.messenger.client, signer: this.#signer, config, again: never },
      group,
    );
    const { epoch } = hands.epoch.groupContext;
    const { message, groupInfo, secret } = await makeJunk(hands, what);
    const own = await epochKey(provider, epoch, group);
    const { publicKey } = await epochKey(provider, epoch + 1n, { exportSecret: async () => secret.slice() });
    const handshake: Handshake = {
      id: `junk-${this.#device.name}-${process.pid}-${++this.#count}`.padEnd(16, "0"),
      groupId,
      epoch,
      after: this.#lastHandshakes.get(id) ?? "",
      message,
      groupInfo,
      welcomes: [],
      nextKey: { epoch: epoch + 1n, suite: SUITE, publicKey },
      key: () => own,
    };
    const { leafIndex } = hands.epoch.keys;
    const about = { client: this.#device.name, group: id, epoch: Number(epoch), leafIndex };
    const { kind } = await this.#service().submit(handshake);
    this.#tell({ kind: "forged", ...about, what: `${what}, ${kind}` });
    return kind;
  }
}

const never = () => Promise.reject(new Error("expected no second client"));

/** Remembers the last handshake of each group. */
function listening(service: DeliveryService, last: Map<string, string>): DeliveryService {
  return {
    ...service,
    async submit(handshake, options) {
      const submitted = await service.submit(handshake, options);
      if (submitted.kind === "accepted")
        last.set(Buffer.from(handshake.groupId).toString("hex"), submitted.cursor);
      return submitted;
    },
    async *subscribe(wish) {
      const id = Buffer.from(wish.groupId).toString("hex");
      for await (const batch of service.subscribe(wish)) {
        for (const { kind, cursor } of batch.entries) if (kind === "handshake") last.set(id, cursor);
        yield batch;
      }
    },
    async *inbox(after, options) {
      for await (const batch of service.inbox(after, options)) {
        for (const { groupId, handshake } of batch.entries) {
          const id = Buffer.from(groupId).toString("hex");
          if (!last.has(id)) last.set(id, handshake);
        }
        yield batch;
      }
    },
  };
}
