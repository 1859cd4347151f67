// The routes, as the server answers them.
import type { IncomingMessage } from "node:http";
import { DeliveryError } from "@copse/delivery/service";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { type AnswerOf, type BodyOf, MEDIA_TYPE, ROUTES, type RouteName, STATUS } from "../wire/routes.js";
import { decode, encode, type Shape } from "../wire/shape.js";
import { type Failure, failureShape, MAX_MESSAGE } from "../wire/structures.js";
import type { Account, Accounts } from "./accounts.js";
import type { DeliveryCounters } from "./counters.js";
import type { Doors } from "./doors.js";
import { failureOf, limited, refuse } from "./failures.js";
import type { EpochKeys } from "./groups/epoch-keys.js";
import type { Groups } from "./groups/groups.js";
import type { Held, Hold } from "./held.js";
import type { KeyPackages } from "./key-packages.js";
import { OPENAPI } from "./openapi.js";
import type { DeliveryRates, Settings } from "./options.js";
import { ownerOf, type Rates } from "./rates.js";

interface Parts {
  readonly settings: Settings;
  readonly counters: DeliveryCounters;
  readonly doors: Doors;
  readonly rates: Rates<keyof DeliveryRates>;
  readonly accounts: Accounts;
  readonly keyPackages: KeyPackages;
  readonly groups: Groups;
  readonly epochKeys: EpochKeys;
  readonly receiving: Held;
  readonly sending: Held;
  addressOf(request: IncomingMessage): string;
  report(error: unknown): void;
}

type Env = { Bindings: HttpBindings };

/** Who calls. Routes that need no login have no account. */
interface Caller {
  readonly account: Account;
  readonly address: string;
  readonly token: string;
  /** Where answers count that are large, before they are read. */
  readonly answer: Hold;
}

type Handlers = {
  readonly [N in RouteName]: (body: BodyOf<N>, caller: Caller) => AnswerOf<N> | Promise<AnswerOf<N>>;
};

const KIB = 1024;

function handlersOf({ accounts, keyPackages, groups, epochKeys, rates, ...parts }: Parts): Handlers {
  const send = async (account: Account, message: BodyOf<"send">["messages"][number]) => {
    try {
      return { kind: "accepted", cursor: await groups.send(account, message) } as const;
    } catch (error) {
      return { kind: "failed", failure: failureOf(error, parts.counters, parts.report) } as const;
    }
  };
  return {
    challenge: () => ({ challenge: accounts.challenge() }),
    login: async (body, { address }) => ({ token: await accounts.login(body, address) }),
    logout: async (_, { token }) => {
      await accounts.logout(token);
      return {};
    },
    publish: async (body, { account }) => {
      await keyPackages.publish(account.id, body);
      return {};
    },
    count: ({ suite }, { account }) => keyPackages.count(account.id, suite),
    withdraw: async ({ references }, { account }) => {
      await keyPackages.withdraw(account.id, references);
      return {};
    },
    claim: async ({ user, suite }, { account, answer }) => {
      rates.take("claim", account.id);
      return { keyPackages: await keyPackages.claim(account.id, user, suite, answer) };
    },
    submit: (body, { account, address, answer }) => {
      // Whoever joins shows no key.
      const joins = parts.settings.members === "checked" && body.key === undefined && body.after !== "";
      rates.take(joins ? "join" : "handshake", account.id);
      if (body.after === "" && groups.rows.find(body.groupId) === undefined) rates.take("group", address);
      return groups.submit(account, body, answer);
    },
    send: async ({ messages }, { account }) => {
      rates.take("message", account.id, messages.length);
      return { answers: await Promise.all(messages.map((message) => send(account, message))) };
    },
    challengeKey: ({ groupId, key }, { account }) => {
      rates.take("proof", account.id);
      return epochKeys.challenge(account, groupId, key);
    },
    proveKey: async ({ challenge, proof }, { account }) => {
      await epochKeys.prove(account, challenge, proof);
      return {};
    },
    groupInfo: ({ groupId }, { account }) => {
      if (!groups.isMember(account, groupId)) rates.take("join", account.id);
      return { published: groups.groupInfo(account, groupId) };
    },
    publishGroupInfo: async (body, { account }) => {
      rates.take("handshake", account.id);
      return { taken: await groups.publishGroupInfo(account, body) };
    },
    clearInbox: async ({ upTo }, { account }) => {
      await groups.clearInbox(account, upTo);
      return {};
    },
  };
}

