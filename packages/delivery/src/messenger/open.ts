// Conversations over any delivery service.
import { basicCredential, type Credential, DEFAULT_POLICY, MlsError, toHex } from "@copse/core";
import { readMessage } from "@copse/core/message";
import { PublicGroup } from "@copse/core/public-group";
import { openClient, type StoredClientOptions } from "@copse/core/storage";
import { lastResort } from "@copse/extensions";
import type { JudgedGroupInfo } from "../conversation/host.js";
import type { Settling } from "../conversation/settling.js";
import { DELIVERY_METHODS, type DeliveryService, missingMethods } from "../service.js";
import { authorizeMembers } from "./authorize.js";
import { MessengerError, needOpen } from "./errors.js";
import { Fence } from "./fence.js";
import { type Base, ClientMessenger } from "./messenger.js";
import { NAME_EXTENSION } from "./name.js";
import { People, userOfBasic } from "./people.js";
import { type AbortControllerLike, called, deferred, newAbortController, unlessAborted } from "./platform.js";
import type { Messenger, MessengerLimits, MessengerOptions } from "./types.js";
import { FRAME_SIZE } from "./wire.js";

export const DEFAULT_LIMITS: MessengerLimits = {
  keyPackages: 20,
  updateAfter: 7 * 24 * 60 * 60,
  updateAfterCommits: 100,
  outbox: 10_000,
  outboxBytes: 64 * 1024 * 1024,
  early: 1000,
  earlyBytes: 4 * 1024 * 1024,
  history: 100_000,
  conversations: 10_000,
  invitations: 100,
  tries: 50,
  firstWait: 100,
  longestWait: 30_000,
  proposalWait: 2000,
};

/** How many past epochs are kept by default: a message may come some commits late, where many commit. */
const PAST_EPOCHS = 5;
/** The bytes of the mark by which a storage tells messengers apart. */
const MARK_SIZE = 16;
/** The name of the turn that a messenger has for as long as it is open. */
const TURN = "app/delivery/messenger";

/** @throws MessengerError `usage` */
function limitsOf(chosen: Partial<MessengerLimits> = {}): MessengerLimits {
  for (const [name, value] of Object.entries(chosen)) {
    if (!(name in DEFAULT_LIMITS)) throw new MessengerError("usage", `there is no limit ${name}`);
    if (value !== undefined && !(typeof value === "number" && value >= 0))
      throw new MessengerError("usage", `expected limits.${name} of 0 or more, got ${value}`);
  }
  const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_LIMITS, ...given };
}

/** The client's options, with what conversations need. */
function clientOptions(options: StoredClientOptions, settle: Settling | undefined): StoredClientOptions {
  const { extensions = [], capabilities = {}, policy } = options;
  const has = extensions.some(({ name }) => name === lastResort().name);
  const types = capabilities.extensions ?? [];
  return {
    ...options,
    extensions: has ? extensions : [...extensions, lastResort()],
    capabilities: {
      ...capabilities,
      extensions: types.includes(NAME_EXTENSION) ? types : [...types, NAME_EXTENSION],
    },
    policy: {
      maxPastEpochs: Math.max(PAST_EPOCHS, settle?.rewind.epochs ?? 0),
      ...policy,
      authorize: policy?.authorize ?? authorizeMembers,
      ...(settle && { rewind: settle.rewind }),
    },
  };
}

const SERVICE = "a delivery service (of memoryDelivery().connect(), httpDelivery(), or your own)";

/** @throws MessengerError `usage` */
function checkOptions(options: MessengerOptions): void {
  const { storage, delivery, accept, userOf } = options ?? {};
  const expected = (what: string, value: unknown, got = whatIs(value)) =>
    new MessengerError("usage", `expected options.${what}, got ${got}`);
  if (typeof storage?.write !== "function") throw expected("storage: a client storage", storage);
  const got = typeof delivery === "function" ? undefined : insteadOfService(delivery);
  if (got !== undefined) throw expected(`delivery: ${SERVICE}, or a function that gives one`, delivery, got);
  for (const [name, value] of Object.entries({ accept, userOf }))
    if (value !== undefined && typeof value !== "function") throw expected(`${name}: a function`, value);
}

