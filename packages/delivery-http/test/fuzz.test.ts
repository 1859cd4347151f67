// Bytes of any kind, in every place: refused, and nothing inside fails.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import { ROUTES, type RouteName } from "../src/wire/routes.js";
import { decode, encode, type Shape } from "../src/wire/shape.js";
import { requestFrame } from "../src/wire/structures.js";
import { bearer, post, tokenOf } from "./raw.js";
import { bytes, epochKey, groupOf, handshake, refusal, SUITE, TestService } from "./support.js";

let service: TestService;
let url: string;
let token: string;
const failures: unknown[] = [];
const many = { perSecond: 1e9, burst: 1e9 };

beforeAll(async () => {
  service = await new TestService({
    rates: {
      call: many,
      login: many,
      byte: many,
      claim: many,
      claimed: many,
      handshake: many,
      message: many,
      proof: many,
      socket: many,
    },
    onError: (error) => failures.push(error),
  }).start();
  url = service.server.url;
  token = await tokenOf(url, "fuzz", await service.signer("fuzz"));
  await (await service.connect("fuzz-maker")).submit(handshake(groupOf("g"), await epochKey(1)));
});
afterAll(() => service.stop());

const names = Object.keys(ROUTES).filter((name) => name !== "logout") as RouteName[];
const id = "fuzz-0123456789abcdef";
const groupId = groupOf("g");
const publicKey = bytes(32, 9);

/** A right body of each route. */
const BODIES: { readonly [N in RouteName]?: unknown } = {
  challenge: {},
  login: {
    origin: "http://x",
    challenge: bytes(54),
    user: "u",
    suite: SUITE,
    signatureKey: bytes(32),
    signature: bytes(64),
    admission: bytes(50),
  },
  publish: {
    keyPackages: [
      {
        reference: bytes(32),
        keyPackage: bytes(9),
        suite: SUITE,
        notAfter: 2n ** 64n - 1n,
        lastResort: true,
      },
    ],
  },
  count: { suite: SUITE },
  withdraw: { references: [bytes(32)] },
  claim: { user: "fuzz", suite: SUITE },
  submit: {
    id,
    groupId,
    epoch: 2n ** 64n - 1n,
    after: "at-1",
    message: bytes(9),
    groupInfo: bytes(9),
    welcomes: [{ welcome: bytes(9), references: [bytes(32)] }],
    nextKey: { epoch: 2n, suite: SUITE, publicKey },
    key: publicKey,
  },
  send: { messages: [{ id, groupId, epoch: 1n, message: bytes(9), key: publicKey }] },
  challengeKey: { groupId, key: publicKey },
  proveKey: { challenge: "00", proof: bytes(32) },
  groupInfo: { groupId },
  publishGroupInfo: { groupId, groupInfo: bytes(9), handshake: "at-1", key: publicKey },
  clearInbox: { upTo: "at-1" },
};

const encoded = (name: RouteName) => encode(ROUTES[name].body as Shape<unknown>, BODIES[name]);

/** Bytes with some of them changed, left out, or put in. */
const mutated = (original: Uint8Array) =>
  fc
    .array(
      fc.record({ at: fc.nat(), byte: fc.nat(255), kind: fc.constantFrom("set", "cut", "put", "end") }),
      { minLength: 1, maxLength: 4 },
    )
    .map((changes) => {
      let result = [...original];
      for (const { at, byte, kind } of changes) {
        const place = at % (result.length + 1);
        if (kind === "end") result = result.slice(0, place);
        else result.splice(place, kind === "put" ? 0 : 1, ...(kind === "cut" ? [] : [byte]));
      }
      return Uint8Array.from(result);
    });

const body = fc
  .constantFrom(...names)
  .chain((name) =>
    fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(encoded(name))).map((sent) => ({ name, sent })),
  );

it("a body is read as it was written, with each of its fields", () => {
  for (const name of names)
    expect(decode(ROUTES[name].body as Shape<unknown>, encoded(name)), name).toEqual(BODIES[name]);
});

it("no body makes a route fail", async () => {
  await fc.assert(
    fc.asyncProperty(body, async ({ name, sent }) => {
      const { status } = await post(url, ROUTES[name].path, sent, bearer(token));
      expect(status, name).toBeLessThan(500);
    }),
    { numRuns: 120 },
  );
  expect(failures).toEqual([]);
  expect(service.server.counters.failed).toBe(0);
});

it("no frame makes a socket fail", async () => {
  const frames = [
    encode(requestFrame, { kind: "subscribe", stream: 1, groupId, after: "at-1" }),
    encode(requestFrame, { kind: "inbox", stream: 2, after: "" }),
    encode(requestFrame, { kind: "next", stream: 1, turn: 1, batches: 0 }),
    encode(requestFrame, { kind: "end", stream: 1 }),
    encode(requestFrame, { kind: "login", token }),
  ];
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    ...frames.map(mutated),
    fc.constantFrom(...frames),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 6 }), async (sent) => {
      const ws = new WebSocket(`${url.replace("http", "ws")}/v1/socket`);
      ws.on("error", () => undefined);
      await new Promise((resolve) => ws.once("open", resolve));
      ws.send(encode(requestFrame, { kind: "login", token }));
      for (const one of sent) ws.send(one);
      const closed = new Promise((resolve) => ws.once("close", resolve));
      // Behind all of them: the service has read them when it answers.
      ws.ping();
      await Promise.race([closed, new Promise((resolve) => ws.once("pong", resolve))]);
      ws.terminate();
    }),
    { numRuns: 30 },
  );
  expect(failures).toEqual([]);
  expect(await refusal((await service.connect("after")).login())).toBe("done");
});
