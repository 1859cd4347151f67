// A process that sweeps a token's keys when it is told to.
import { nodeProvider } from "@copse/provider-node";
import { pkcs11Provider } from "@copse/provider-pkcs11";

const provider = await pkcs11Provider({
  ...{ library: process.argv[2], tokenLabel: "shared", pin: "5678", inner: nodeProvider() },
  ...{ suites: [2], label: "crowded" },
});
process.send("ready");
process.once("message", async () => {
  try {
    process.send(await provider.sweep([]));
  } catch (error) {
    process.send(`${error}`);
  }
  await provider.close();
  process.disconnect();
});
