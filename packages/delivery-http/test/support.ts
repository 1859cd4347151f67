// A service in a folder of its own, and clients with keys of their own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSigner, type OwnSigner } from "@copse/core";
import { signWithLabel } from "@copse/core/extension";
import type { EpochKey, Handshake, OutgoingMessage } from "@copse/delivery/service";
import { type HttpDelivery, type HttpDeliveryOptions, httpDelivery } from "@copse/delivery-http";
import { type DeliveryServer, type ServeDeliveryOptions, serveDelivery } from "@copse/delivery-http/server";
import { nodeProvider } from "@copse/provider-node";

export const crypto = nodeProvider();
export const SUITE = 1;

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A service that runs, and can be started again with its data. */
export class TestService {
  readonly folder = mkdtempSync(join(tmpdir(), "copse-delivery-"));
  readonly #options: Partial<ServeDeliveryOptions>;
  readonly #signers = new Map<string, OwnSigner>();
  readonly connections: HttpDelivery[] = [];
  server!: DeliveryServer;

  constructor(options: Partial<ServeDeliveryOptions> = {}) {
    this.#options = options;
  }

  async start(port = 0): Promise<this> {
    this.server = await serveDelivery({ data: this.folder, port, ...this.#options });
    return this;
  }

  /** Ends it without a word to its clients, and starts it at the same port. */
  async restart(): Promise<void> {
    await this.server.close();
    await this.start(Number(new URL(this.server.url).port));
  }

  async signer(name: string): Promise<OwnSigner> {
    const known = this.#signers.get(name);
    if (known !== undefined) return known;
    const signer = await generateSigner(crypto, SUITE);
    this.#signers.set(name, signer);
    return signer;
  }

  async connect(
    user: string,
    client = "phone",
    options: Partial<HttpDeliveryOptions> = {},
  ): Promise<HttpDelivery> {
    const signer = await this.signer(`${user} ${client}`);
    const connection = httpDelivery({
      url: options.url ?? this.server.url,
      user,
      suite: SUITE,
      signatureKey: signer.publicKey,
      sign: async (label, content) => signWithLabel(signer, label, content),
      ...options,
    });
    this.connections.push(connection);
    return connection;
  }

  async stop(): Promise<void> {
    for (const connection of this.connections) await connection.close();
    await this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The key of an epoch, which all of its members have. */
export async function epochKey(epoch: number, seed = epoch): Promise<EpochKey> {
  const { hpke } = crypto.suite(SUITE);
  const { publicKey, privateKey } = await hpke.deriveKeyPair(new Uint8Array(32).fill(seed));
  return {
    epoch: BigInt(epoch),
    suite: SUITE,
    publicKey,
    open: (kemOutput, ciphertext) =>
      hpke.open(privateKey, kemOutput, utf8("copse delivery grant"), new Uint8Array(0), ciphertext),
  };
}

let made = 0;

export const newId = (): string => `test-${String(++made).padStart(20, "0")}`;
export const groupOf = (name: string): Uint8Array => utf8(name);
export const bytes = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);

export function handshake(groupId: Uint8Array, nextKey: EpochKey, more: Partial<Handshake> = {}): Handshake {
  return {
    id: newId(),
    groupId,
    epoch: nextKey.epoch - 1n,
    after: "",
    message: bytes(100),
    groupInfo: bytes(200),
    welcomes: [],
    nextKey,
    ...more,
  };
}

export function message(
  groupId: Uint8Array,
  key: EpochKey,
  more: Partial<OutgoingMessage> = {},
): OutgoingMessage {
  return { id: newId(), groupId, epoch: key.epoch, message: bytes(50), key: () => key, ...more };
}

/** What a call was refused with. */
export const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "done",
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
