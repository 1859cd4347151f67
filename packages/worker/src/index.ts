// RFC 9420 §10 to §15: a whole client in a Web Worker or worker thread, with the same interface.
export { connectClient, connectStoredClient } from "./connect.js";
export { WorkerError } from "./errors.js";
export type { NodePort, Port, WebPort } from "./port.js";
export { type ServeOptions, type Serving, serveClient } from "./serve.js";
export type {
  WorkerClient,
  WorkerGroup,
  WorkerStagedCommit,
  WorkerStagedWelcome,
  WorkerStoredClient,
} from "./surface.js";
