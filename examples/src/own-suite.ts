// RFC 9420 §17.1: a private cipher suite, composed from the parts of a provider, without a change to the library.
//
//   node examples/dist/own-suite.js
import { pathToFileURL } from "node:url";
import { type CipherSuite, type CryptoProvider, equalBytes } from "@copse/core";
import { AES_256_GCM, DHKEM_X25519, ED25519, SHA512 } from "@copse/core/provider";
import { composeProvider, kemOf } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { exportedSecret } from "./agreement.js";
import { makePeople } from "./members.js";

/**
 * The strengths of suites 1 and 4 together: curves that every platform has, with a larger hash and key. Code points
 * from 0xf000 are for private use: whoever agrees on the suite agrees on the number.
 */
export const OWN_SUITE: CipherSuite = {
  id: 0xf001,
  name: "OWN_128_DHKEMX25519_AES256GCM_SHA512_Ed25519",
  kem: DHKEM_X25519,
  hash: SHA512,
  aead: AES_256_GCM,
  signature: ED25519,
};

/** A provider with this one suite. `composeProvider` throws if a part doesn't fit the suite. */
export function ownProvider(): CryptoProvider {
  const node = nodeProvider();
  const [withX25519, withSha512] = [node.suite(1), node.suite(4)];
  return composeProvider({
    name: "node, own suite",
    suite: OWN_SUITE,
    // The KEM alone: HPKE of suite 1 has that suite's KDF and AEAD, and is made anew with those of this suite.
    kem: kemOf(withX25519.hpke),
    signature: withX25519.signature,
    hash: withSha512.hash,
    aead: withSha512.aead,
    random: withX25519.random,
  });
}

/** Two members, in a group with the suite: they exchange messages, take new keys, and end up with the same secret. */
export async function ownSuiteSession(say: (line: string) => void): Promise<void> {
  const provider = ownProvider();
  const [alice, bob] = await makePeople(OWN_SUITE.id, 2, [provider]);
  if (alice === undefined || bob === undefined) throw new Error("two people were asked for");
  say(`${OWN_SUITE.name}, code point 0x${OWN_SUITE.id.toString(16)}, by ${provider.name}`);

  const ofAlice = await alice.client.createGroup();
  const { welcome, ratchetTree } = await ofAlice.add(await bob.client.createKeyPackage());
  await ofAlice.mergePendingCommit();
  if (welcome === undefined) throw new Error("a Welcome was to be made");
  const ofBob = await bob.client.join(welcome, { ratchetTree });
  say(`bob joins epoch ${ofBob.epoch}, by a Welcome of ${welcome.length} bytes`);

  const greeting = await ofAlice.encrypt(new TextEncoder().encode("Hello, bob!"));
  const heard = await ofBob.receive(greeting);
  if (heard.kind !== "application") throw new Error("a message was to be received");
  say(`bob reads: ${new TextDecoder().decode(heard.data)}`);

  const { commit } = await ofBob.update();
  await ofAlice.receive(commit);
  await ofBob.mergePendingCommit();
  const secrets = [await exportedSecret(ofAlice), await exportedSecret(ofBob)] as const;
  if (!equalBytes(...secrets)) throw new Error("the members export different secrets");
  say(`both are in epoch ${ofAlice.epoch}, with new keys of bob's, and export the same secret`);
}

if (pathToFileURL(process.argv[1] ?? "").href === import.meta.url) await ownSuiteSession(console.log);
