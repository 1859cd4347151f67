// What a hostile page or worker posts, by a port of its own.
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Client } from "@copse/core";
import { connectClient, connectStoredClient, serveClient } from "@copse/worker";
import { afterEach, expect } from "vitest";
import { closePorts, makeClient, type Options } from "./workers.js";

export const ports: MessagePort[] = [];
const uncaught: unknown[] = [];
const note = (error: unknown) => void uncaught.push(error);
process.on("uncaughtException", note).on("unhandledRejection", note);
afterEach(() => {
  closePorts();
  for (const port of ports.splice(0)) port.close();
  expect(uncaught.splice(0)).toEqual([]);
});

export type Message = Record<string, unknown>;

/** A port that posts what it likes. @param answer what it posts back to each message */
export function hostile(answer: (message: Message, post: (message: unknown) => void) => void) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const seen: Message[] = [];
  port1.on("message", (message: Message) => {
    seen.push(message);
    answer(message, (posted) => port1.postMessage(posted));
  });
  return { own: port1, other: port2, seen };
}

const credential = { credentialType: 1, identity: new Uint8Array(1) };
export const started = {
  cipherSuite: { id: 1, name: "a suite" },
  credential,
  signatureKey: new Uint8Array(32),
};

/** A client of a worker that answers each call with what `answer` makes of it. @param stored whether it has a storage */
export async function clientOf(answer: (call: Message) => unknown, stored = false) {
  const side = hostile((message, post) => {
    const { copse, connection } = message;
    if (copse === "start") post({ copse: "started", connection, client: started, stored });
    if (copse === "call") post(answer(message));
  });
  return { client: await (stored ? connectStoredClient : connectClient)(side.other), ...side };
}

/** A page that has started a client, and posts what it likes. */
export async function pageOf(options: Options = {}, made: Client[] = []) {
  const side = hostile(() => undefined);
  const make = async () => {
    const client = await makeClient(options);
    made.push(client);
    return client;
  };
  const serving = serveClient<Options>({ port: side.other, make });
  const post = (message: Message) => side.own.postMessage({ connection: "mine", ...message });
  post({ copse: "start", options: undefined, references: [] });
  await seenSome(side.seen, ({ copse }) => copse === "started");
  let id = 0;
  const call = (method: string, group?: string, args: unknown[] = []) =>
    post({ copse: "call", id: id++, group, method, args, references: [] });
  return { ...side, post, call, serving };
}

export async function seenSome(seen: Message[], which: (message: Message) => boolean): Promise<Message> {
  for (let turn = 0; turn < 2000; turn++) {
    const found = seen.find(which);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`no such message among ${seen.map(({ copse }) => copse).join(", ")}`);
}

export const answerTo = (seen: Message[], id: number) =>
  seenSome(seen, (message) => message.copse === "answer" && message.id === id);

/** A group and a staged commit as an honest worker answers them. */
export const NEW_GROUP = {
  id: "a name",
  snapshot: {
    groupId: new Uint8Array(1),
    epoch: 0n,
    cipherSuite: { id: 1, name: "a suite" },
    ownLeafIndex: 0,
    extensions: [],
    active: true,
    hasPendingCommit: false,
    proposals: [],
    epochAuthenticator: new Uint8Array(32),
    treeHash: new Uint8Array(32),
    confirmedTranscriptHash: new Uint8Array(),
  },
  members: new Uint8Array(1),
};
export const STAGED = {
  commit: new Uint8Array(1),
  own: true,
  external: false,
  committer: { leafIndex: 0, credential, signatureKey: new Uint8Array(32) },
  epoch: 1n,
  path: true,
  proposals: [],
  added: [],
  removed: [],
  updated: [],
  custom: [],
  extensions: [],
  active: true,
  authenticatedData: new Uint8Array(),
  confirmedTranscriptHash: new Uint8Array(),
  epochAuthenticator: new Uint8Array(32),
};
