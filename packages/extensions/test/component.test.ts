// draft-ietf-mls-extensions, the Safe Application Interface: keys of MLS used by components, each for itself.
import { generateSigner } from "@copse/core";
import { decode, opaque, signWithLabel, struct, uint16, utf8 } from "@copse/core/extension";
import {
  componentLabel,
  decryptAsComponent,
  encryptAsComponent,
  safeSignWithLabel,
  safeVerifyWithLabel,
  signAsComponent,
  verifyAsComponent,
} from "@copse/extensions";
import { expect, it } from "vitest";
import { crypto, deliver, refusal, SUITE, three } from "./clients.js";

const make = () => [];
const content = utf8("content");

it("labels operations as the draft says", () => {
  const codec = struct({ baseLabel: opaque, componentId: uint16, label: opaque });
  expect(decode(codec, componentLabel(0x8001, "op"))).toEqual({
    baseLabel: utf8("MLS Component"),
    componentId: 0x8001,
    label: utf8("op"),
  });
});

it("signs with a member's key for one component and label only", async () => {
  const [alice, bob] = await three(make);
  const signature = await signAsComponent(alice, 0x8001, "vote", content);
  expect(await verifyAsComponent(bob, 0, 0x8001, "vote", content, signature)).toBe(true);
  for (const [leaf, id, label] of [
    [0, 0x8002, "vote"],
    [0, 0x8001, "other"],
    [1, 0x8001, "vote"],
  ] as const) {
    expect(await verifyAsComponent(bob, leaf, id, label, content, signature)).toBe(false);
  }
  expect(await refusal(verifyAsComponent(bob, 7, 1, "vote", content, signature))).toBe("unknown-sender");
});

it("makes signatures that can't be taken for those of MLS itself", async () => {
  const signer = await generateSigner(crypto, SUITE);
  const provider = crypto.suite(SUITE);
  const plain = await signWithLabel(signer, "vote", content);
  expect(await safeVerifyWithLabel(provider, signer.publicKey, 1, "vote", content, plain)).toBe(false);
  const safe = await safeSignWithLabel(signer, 1, "vote", content);
  expect(await safeVerifyWithLabel(provider, signer.publicKey, 1, "vote", content, safe)).toBe(true);
});

it("encrypts to a member's leaf, for one component, label and context only", async () => {
  const [alice, bob, carol] = await three(make);
  const context = utf8("context");
  const sealed = await encryptAsComponent(alice, 1, 0x8001, "note", context, content);
  expect(await decryptAsComponent(bob, 0x8001, "note", context, sealed)).toEqual(content);
  for (const attempt of [
    () => decryptAsComponent(bob, 0x8002, "note", context, sealed),
    () => decryptAsComponent(bob, 0x8001, "other", context, sealed),
    () => decryptAsComponent(bob, 0x8001, "note", utf8("other"), sealed),
    () => decryptAsComponent(carol, 0x8001, "note", context, sealed),
  ]) {
    expect(await refusal(attempt())).toBe("crypto");
  }
  // The key is another one after the member's next commit with a path.
  await deliver((await bob.update()).commit, alice, carol);
  await bob.mergePendingCommit();
  expect(await refusal(decryptAsComponent(bob, 0x8001, "note", context, sealed))).toBe("crypto");
  await bob.close();
  expect(await refusal(decryptAsComponent(bob, 0x8001, "note", context, sealed))).toBe("closed");
});
