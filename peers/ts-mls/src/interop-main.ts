// A server of the working group's MLSClient service over ts-mls: node peers/ts-mls/dist/interop-main.js --port 50053
import { parseArgs } from "node:util";
import { mlsClientService, serve } from "@copse/interop";
import { tsMlsBackend } from "./interop/backend.js";

const { values } = parseArgs({ options: { port: { type: "string", default: "50053" } } });
const { address } = await serve(mlsClientService(tsMlsBackend()), Number(values.port));
console.log(`ts-mls listens on ${address}`);
