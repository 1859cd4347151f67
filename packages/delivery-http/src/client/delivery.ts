// The service as a client sees it.
import {
  DEFAULT_DELIVERY_LIMITS,
  takeBytes,
  takeCursor,
  takeGroupId,
  takeHandshake,
  takeKeyPackages,
  takeMessage,
  takeReferences,
  takeSubscription,
  takeSuite,
  takeUser,
} from "@copse/delivery/rules";
import type {
  AddressedWelcome,
  Batch,
  CallOptions,
  Cursor,
  DeliveryService,
  EpochKeySource,
  Handshake,
  InboxEntry,
  KeyPackageCount,
  LogEntry,
  OfferedKeyPackage,
  OutgoingMessage,
  PublishedGroupInfo,
  Submitted,
  Subscription,
} from "@copse/delivery/service";
import { ADMISSION_LABEL, type AnswerOf, type BodyOf, type RouteName } from "../wire/routes.js";
import { encode } from "../wire/shape.js";
import {
  admissionShape,
  admissionStatement,
  MAX_ITEMS,
  MAX_MESSAGE,
  type WireEntry,
} from "../wire/structures.js";
import { Proofs } from "./keys.js";
import { Life } from "./life.js";
import { Reader } from "./reader.js";
import { type RequestOptions, Requests } from "./requests.js";
import { Sender } from "./sender.js";
import { SocketClient, type WebSocketClass } from "./socket.js";

/** What fits into the service's structures. How much it takes is the service's to say. */
const LIMITS = {
  ...DEFAULT_DELIVERY_LIMITS,
  message: MAX_MESSAGE,
  handshake: MAX_MESSAGE,
  welcomes: MAX_ITEMS,
  keyPackages: MAX_ITEMS,
};

const HOUR = 3_600_000;

/** A client of a service by HTTP. */
export interface HttpDelivery extends DeliveryService {
  /**
   * Logs in, which otherwise the first call does: a new client becomes one of its user by it.
   * @throws DeliveryError `forbidden` if the service doesn't let it in
   */
  login(options?: CallOptions): Promise<void>;
  /** Ends the login. The next call makes another one. */
  logout(options?: CallOptions): Promise<void>;
  /**
   * Lets another client of this user in: gives what that one passes as `admission`.
   * @param client the other client's public signature key, and its cipher suite
   * @param lifetime in milliseconds. Default: an hour
   */
  admit(
    client: { readonly signatureKey: Uint8Array; readonly suite: number },
    lifetime?: number,
  ): Promise<Uint8Array>;
}

const entryOf = (entry: WireEntry): LogEntry => ({ ...entry, kind: entry.kind as LogEntry["kind"] });

/** Each Welcome once, with all who get it. */
function grouped(welcomes: readonly AddressedWelcome[], originals: readonly AddressedWelcome[]) {
  const groups = new Map<Uint8Array | undefined, { welcome: Uint8Array; references: Uint8Array[] }>();
  welcomes.forEach(({ reference, welcome }, i) => {
    // By the caller's own objects: the copies differ.
    const same = originals[i]?.welcome;
    const group = groups.get(same);
    if (group === undefined) groups.set(same, { welcome, references: [reference] });
    else group.references.push(reference);
  });
  return [...groups.values()];
}

export class HttpConnection implements HttpDelivery {
  readonly ordering = "service";
  readonly user: string;
  readonly #options: RequestOptions;
  readonly #life = new Life();
  readonly #requests: Requests;
  readonly #proofs: Proofs;
  readonly #sender: Sender;
  readonly #socket: SocketClient;

  constructor(options: RequestOptions, webSocket: WebSocketClass | undefined) {
    this.user = options.user;
    this.#options = options;
    this.#requests = new Requests(options);
    this.#proofs = new Proofs(this.#requests);
    this.#sender = new Sender(this.#requests);
    this.#socket = new SocketClient(this.#requests, webSocket, options.timeout);
  }

