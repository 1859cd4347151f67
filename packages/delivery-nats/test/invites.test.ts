// Who is told that an invitation has worked may end at once: the invited client gets its Welcome.
import { generateSigner, insecureAcceptAll } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { openMessenger } from "@copse/delivery";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { nodeProvider } from "@copse/provider-node";
import { HAS_NATS, startNats } from "@copse/test-support/nats";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";

const ROUNDS = 3;

describe.skipIf(!HAS_NATS)("who invites", () => {
  test.each(["at once", "when all is settled"])("and ends %s, has invited", async (when) => {
    const server = await startNats();
    const crypto = nodeProvider();
    const admin = await connect({ servers: server.url });
    await prepareNats(admin);
    const person = async (name: string) => {
      const [storage, signer] = [memoryStorage(), await generateSigner(crypto, 1)];
      const connection = () => connect({ servers: server.url });
      return () =>
        openMessenger({
          ...{ crypto, suite: 1, credential: name, authentication: insecureAcceptAll(), accept: () => true },
          ...{ storage, signer },
          delivery: ({ signatureKey }) => natsDelivery({ connection, user: name, client: signatureKey }),
        });
    };
    // Bob has a key package, and isn't there: nobody else finishes what Alice leaves.
    const bob = await (await person("bob"))();
    await bob.settled();
    await bob.close();
    const zed = await (await person("zed"))();
    await zed.settled();
    const alice = await person("alice");
    for (let i = 0; i < ROUNDS; i++) {
      const messenger = await alice();
      await messenger.settled();
      const conversation = await messenger.start(["bob"]);
      await conversation.invite(["zed"]);
      if (when !== "at once") await messenger.settled();
      await messenger.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(zed.conversations).toHaveLength(ROUNDS);
    await zed.close();
    await admin.close();
    await server.stop();
  });
});