/** Reads a body. @throws DeliveryError `limit`, `invalid`, and the rest of the body isn't read */
async function bodyOf(request: IncomingMessage, max: number, hold: Hold): Promise<Uint8Array> {
  const tooLarge = () => limited(`expected a body of at most ${max} bytes`);
  if (announced(request) > max) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > max) throw tooLarge();
      hold.add(chunk.length);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof DeliveryError) throw cause;
    throw new DeliveryError("invalid", "the body hasn't come as a whole, or not in time", { cause });
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** How large the body is, as the client says; 0 if it doesn't. */
const announced = (request: IncomingMessage) => Number(request.headers["content-length"] ?? 0);

const statusOf = ({ code, needs }: Failure): number =>
  needs === "login" ? 401 : (STATUS[code as keyof typeof STATUS] ?? 503);

const tokenOf = (header: string | undefined): string | undefined =>
  header?.startsWith("Bearer ") && header.length < 200 ? header.slice(7) : undefined;

function answer(
  bytes: Uint8Array<ArrayBuffer>,
  status = 200,
  headers: Record<string, string> = {},
): Response {
  return new Response(bytes, {
    status,
    headers: { "content-type": MEDIA_TYPE, "cache-control": "no-store", ...headers },
  });
}

/** The application that answers all requests. */
export function appOf(parts: Parts): Hono<Env> {
  const { settings, counters, doors, rates, accounts, receiving, sending, addressOf, report } = parts;
  const { limits } = settings;
  const sizes = {
    small: 32 * KIB,
    messages: Math.max(8 * limits.message, 16 * limits.keyPackage, 64 * KIB),
    commit: Math.min(8 * limits.handshake, 4 * MAX_MESSAGE),
  };
  const handlers = handlersOf(parts);
  const app = new Hono<Env>();
  const fail = (error: unknown) => {
    const failure = failureOf(error, counters, report);
    const { retryAfter } = failure;
    // What is left of a body isn't waited for.
    const headers = { connection: "close" };
    return answer(
      encode(failureShape, failure),
      statusOf(failure),
      retryAfter === undefined
        ? headers
        : { ...headers, "retry-after": String(Math.ceil(retryAfter / 1000)) },
    );
  };
  app.use(async (c, next) => {
    try {
      doors.check(c.env.incoming.headers);
    } catch (error) {
      counters.requests += 1;
      return fail(error);
    }
    return next();
  });
  // Nothing here goes by cookies: a page has only what its own client has logged in for.
  const allowHeaders = ["authorization", "content-type"];
  app.use(cors({ origin: (origin) => origin, allowHeaders, maxAge: 86_400 }));
  const description = JSON.stringify(OPENAPI);
  app.get("/openapi.json", (c) => {
    rates.take("login", addressOf(c.env.incoming));
    return c.body(description, 200, { "content-type": "application/json" });
  });
  for (const name of Object.keys(ROUTES) as RouteName[])
    app.post(ROUTES[name].path, async (c) => {
      counters.requests += 1;
      return serve(c, name).catch(fail);
    });
  app.notFound(() => {
    counters.requests += 1;
    return fail(new DeliveryError("not-found", "there is nothing at this path"));
  });
  app.onError(fail);

  // Cheap refusals come first: the token before the body, its size before it is read.
  async function serve<N extends RouteName>(c: Context<Env>, name: N): Promise<Response> {
    const { incoming, outgoing } = c.env;
    const route = ROUTES[name];
    const address = addressOf(incoming);
    const token = tokenOf(incoming.headers.authorization);
    const account = route.login ? accounts.accountOf(token) : undefined;
    if (account === undefined) rates.take("login", address);
    else rates.take("call", account.id);
    if (incoming.headers["content-type"] !== MEDIA_TYPE)
      refuse("invalid", `expected a body of ${MEDIA_TYPE}`);
    const owner = ownerOf(account?.id, address);
    receiving.check(owner);
    sending.check(owner);
    if (account !== undefined) rates.take("byte", account.id, announced(incoming));
    const body = receiving.hold(owner, () => incoming.destroy());
    const taking = sending.hold(owner, () => outgoing.destroy());
    outgoing.once("close", () => taking.close());
    try {
      const bytes = await bodyOf(incoming, sizes[route.size], body);
      if (account !== undefined) rates.take("byte", account.id, bytes.length - announced(incoming));
      // Others of it may have been answered meanwhile.
      taking.check();
      const caller = { account, address, token, answer: taking } as Caller;
      const value = await handlers[name](decode(route.body as Shape<BodyOf<N>>, bytes), caller);
      const encoded = encode(route.answer as Shape<AnswerOf<N>>, value);
      taking.add(encoded.length);
      return answer(encoded);
    } finally {
      body.close();
    }
  }
  return app;
}
