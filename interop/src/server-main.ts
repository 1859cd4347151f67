#!/usr/bin/env node
// RFC 9420 over gRPC for the working group's harness: copse-interop --port 50051 --provider node
import { parseArgs } from "node:util";
import { copseImplementation } from "./copse/implementation.js";
import { serve } from "./grpc.js";
import { isProviderName, PROVIDERS } from "./server/providers.js";
import { mlsClientService } from "./service.js";

const USAGE = `copse-interop [--port N] [--host NAME] [--provider ${Object.keys(PROVIDERS).join("|")}]`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "50051" },
      host: { type: "string", default: "127.0.0.1" },
      provider: { type: "string", default: "node" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const port = Number(values.port);
  if (!isProviderName(values.provider) || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(USAGE);
  }
  const implementation = copseImplementation(await PROVIDERS[values.provider]());
  const { address } = await serve(mlsClientService(implementation), port, values.host);
  console.log(`${implementation.name} listens on ${address}, suites ${implementation.suites.join(", ")}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
