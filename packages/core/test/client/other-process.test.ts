// A group that one process saves and another one restores.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, insecureAcceptAll, signerOf } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { bundle } from "@copse/test-support/bundle";
import { hex, text, toHex } from "@copse/test-support/bytes";
import { expect, it } from "vitest";

/** Restores the group, receives a message and a commit, answers, renews its keys, and saves again. */
const goOn = `
import { readFileSync, writeFileSync } from "node:fs";
import { Client, insecureAcceptAll, signerOf } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";

const hex = (text) => new Uint8Array(Buffer.from(text, "hex"));
const toHex = (bytes) => Buffer.from(bytes).toString("hex");
const file = process.argv[2];
const { suite, signatureKey, saved, messages } = JSON.parse(readFileSync(file, "utf8"));
const crypto = nodeProvider();
const provider = crypto.suite(suite);
const keyPair = await provider.signature.importPrivateKey(hex(signatureKey));
const client = await Client.create({
  crypto, suite, credential: "bob", authentication: insecureAcceptAll(), signer: signerOf(provider, keyPair),
});
const group = await client.restore(hex(saved));
const heard = [];
for (const message of messages) {
  const received = await group.receive(hex(message));
  heard.push(received.kind === "application" ? Buffer.from(received.data).toString() : received.kind);
}
const answer = toHex(await group.encrypt("from another process"));
const { commit } = await group.update();
await group.mergePendingCommit();
writeFileSync(file, JSON.stringify({
  heard, answer, commit: toHex(commit), epochAuthenticator: toHex(group.epochAuthenticator), saved: toHex(await group.save()),
}));
`;

it("goes on in another process", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copse-"));
  try {
    const script = join(folder, "go-on.mjs");
    writeFileSync(script, await bundle(goOn, "node"));
    for (const suite of [1, 2, 3, 4, 5, 6, 7]) {
      const crypto = nodeProvider();
      const provider = crypto.suite(suite);
      const authentication = insecureAcceptAll();
      const alice = await Client.create({ crypto, suite, credential: "alice", authentication });
      const keyPair = await provider.signature.generateKeyPair();
      const signer = signerOf(provider, keyPair);
      const bob = await Client.create({ crypto, suite, credential: "bob", authentication, signer });
      const a = await alice.createGroup();
      const { welcome } = await a.add(await bob.createKeyPackage());
      await a.mergePendingCommit();
      const b = await bob.join(welcome as Uint8Array);
      const saved = await b.save();
      await b.close();
      const messages = [await a.encrypt("to another process"), (await a.update()).commit];
      await a.mergePendingCommit();

      const file = join(folder, `suite-${suite}.json`);
      writeFileSync(
        file,
        JSON.stringify({
          suite,
          signatureKey: toHex(await provider.signature.exportPrivateKey(keyPair.privateKey)),
          saved: toHex(saved),
          messages: messages.map(toHex),
        }),
      );
      const child = spawnSync(process.execPath, [script, file], { encoding: "utf8" });
      expect(child.stderr).toBe("");
      expect(child.status).toBe(0);
      const told = JSON.parse(readFileSync(file, "utf8"));
      expect(told.heard).toEqual(["to another process", "commit"]);
      const answer = await a.receive(hex(told.answer));
      expect(answer.kind === "application" && text(answer.data)).toBe("from another process");
      await a.receive(hex(told.commit));
      expect(toHex(a.epochAuthenticator)).toBe(told.epochAuthenticator);

      // And back: the first process takes over what the other one saved.
      const back = await bob.restore(hex(told.saved));
      const reply = await back.receive(await a.encrypt("welcome back"));
      expect(reply.kind === "application" && text(reply.data)).toBe("welcome back");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
