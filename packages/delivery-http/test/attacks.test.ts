// Nobody gets in: each attack is refused and counted, and what was there before is there afterwards.
import { basicCredential, Client, insecureAcceptAll } from "@copse/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTES } from "../src/wire/routes.js";
import { decode, encode } from "../src/wire/shape.js";
import { bearer, challenge, login, post, postLogin, tokenOf, untilClosed } from "./raw.js";
import {
  bytes,
  crypto,
  epochKey,
  groupOf,
  handshake,
  message,
  newId,
  refusal,
  SUITE,
  TestService,
} from "./support.js";

const EMPTY = new Uint8Array([0xa0]);
let time = 0;
let service: TestService;
let url: string;

beforeAll(async () => {
  service = await new TestService({
    now: () => Date.now() + time,
    times: { headers: 150, request: 150, grace: 1000 },
    limits: { message: 10_000, handshake: 20_000 },
  }).start();
  url = service.server.url;
});
afterAll(() => service.stop());

const counted = () => ({ ...service.server.counters });

/** A group of its own with two members, who have the key of epoch 1. */
async function group(name: string) {
  const [alice, bob] = await Promise.all(["alice", "bob"].map((user) => service.connect(`${user}-${name}`)));
  const groupId = groupOf(name);
  const key = await epochKey(1);
  const made = await alice!.submit(handshake(groupId, key));
  if (made.kind !== "accepted") throw new Error(made.kind);
  await bob!.send(message(groupId, key));
  return { alice: alice!, bob: bob!, groupId, key, made: made.cursor };
}

describe("a login isn't taken", () => {
  it("twice", async () => {
    const once = await login(url, "twice", await service.signer("twice"));
    expect((await postLogin(url, once)).status).toBe(200);
    const { loginsRefused } = counted();
    expect(await postLogin(url, once)).toMatchObject({ status: 401 });
    expect(counted().loginsRefused).toBe(loginsRefused + 1);
  });

  it("for another origin, also if the service's name is given for it", async () => {
    const signer = await service.signer("origin");
    const elsewhere = await login(url, "origin", signer, { origin: "https://evil.example" });
    expect(await postLogin(url, elsewhere)).toMatchObject({ status: 403, code: "forbidden" });
    const renamed = { ...elsewhere, origin: new URL(url).origin };
    expect(await postLogin(url, renamed)).toMatchObject({ status: 403, code: "forbidden" });
  });

  it("with an old challenge, or one of another service", async () => {
    const signer = await service.signer("old");
    const old = await challenge(url);
    time += 61_000;
    expect((await postLogin(url, await login(url, "old", signer, { challenge: old }))).status).toBe(401);
    const other = await new TestService().start();
    const foreign = await challenge(other.server.url);
    await other.stop();
    expect((await postLogin(url, await login(url, "old", signer, { challenge: foreign }))).status).toBe(401);
  });

  it("with another's name or key in it", async () => {
    const [own, other] = [await service.signer("own"), await service.signer("other")];
    await tokenOf(url, "own", own);
    const named = { ...(await login(url, "other", other)), user: "own" };
    expect(await postLogin(url, named)).toMatchObject({ status: 403 });
    const keyed = { ...(await login(url, "own", other)), signatureKey: own.publicKey };
    expect(await postLogin(url, keyed)).toMatchObject({ status: 403 });
    // Its own key, rightly signed, but the name is taken.
    expect(await postLogin(url, await login(url, "own", other))).toMatchObject({ status: 403 });
  });

  it("with a name that a database would cut to another's", async () => {
    const { groupId } = await group("cut");
    for (const name of ["alice-cut\0evil", "alice-cut\n", "\u001b[31malice-cut"]) {
      const evil = await login(url, name, await service.signer("evil"));
      expect(await postLogin(url, evil)).toMatchObject({ status: 400, code: "invalid" });
    }
    const eve = await tokenOf(url, "eve-cut", await service.signer("evil"));
    const info = encode(ROUTES.groupInfo.body, { groupId });
    expect(await post(url, ROUTES.groupInfo.path, info, bearer(eve))).toMatchObject({ status: 403 });
  });

  it("by an admission that is over, or by another user's client", async () => {
    const phone = await service.connect("ann", "phone");
    await phone.login();
    const stranger = await service.connect("stranger", "phone");
    await stranger.login();
    const { publicKey } = await service.signer("ann laptop");
    const laptop = { signatureKey: publicKey, suite: SUITE };
    for (const admission of [await phone.admit(laptop, -1000), await stranger.admit(laptop)])
      expect(await refusal((await service.connect("ann", "laptop", { admission })).login())).toBe(
        "forbidden",
      );
  });
});

