// The core needs ECMAScript and TextEncoder, and nothing else of a platform: it runs in a context without the rest.
import vm from "node:vm";
import { nodeProvider } from "@copse/provider-node";
import { bundle } from "@copse/test-support/bundle";
import { expect, it } from "vitest";

const session = `
import { Client, generateSigner, insecureAcceptAll } from "@copse/core";

const common = { crypto: globalThis.provider, suite: globalThis.suite, authentication: insecureAcceptAll() };

async function run() {
  const alice = await Client.create({ ...common, credential: "alice" });
  const signer = await generateSigner(common.crypto, common.suite);
  const bob = await Client.create({ ...common, credential: "bob", signer });
  const a = await alice.createGroup();
  const { welcome } = await a.add(await bob.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.join(welcome);
  const { data } = await b.receive(await a.encrypt("hello"));
  await b.receive((await a.update()).commit);
  await a.mergePendingCommit();
  const saved = await b.save();
  await b.close();
  const restored = await bob.restore(saved);
  const reply = await a.receive(await restored.encrypt("hi"));
  return {
    hello: String.fromCharCode(...data),
    hi: String.fromCharCode(...reply.data),
    same: String(a.epochAuthenticator) === String(restored.epochAuthenticator),
  };
}
globalThis.result = run();
`;

it("the core runs in a context without WebCrypto and without Node's API", async () => {
  const code = await bundle(session, "neutral");
  for (const suite of [1, 2, 3, 4, 5, 6, 7]) {
    const context = vm.createContext(
      { TextEncoder, provider: nodeProvider(), suite },
      { codeGeneration: { strings: false, wasm: false } },
    );
    const platform = vm.runInContext(
      "[typeof crypto, typeof process, typeof require, typeof setTimeout, typeof Buffer, typeof TextDecoder, typeof fetch]",
      context,
    );
    expect(new Set(platform)).toEqual(new Set(["undefined"]));
    vm.runInContext(code, context);
    expect(await vm.runInContext("result", context)).toEqual({ hello: "hello", hi: "hi", same: true });
  }
});
