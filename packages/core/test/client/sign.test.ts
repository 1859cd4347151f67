// RFC 9420 §5.1.2: a client signs outside of groups, under labels that are none of the protocol's.
import { Client, generateSigner, insecureAcceptAll } from "@copse/core";
import { utf8, verifyWithLabel } from "@copse/core/extension";
import { nodeProvider } from "@copse/provider-node";
import { pair, party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";

const SUITE = 1;
const CHALLENGE = new Uint8Array(32).fill(7);
const LABEL = "chat.example login";
const crypto = nodeProvider();
const provider = crypto.suite(SUITE);

it("is verified with the client's public key, its label and its content", async () => {
  const { client } = await party("alice", { suite: SUITE });
  const content = CHALLENGE.slice();
  const signing = client.sign(LABEL, content);
  content.fill(0);
  const signature = await signing;
  const verify = (label: string, of = CHALLENGE, by = client.signatureKey) =>
    verifyWithLabel(provider, by, label, of, signature);
  expect(await verify(LABEL)).toBe(true);
  expect(await verify("chat.example")).toBe(false);
  expect(await verify(LABEL, content)).toBe(false);
  expect(await verify(LABEL, CHALLENGE, (await party("eve", { suite: SUITE })).client.signatureKey)).toBe(
    false,
  );
});

it("no label of the protocol is signed, nor one that isn't plain", async () => {
  const { client } = await party("alice", { suite: SUITE });
  const protocol = ["FramedContentTBS", "LeafNodeTBS", "KeyPackageTBS", "GroupInfoTBS", "TBS"];
  for (const label of [...protocol, "", "a".repeat(101), "é", "a\n", "a\0", 7, undefined, utf8("login")])
    expect(await failure(client.sign(label as string, CHALLENGE)), String(label)).toEqual(code("usage"));
  for (const content of ["text", undefined, [1]])
    expect(await failure(client.sign(LABEL, content as never))).toEqual(code("usage"));
  expect(await client.sign("~".repeat(100), new Uint8Array())).toBeInstanceOf(Uint8Array);
});

it("signs with the identity that a group switched to", async () => {
  const { alice, a } = await pair({ suite: SUITE });
  const before = alice.signatureKey;
  await a.update({ signer: await generateSigner(crypto, SUITE) });
  await a.mergePendingCommit();
  const signature = await alice.sign(LABEL, CHALLENGE);
  expect(await verifyWithLabel(provider, alice.signatureKey, LABEL, CHALLENGE, signature)).toBe(true);
  expect(await verifyWithLabel(provider, before, LABEL, CHALLENGE, signature)).toBe(false);
});

it("says so where the signer fails", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const common = { crypto, suite: SUITE, credential: "alice", authentication: insecureAcceptAll() };
  const broken = { ...signer, sign: () => Promise.reject(new Error("the token is gone")) };
  const client = await Client.create({ ...common, signer: broken });
  expect(await failure(client.sign(LABEL, CHALLENGE))).toEqual(code("try-again"));
});