describe("a call isn't answered", () => {
  it("without the token of a login, or with one that has ended", async () => {
    const { forbidden } = counted();
    const body = encode(ROUTES.count.body, { suite: SUITE });
    const signer = await service.signer("token");
    const token = await tokenOf(url, "token", signer);
    for (const headers of [{}, bearer("x"), bearer("0".repeat(43)), { authorization: `Basic ${token}` }])
      expect(await post(url, ROUTES.count.path, body, headers)).toMatchObject({ status: 401 });
    expect(await post(url, ROUTES.count.path, body, bearer(token))).toMatchObject({ status: 200 });
    await post(url, ROUTES.logout.path, EMPTY, bearer(token));
    expect(await post(url, ROUTES.count.path, body, bearer(token))).toMatchObject({ status: 401 });
    expect(counted().forbidden).toBe(forbidden + 5);
  });

  it("at a path that is written in another way", async () => {
    const host = new URL(url).host;
    for (const path of [
      "/v1/../v1/login",
      "//v1/login",
      "/v1/login/",
      "/v1/login%00",
      "/v1/%6cogin",
      "/../../etc/passwd",
      "/v1/login?x=1/../..",
    ]) {
      const request = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\nConnection: close\r\n\r\n\xa0`;
      expect(await untilClosed(url, request), path).toMatch(/^HTTP\/1.1 4\d\d /);
    }
    const long = `POST /${"a".repeat(20_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    expect(await untilClosed(url, long)).toMatch(/^HTTP\/1.1 4\d\d /);
  });

  it("if it is larger than the service says, whether it tells its size or not", async () => {
    const token = await tokenOf(url, "large", await service.signer("large"));
    const { limited } = counted();
    expect((await post(url, ROUTES.count.path, bytes(40_000), bearer(token))).code).toBe("limit");
    const host = new URL(url).host;
    const head = `POST ${ROUTES.count.path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `ffff\r\n${"x".repeat(0xffff)}\r\n`;
    expect(await untilClosed(url, head + chunk)).toContain("429");
    expect(counted().limited).toBe(limited + 2);
    const { alice, groupId, key } = await group("large");
    expect(await refusal(alice.send(message(groupId, key, { message: bytes(10_001) })))).toBe("limit");
    const submission = handshake(groupOf("larger"), key, { groupInfo: bytes(20_001) });
    expect(await refusal(alice.submit(submission))).toBe("limit");
  });

  it("if its headers or its body come too slowly", async () => {
    const { invalid } = counted();
    expect(await untilClosed(url, "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")).toContain("408");
    const token = await tokenOf(url, "slow", await service.signer("slow"));
    const head = `POST ${ROUTES.count.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/cbor\r\nContent-Length: 100\r\n\r\n`;
    expect(await untilClosed(url, `${head}half`)).not.toContain("200 OK");
    expect(counted().invalid).toBeGreaterThanOrEqual(invalid + 2);
    expect(counted().failed).toBe(0);
  });
});

describe("who isn't a member", () => {
  it("reads nothing, sends nothing, and learns nothing of the group", async () => {
    const { alice, groupId, key } = await group("outside");
    const eve = await service.connect("eve");
    const { forbidden } = counted();
    const own = await epochKey(1, 66);
    const stolen = { ...key, open: () => bytes(32) };
    for (const guess of [own, stolen]) {
      const source = () => guess;
      const log = eve.subscribe({ groupId, after: "", key: source })[Symbol.asyncIterator]();
      expect(await refusal(log.next())).toBe("forbidden");
      expect(await refusal(eve.send(message(groupId, guess)))).toBe("forbidden");
      const commit = handshake(groupId, await epochKey(2, 67), { after: "at-1", key: source });
      expect(await refusal(eve.submit(commit))).toBe("forbidden");
      const info = { groupInfo: bytes(9), handshake: "at-1" };
      expect(await refusal(eve.publishGroupInfo(groupId, info, source))).toBe("forbidden");
    }
    const keyless = eve.subscribe({ groupId, after: "at-1" })[Symbol.asyncIterator]();
    expect(await refusal(keyless.next())).toBe("forbidden");
    expect(await refusal(eve.groupInfo(groupId))).toBe("forbidden");
    expect(await refusal(eve.submit(handshake(groupId, await epochKey(2, 68), { after: "at-1" })))).toBe(
      "forbidden",
    );
    expect(counted().forbidden).toBeGreaterThan(forbidden);
    const log = alice.subscribe({ groupId, after: "", key: () => key })[Symbol.asyncIterator]();
    expect((await log.next()).value?.entries).toHaveLength(2);
    expect(await alice.groupInfo(groupId)).toMatchObject({ groupInfo: bytes(200) });
  });

  it("can't use what another client has opened", async () => {
    const { groupId, key } = await group("borrowed");
    const [mallory, friend] = [await service.signer("mallory"), await service.signer("friend")];
    const [one, two] = [await tokenOf(url, "mallory", mallory), await tokenOf(url, "friend", friend)];
    const asked = await post(
      url,
      ROUTES.challengeKey.path,
      encode(ROUTES.challengeKey.body, { groupId, key: key.publicKey }),
      bearer(one),
    );
    const sealed = decode(ROUTES.challengeKey.answer, asked.bytes);
    const proof = await key.open(sealed.kemOutput, sealed.ciphertext);
    const body = encode(ROUTES.proveKey.body, { challenge: sealed.challenge, proof });
    expect((await post(url, ROUTES.proveKey.path, body, bearer(two))).code).toBe("forbidden");
    // Who was asked may answer, once.
    expect((await post(url, ROUTES.proveKey.path, body, bearer(one))).code).toBe("done");
    expect((await post(url, ROUTES.proveKey.path, body, bearer(one))).code).toBe("forbidden");
  });

  it("any more reads up to the commit that removed it, and writes no more after the grace time", async () => {
    const { alice, bob, groupId, key, made } = await group("removed");
    const carol = await service.connect("carol-removed");
    await carol.send(message(groupId, key));
    const next = await epochKey(2, 69);
    const commit = await alice.submit(handshake(groupId, next, { after: made, key: () => key }));
    const after = commit.kind === "accepted" ? commit.cursor : "";
    // Another member has taken it.
    await carol.send(message(groupId, next));
    const log = bob.subscribe({ groupId, after: made, key: () => key })[Symbol.asyncIterator]();
    const read = (await log.next()).value?.entries ?? [];
    expect(read.at(-1)).toMatchObject({ kind: "handshake", cursor: after });
    time += 1001;
    expect(await refusal(log.next())).toBe("forbidden");
    expect(await refusal(bob.send(message(groupId, key)))).toBe("forbidden");
    const mine = await epochKey(3, 70);
    expect(await refusal(bob.submit(handshake(groupId, mine, { after, key: () => key })))).toBe("forbidden");
    // How much there is, it learns: else it couldn't tell how far the others may be.
    await alice.send(message(groupId, next));
    const rest = bob.subscribe({ groupId, after, key: () => key })[Symbol.asyncIterator]();
    expect((await rest.next()).value).toMatchObject({ entries: [], behind: 2 });
    expect(await refusal(rest.next())).toBe("forbidden");
    const info = { groupInfo: bytes(9), handshake: after };
    expect(await refusal(bob.publishGroupInfo(groupId, info, () => key))).toBe("forbidden");
    // Without a key it may say that it joins, and gets nothing by it, nor takes anything from the members.
    const keyless = await bob.submit(handshake(groupId, mine, { after }));
    expect(keyless.kind).toBe("accepted");
    const joined = keyless.kind === "accepted" ? keyless.cursor : "";
    await alice.send(message(groupId, next));
    const beyond = bob.subscribe({ groupId, after: joined, key: () => mine })[Symbol.asyncIterator]();
    expect((await beyond.next()).value?.entries).toEqual([]);
    const waits = refusal(beyond.next());
    expect(await refusal(bob.send(message(groupId, mine)))).toBe("limit");
    expect(await refusal(bob.publishGroupInfo(groupId, { ...info, handshake: joined }, () => mine))).toBe(
      "limit",
    );
    time += 1001;
    const last = await epochKey(3, 75);
    await alice.submit(handshake(groupId, last, { after: joined, key: () => next }));
    await carol.send(message(groupId, last));
    expect(await waits).toBe("forbidden");
    expect(await refusal(bob.send(message(groupId, mine)))).toBe("forbidden");
  });

  it("can't lock the members out by filling the log", async () => {
    const small = await new TestService({ groupBytes: 5000, times: { grace: 0 } }).start();
    const [alice, bob] = [await small.connect("alice"), await small.connect("bob")];
    const [groupId, key] = [groupOf("full"), await epochKey(1)];
    const made = await alice.submit(handshake(groupId, key));
    for (const client of [alice, bob]) await client.send(message(groupId, key));
    const after = made.kind === "accepted" ? made.cursor : "";
    const junk = await bob.submit(handshake(groupId, await epochKey(2, 80), { after, key: () => key }));
    for (let i = 0; i < 10; i++) await bob.send(message(groupId, key, { message: bytes(2000) }));
    const right = { groupInfo: bytes(7), handshake: junk.kind === "accepted" ? junk.cursor : "" };
    expect(await alice.publishGroupInfo(groupId, right, () => key)).toBe(true);
    // Who has never proven a key that is kept, but was sent a Welcome, may join.
    const carol = await small.connect("carol");
    expect(await refusal(carol.groupInfo(groupId))).toBe("forbidden");
    const reference = bytes(32, 81);
    await carol.publishKeyPackages([
      { reference, keyPackage: bytes(9), suite: SUITE, notAfter: 4_000_000_000n, lastResort: false },
    ]);
    const welcomes = [{ reference, welcome: bytes(5) }];
    const more = { after: right.handshake, key: () => key, welcomes };
    expect((await alice.submit(handshake(groupId, await epochKey(2, 82), more))).kind).toBe("accepted");
    for (let i = 0; i < 10; i++) await bob.send(message(groupId, key, { message: bytes(2000) }));
    expect(await carol.groupInfo(groupId)).toMatchObject({ groupInfo: bytes(200) });
    await small.stop();
  });
});

describe("a submission", () => {
  it("under another's id is refused, and the first one stays", async () => {
    const { alice, bob, groupId, key } = await group("forged");
    const id = newId();
    const cursor = await alice.send(message(groupId, key, { id, message: bytes(10, 7) }));
    expect(await refusal(bob.send(message(groupId, key, { id, message: bytes(10, 8) })))).toBe("invalid");
    expect(await alice.send(message(groupId, key, { id, message: bytes(10, 9) }))).toBe(cursor);
    const log = bob.subscribe({ groupId, after: "", key: () => key })[Symbol.asyncIterator]();
    const entries = (await log.next()).value?.entries ?? [];
    expect(entries.filter((entry: { readonly id: string }) => entry.id === id)).toMatchObject([
      { cursor, message: bytes(10, 7) },
    ]);
  });

  it("of a commit isn't a message, and of anything else isn't a handshake", async () => {
    const { alice, groupId, key, made } = await group("framed");
    const client = await Client.create({
      crypto,
      suite: SUITE,
      credential: basicCredential(new TextEncoder().encode("alice")),
      authentication: insecureAcceptAll(),
    });
    const own = await client.createGroup({ groupId });
    await (await own.commit()).merge();
    const proposal = await own.propose({ update: true });
    const sent = await own.encrypt(bytes(5));
    const { commit } = await own.commit();
    const next = await epochKey(2, 74);
    const submitted = (content: Uint8Array) =>
      handshake(groupId, next, { after: made, key: () => key, message: content });
    const submit = (content: Uint8Array) => refusal(alice.submit(submitted(content)));
    expect(await refusal(alice.send(message(groupId, key, { message: commit })))).toBe("invalid");
    for (const wrong of [proposal, sent]) expect(await submit(wrong)).toBe("invalid");
    // The service doesn't go by what its client looks at before.
    const headers = bearer(await tokenOf(url, "alice-framed", await service.signer("alice-framed phone")));
    const body = { messages: [{ ...message(groupId, key, { message: commit }), key: key.publicKey }] };
    const answered = await post(url, ROUTES.send.path, encode(ROUTES.send.body, body), headers);
    expect(decode(ROUTES.send.answer, answered.bytes).answers).toMatchObject([
      { kind: "failed", failure: { code: "invalid" } },
    ]);
    for (const wrong of [proposal, sent]) {
      const alone = { ...submitted(wrong), welcomes: [], key: key.publicKey };
      const refused = await post(url, ROUTES.submit.path, encode(ROUTES.submit.body, alone), headers);
      expect(refused.code).toBe("invalid");
    }
    for (const right of [proposal, sent])
      expect(await refusal(alice.send(message(groupId, key, { message: right })))).toBe("done");
    expect(await submit(commit)).toBe("done");
  });

  it("with a Welcome for nobody is taken without it, and a late one delivers none", async () => {
    const { alice, bob, groupId, key, made } = await group("welcomes");
    const reference = bytes(32, 99);
    const lost = { after: made, key: () => key, welcomes: [{ reference, welcome: bytes(5) }] };
    const { welcomesDropped } = counted();
    expect((await alice.submit(handshake(groupId, await epochKey(2, 71), lost))).kind).toBe("accepted");
    expect(counted().welcomesDropped).toBe(welcomesDropped + 1);
    await bob.publishKeyPackages([
      { reference, keyPackage: bytes(9), suite: SUITE, notAfter: 4_000_000_000n, lastResort: false },
    ]);
    expect((await alice.submit(handshake(groupId, await epochKey(2, 73), lost))).kind).toBe("stale");
    const inbox = bob.inbox("")[Symbol.asyncIterator]();
    expect((await inbox.next()).value).toEqual({ entries: [], behind: 0 });
  });
});

describe("key packages", () => {
  it("of another client can't be published again or withdrawn", async () => {
    const [owner, thief] = [await service.connect("owner"), await service.connect("thief")];
    const one = {
      reference: bytes(32, 42),
      keyPackage: bytes(9),
      suite: SUITE,
      notAfter: 4_000_000_000n,
      lastResort: false,
    };
    await owner.publishKeyPackages([one]);
    expect(await refusal(thief.publishKeyPackages([{ ...one, keyPackage: bytes(9, 2) }]))).toBe("invalid");
    await thief.withdrawKeyPackages([one.reference]);
    await thief.withdrawKeyPackages();
    expect(await owner.countKeyPackages(SUITE)).toEqual({ single: 1, lastResort: 0 });
    expect(await thief.claimKeyPackages("thief", SUITE)).toEqual([]);
    expect(await thief.claimKeyPackages("owner", SUITE)).toEqual([bytes(9)]);
  });
});

it("suites that the service doesn't know are refused by name", async () => {
  const signer = await service.signer("suite");
  const odd = { ...(await login(url, "suite", signer)), suite: 0x1234 };
  expect(await postLogin(url, odd)).toMatchObject({ status: 400, code: "invalid" });
  expect(crypto.suites.length).toBeGreaterThan(0);
});