/** The options that aren't those of `openClient`. */
const OWN_OPTIONS = ["accept", "delivery", "limits", "settle", "userOf"];

/** Adds them to the list of those that there are. */
function withOwnOptions(error: unknown): never {
  const isOfName = error instanceof MlsError && error.message.startsWith("there is no option");
  throw isOfName ? new MlsError("usage", `${error.message}, ${OWN_OPTIONS.join(", ")}`) : error;
}

function whatIs(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object"
    ? `an object with ${Object.keys(value).join(", ") || "nothing"}`
    : typeof value;
}

/** What came in the place of a delivery service; `undefined` if it is one. */
function insteadOfService(value: unknown): string | undefined {
  const missing = missingMethods(value);
  if (missing.length === 0) return undefined;
  return missing.length < DELIVERY_METHODS.length ? `an object without ${missing.join(", ")}` : whatIs(value);
}

/** @throws MessengerError `usage` */
function checkService(service: DeliveryService): void {
  const got = insteadOfService(service);
  if (got !== undefined)
    throw new MessengerError(
      "usage",
      `expected the function options.delivery to return ${SERVICE}, or a promise of one; got ${got}`,
    );
}

/** Whether it is a service for this client. @throws MessengerError `usage` */
function checkFit(service: DeliveryService, user: string, settle: Settling | undefined): void {
  const { ordering, user: named = user } = service;
  // Others would invite this client by one name, and find another in its key packages.
  if (named !== user)
    throw new MessengerError(
      "usage",
      `expected a delivery service for the user of the credential, "${user}", got one for "${named}"`,
    );
  if (ordering !== "none" && ordering !== "service")
    throw new MessengerError(
      "usage",
      `expected a service whose ordering is "service" or "none", got ${ordering}`,
    );
  if (ordering === "none" && settle === undefined)
    throw new MessengerError("usage", "the service doesn't order commits: expected options.settle");
  if (ordering === "service" && settle !== undefined)
    throw new MessengerError("usage", "the service orders commits: expected no options.settle");
}

/** The user whose client this is. @throws MessengerError `usage` */
function userFor(
  credential: MessengerOptions["credential"],
  userOf: (credential: Credential) => string | undefined,
): string {
  const user = userOf(typeof credential === "string" ? basicCredential(credential) : credential);
  if (user === undefined || user === "")
    throw new MessengerError("usage", "expected a credential that names a user: see the option userOf");
  return user;
}

/** Waits for the storage's turn, and keeps it. @returns what gives it back */
async function takeTurn(options: MessengerOptions): Promise<() => void> {
  const { storage, signal } = options;
  const entered = deferred<void>();
  const ended = deferred<void>();
  const turn = storage.turn?.(TURN, () => {
    entered.resolve();
    return ended.promise;
  });
  if (turn === undefined) return () => undefined;
  turn.catch((error) => entered.reject(error));
  await unlessAborted(entered.promise, signal, () => ended.resolve());
  return () => ended.resolve();
}

/**
 * Opens the conversations that a storage has, or begins with none: opens the client, publishes its key packages, and follows
 * its inbox and the logs of its groups until {@link Messenger.close}, whether the service is reached or not.
 *
 * One messenger has a storage at a time. Where the storage has `turn` (IndexedDB: Web Locks), it waits until others have
 * closed it, as a tab for another tab. Elsewhere the one that was opened before ends: its calls reject with `taken`.
 * @param options those of `openClient`; `signal` gives the opening up
 * @throws as `openClient`; MessengerError `usage`, `aborted`, `taken`; what `delivery` throws
 * @example
 * const messenger = await openMessenger({ storage, crypto, credential: "alice", authentication, delivery });
 * messenger.on((event) => event.kind === "message" && console.log(event.entry.sender.user, event.entry.text));
 * const conversation = await messenger.start(["bob", "carol"]);
 * await conversation.send("Hello!");
 */
