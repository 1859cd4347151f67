// A server of the working group's MLSClient service over ts-mls: node peers/ts-mls/dist/interop-main.js --port 50053
import { parseArgs } from "node:util";
import { mlsClientService, serve } from "@copse/interop";
import { tsMlsImplementation } from "./interop/implementation.js";

const { values } = parseArgs({ options: { port: { type: "string", default: "50053" } } });
const { address } = await serve(mlsClientService(tsMlsImplementation()), Number(values.port));
console.log(`ts-mls listens on ${address}`);
