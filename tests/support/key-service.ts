// A small key service on the loopback interface, with the protocol of AWS KMS and the bad days of any service.
import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { p256 } from "@noble/curves/nist.js";

/** What becomes of a call. */
export type Fate = "answer" | "throttle" | "fail" | "cut" | "hang";

export interface KeyService {
  readonly url: string;
  readonly keyId: string;
  /** Calls by operation, those that failed too. */
  readonly calls: Readonly<Record<string, number>>;
  /** Decides about each call from now on, by its number. Default: all are answered. */
  fate: (call: number) => Fate;
  close(): Promise<void>;
}

/** Starts it, with one P-256 key. @param latency of each answer, in milliseconds */
export async function startKeyService(latency = 5): Promise<KeyService> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const spki = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  const scalar = Buffer.from(privateKey.export({ format: "jwk" }).d as string, "base64url");
  const calls: Record<string, number> = {};
  let number = 0;
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  const service: KeyService = {
    url: "",
    keyId: "alias/alice",
    calls,
    fate: () => "answer",
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await textOf(request)) as Record<string, string>;
    const operation = String(request.headers["x-amz-target"]).replace("TrentService.", "");
    calls[operation] = (calls[operation] ?? 0) + 1;
    await sleep(latency);
    const send = (status: number, result: object) => response.writeHead(status).end(JSON.stringify(result));
    switch (service.fate(++number)) {
      case "throttle":
        return void send(400, { __type: "ThrottlingException" });
      case "fail":
        return void send(500, { __type: "KMSInternalException" });
      case "cut":
        return void response.destroy();
      case "hang":
        return;
      case "answer":
        if (body.KeyId !== service.keyId) return void send(400, { __type: "NotFoundException" });
        send(200, operation === "Sign" ? signature(body) : { PublicKey: spki });
    }
  }

  function signature({ Message, MessageType, SigningAlgorithm }: Record<string, string>): object {
    if (MessageType !== "DIGEST" || SigningAlgorithm !== "ECDSA_SHA_256") throw new Error("not implemented");
    // Not by node:crypto, which can't sign a digest.
    const digest = Buffer.from(Message as string, "base64");
    const der = p256.sign(digest, scalar, { prehash: false, format: "der" });
    return { Signature: Buffer.from(der).toString("base64") };
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(service, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