export async function openMessenger(options: MessengerOptions): Promise<Messenger> {
  checkOptions(options);
  const { userOf = userOfBasic, signal } = options;
  const checked = { limits: limitsOf(options.limits), user: userFor(options.credential, userOf), userOf };
  const opening = new Opening(options, await takeTurn(options));
  try {
    return await called(opening.abort, { signal }, () => opening.open(checked));
  } catch (error) {
    await opening.end();
    throw error;
  }
}

/** What was checked of the options. */
interface Checked {
  readonly limits: MessengerLimits;
  readonly user: string;
  readonly userOf: (credential: Credential) => string | undefined;
}

/** A messenger while it is opened. */
class Opening {
  readonly abort: AbortControllerLike = newAbortController();
  readonly #options: MessengerOptions;
  readonly #giveBack: () => void;
  #service: DeliveryService | undefined;

  constructor(options: MessengerOptions, giveBack: () => void) {
    this.#options = options;
    this.#giveBack = giveBack;
  }

  async open({ limits: chosen, user, userOf: naming }: Checked): Promise<Messenger> {
    const { delivery, accept, userOf, settle, limits, ...rest } = this.#options;
    let messenger: ClientMessenger | undefined;
    const fence = new Fence(rest.storage, (error) => messenger?.taken(error));
    const needed = clientOptions({ ...rest, storage: fence.storage }, settle);
    const opened = await openClient(needed).catch(withOwnOptions);
    const service = typeof delivery === "function" ? await delivery(opened) : delivery;
    checkService(service);
    this.#service = service;
    checkFit(service, user, settle);
    if (this.abort.signal.aborted) await this.#closeService();
    needOpen(this.abort.signal);
    const people = new People(naming, () => opened.signatureKey);
    const base = baseOf(this.#options, opened, service, chosen, people, user, this.abort);
    messenger = new ClientMessenger(base, this.abort, accept, () => this.end());
    await fence.take(base.provider.random(MARK_SIZE));
    await messenger.resume();
    return messenger;
  }

  /** Ends it, also if it isn't open yet. */
  async end(): Promise<void> {
    this.abort.abort();
    await this.#closeService();
    this.#giveBack();
  }

  async #closeService(): Promise<void> {
    if (typeof this.#options.delivery === "function") await this.#service?.close();
  }
}

function baseOf(
  options: MessengerOptions,
  client: Base["client"],
  service: DeliveryService,
  limits: MessengerLimits,
  people: People,
  user: string,
  { signal }: AbortControllerLike,
): Base {
  const { crypto, authentication, policy, asyncContext, extensions, settle } = options;
  const provider = crypto.suite(client.cipherSuite.id);
  const now = policy?.now ?? DEFAULT_POLICY.now;
  const judging = {
    crypto,
    authentication,
    extensions: extensions ?? [],
    ...(asyncContext && { asyncContext }),
  };
  return {
    client,
    provider,
    service,
    user,
    people,
    limits,
    settling: settle,
    maxMessage: (policy?.maxApplicationSize ?? DEFAULT_POLICY.maxApplicationSize) - FRAME_SIZE,
    signal,
    now,
    newId: () => toHex(provider.random(16)),
    judge: (groupInfo) => judge({ ...judging, ...(policy && { policy }), groupInfo }),
  };
}

/** @returns `undefined` for an invalid GroupInfo @throws MlsError `try-again` if that can't be told now */
async function judge(
  options: Parameters<typeof PublicGroup.follow>[0],
): Promise<JudgedGroupInfo | undefined> {
  try {
    const { groupId, epoch, treeHash, confirmedTranscriptHash, epochContext, members } =
      await PublicGroup.follow(options);
    const read = readMessage(options.groupInfo);
    const signer = read.kind === "group-info" && members.find(({ leafIndex }) => leafIndex === read.signer);
    if (!signer) return undefined;
    return { groupId, epoch, treeHash, confirmedTranscriptHash, epochContext, members, signer };
  } catch (error) {
    if (error instanceof MlsError && error.retry === "now") throw error;
    return undefined;
  }
}
