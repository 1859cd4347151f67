// RFC 9420: a group of Discord's with a member of ours whose private keys are in a PKCS#11 token.
import { DaveyClient, type VoiceClient, whyMissing } from "@copse/peer-davey";
import { nodeProvider } from "@copse/provider-node";
import { type Pkcs11Provider, pkcs11Provider } from "@copse/provider-pkcs11";
import { afterAll, beforeAll, it } from "vitest";
import { describeWithSoftHsm } from "../../../packages/provider-pkcs11/test/softhsm.js";
import { CopseVoiceClient } from "./client.js";
import { Gateway } from "./gateway.js";

const CHANNEL = "927310423890473013";
const missing = await whyMissing();

describeWithSoftHsm("with davey, and keys in SoftHSM", ({ library, addToken }) => {
  let token: Pkcs11Provider;
  beforeAll(async () => {
    addToken("voice", "5678");
    const options = { tokenLabel: "voice", pin: "5678", inner: nodeProvider(), suites: [2] };
    token = await pkcs11Provider({ library, ...options });
  });
  afterAll(() => token?.close());

  it.skipIf(missing !== undefined)(
    "it founds a group, commits and is removed, and joins theirs",
    async () => {
      const gateway = await Gateway.create(nodeProvider(), CHANNEL);
      const ours = await CopseVoiceClient.create(token, "358049329150427136", CHANNEL);
      const [first, second] = [
        await DaveyClient.create("358049329150427137", CHANNEL),
        await DaveyClient.create("358049329150427138", CHANNEL),
      ];
      await gateway.connect(ours, first, second);
      await gateway.change({ add: [ours, first, second], winner: ours });
      const removing = async (gone: VoiceClient, winner: VoiceClient) =>
        gateway.change({ remove: [gone], winner });
      await removing(second, ours);
      await removing(ours, first);
      await gateway.startAnew(first);
      await gateway.connect(ours);
      await gateway.change({ add: [first, ours], winner: first });
      await second.startAnew();
      await gateway.change({ add: [second], winner: ours });
    },
  );
});