  /** A call whose arguments are checked and copied by `take` before anything waits. */
  async #call<N extends RouteName>(
    name: N,
    options: CallOptions | undefined,
    take: () => BodyOf<N>,
  ): Promise<AnswerOf<N>> {
    const body = take();
    return this.#life.run(options?.signal, (ended) => this.#requests.call(name, body, ended));
  }

  async login(options?: CallOptions): Promise<void> {
    await this.#life.run(options?.signal, () => this.#requests.token());
  }

  async logout(options?: CallOptions): Promise<void> {
    await this.#call("logout", options, () => ({}));
  }

  async admit(
    client: { readonly signatureKey: Uint8Array; readonly suite: number },
    lifetime = HOUR,
  ): Promise<Uint8Array> {
    const { user, sign, signatureKey: by } = this.#options;
    const signatureKey = takeBytes(client.signatureKey, "signatureKey", 1, 4096);
    const suite = takeSuite(client.suite);
    const until = Date.now() + lifetime;
    const { origin } = this.#requests;
    const statement = encode(admissionStatement, { origin, user, suite, signatureKey, until });
    return encode(admissionShape, { by, until, signature: await sign(ADMISSION_LABEL, statement) });
  }

  async publishKeyPackages(keyPackages: readonly OfferedKeyPackage[], options?: CallOptions): Promise<void> {
    await this.#call("publish", options, () => ({ keyPackages: takeKeyPackages(keyPackages, LIMITS) }));
  }

  countKeyPackages(suite: number, options?: CallOptions): Promise<KeyPackageCount> {
    return this.#call("count", options, () => ({ suite: takeSuite(suite) }));
  }

  async withdrawKeyPackages(references?: readonly Uint8Array[], options?: CallOptions): Promise<void> {
    await this.#call("withdraw", options, () => ({
      references: references === undefined ? undefined : takeReferences(references, LIMITS),
    }));
  }

  async claimKeyPackages(user: string, suite: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    const { keyPackages } = await this.#call("claim", options, () => ({
      user: takeUser(user),
      suite: takeSuite(suite),
    }));
    return keyPackages;
  }

  async submit(handshake: Handshake, options?: CallOptions): Promise<Submitted> {
    const { welcomes, key: source, ...taken } = takeHandshake(handshake, LIMITS);
    const body = { ...taken, welcomes: grouped(welcomes, handshake.welcomes) };
    const answer = await this.#life.run(options?.signal, (ended) =>
      this.#proofs.with(taken.groupId, source, (key) =>
        this.#requests.call("submit", { ...body, key }, ended),
      ),
    );
    return answer.kind === "stale" ? { kind: "stale", first: entryOf(answer.first) } : answer;
  }

  async send(message: OutgoingMessage, options?: CallOptions): Promise<Cursor> {
    const { key: source, ...taken } = takeMessage(message, LIMITS);
    return this.#life.run(options?.signal, (ended) =>
      this.#proofs.with(taken.groupId, source, (key) => this.#sender.send({ ...taken, key }, ended)),
    );
  }

  get #parts() {
    return { life: this.#life, socket: this.#socket, proofs: this.#proofs };
  }

  subscribe(subscription: Subscription): AsyncIterable<Batch<LogEntry>> {
    const entries: ConstructorParameters<typeof Reader<LogEntry>>[1]["entries"] = (frame) =>
      frame.kind === "entries" ? { entries: frame.entries.map(entryOf), behind: frame.behind } : undefined;
    try {
      const { groupId, after, key, signal } = takeSubscription(subscription);
      const open = () => (stream: number) => ({ kind: "subscribe", stream, groupId, after }) as const;
      return new Reader<LogEntry>(this.#parts, { signal, groupId, key, open, entries });
    } catch (error) {
      // What is wrong is told when the first batch is asked for.
      const open = () => {
        throw error;
      };
      return new Reader<LogEntry>(this.#parts, { open, entries });
    }
  }

  inbox(after: Cursor, options?: CallOptions): AsyncIterable<Batch<InboxEntry>> {
    return new Reader<InboxEntry>(this.#parts, {
      signal: options?.signal,
      open: () => {
        const from = takeCursor(after, "after");
        return (stream) => ({ kind: "inbox", stream, after: from });
      },
      entries: (frame) =>
        frame.kind === "welcomes" ? { entries: frame.entries, behind: frame.behind } : undefined,
    });
  }

  async clearInbox(upTo: Cursor, options?: CallOptions): Promise<void> {
    await this.#call("clearInbox", options, () => ({ upTo: takeCursor(upTo, "upTo") }));
  }

  async groupInfo(groupId: Uint8Array, options?: CallOptions): Promise<PublishedGroupInfo | undefined> {
    const { published } = await this.#call("groupInfo", options, () => ({ groupId: takeGroupId(groupId) }));
    return published;
  }

  async publishGroupInfo(
    groupId: Uint8Array,
    published: PublishedGroupInfo,
    source: EpochKeySource,
    options?: CallOptions,
  ): Promise<boolean> {
    const body = {
      groupId: takeGroupId(groupId),
      groupInfo: takeBytes(published?.groupInfo, "groupInfo", 1, MAX_MESSAGE),
      handshake: takeCursor(published?.handshake, "handshake"),
    };
    const { taken } = await this.#life.run(options?.signal, (ended) =>
      this.#proofs.with(body.groupId, source, (key) =>
        this.#requests.call("publishGroupInfo", { ...body, key }, ended),
      ),
    );
    return taken;
  }

  async close(): Promise<void> {
    this.#life.close();
    this.#requests.close();
    this.#socket.close();
  }
}
