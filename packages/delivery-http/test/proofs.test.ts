// A client proves that it has a group's key by two requests: what becomes of them on the way must not look like a refusal.
import type { HttpDeliveryOptions } from "@copse/delivery-http";
import { afterEach, expect, it } from "vitest";
import { epochKey, groupOf, handshake, message, refusal, TestService } from "./support.js";

type Fetch = NonNullable<HttpDeliveryOptions["fetch"]>;

let service: TestService;
afterEach(() => service.stop());

/** A group that Alice has made, and Bob, whose requests go by this. */
async function group(fetchOfBob: Fetch) {
  service = await new TestService().start();
  const alice = await service.connect("alice");
  const bob = await service.connect("bob", "phone", { fetch: fetchOfBob });
  const key = await epochKey(1);
  const groupId = groupOf("proofs");
  await alice.submit(handshake(groupId, key));
  return { bob, key, groupId };
}

const isProof = (url: string) => url.endsWith("/groups/prove");

it("sends though each proof comes twice, and the second answer is the one that it gets", async () => {
  let proofs = 0;
  const { bob, key, groupId } = await group(async (url, request) => {
    if (!isProof(url)) return fetch(url, request);
    proofs++;
    await fetch(url, request);
    return fetch(url, request);
  });
  expect(await refusal(bob.send(message(groupId, key)))).toBe("done");
  expect(proofs).toBe(1);
});

it("sends though the service starts again between a challenge and its answer", async () => {
  let proofs = 0;
  const { bob, key, groupId } = await group(async (url, request) => {
    if (isProof(url) && ++proofs === 1) await service.restart();
    return fetch(url, request);
  });
  expect(await refusal(bob.send(message(groupId, key)))).toBe("done");
  expect(proofs).toBeGreaterThan(1);
});

it("says that no proof came through where each of them is lost, which isn't a refusal", async () => {
  const { bob, key, groupId } = await group(async (url, request) => {
    if (isProof(url)) await service.restart();
    return fetch(url, request);
  });
  expect(await refusal(bob.send(message(groupId, key)))).toBe("unavailable");
});
