// What somebody sends who doesn't use the client.
import { connect } from "node:net";
import { signWithLabel } from "@copse/core/extension";
import WebSocket from "ws";
import { ROUTES } from "../src/wire/routes.js";
import { decode, encode } from "../src/wire/shape.js";
import {
  type AnswerFrame,
  answerFrame,
  failureShape,
  type Login,
  loginStatement,
  type RequestFrame,
  requestFrame,
} from "../src/wire/structures.js";
import { SUITE, type TestService } from "./support.js";

type Signer = Awaited<ReturnType<TestService["signer"]>>;

/** A POST as it is. @returns the status, and the code of the failure */
export async function post(
  url: string,
  path: string,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; code: string; bytes: Uint8Array }> {
  const response = await fetch(url + path, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { "content-type": "application/cbor", ...headers },
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const code = response.status === 200 ? "done" : decode(failureShape, bytes).code;
  return { status: response.status, code, bytes };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export async function challenge(url: string): Promise<Uint8Array> {
  const { bytes } = await post(url, ROUTES.challenge.path, encode(ROUTES.challenge.body, {}));
  return decode(ROUTES.challenge.answer, bytes).challenge;
}

/** A login, signed as the client would. */
export async function login(
  url: string,
  user: string,
  signer: Signer,
  more: Partial<Login> = {},
): Promise<Login> {
  const statement = {
    origin: new URL(url).origin,
    challenge: more.challenge ?? (await challenge(url)),
    user,
    suite: SUITE,
    signatureKey: signer.publicKey,
    ...(more.origin !== undefined && { origin: more.origin }),
  };
  const signature = await signWithLabel(signer, "Copse delivery login", encode(loginStatement, statement));
  return { ...statement, signature, ...more };
}

export const postLogin = (url: string, body: Login) =>
  post(url, ROUTES.login.path, encode(ROUTES.login.body, body));

export async function tokenOf(url: string, user: string, signer: Signer): Promise<string> {
  const { bytes } = await postLogin(url, await login(url, user, signer));
  return decode(ROUTES.login.answer, bytes).token;
}

/** Opens a connection, sends some bytes, and waits until the service has ended it. @returns what it answered */
export function untilClosed(url: string, first: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let got = "";
    const socket = connect(Number(port), hostname, () => socket.write(first));
    socket.on("data", (data) => {
      got += data.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(got));
  });
}

/** A socket by hand. */
export class Raw {
  readonly ws: WebSocket;
  readonly frames: AnswerFrame[] = [];
  readonly closed: Promise<number>;
  readonly #opened: Promise<void>;
  #wake: () => void = () => undefined;

  constructor(url: string, query = "") {
    this.ws = new WebSocket(`${url.replace("http", "ws")}/v1/socket${query}`);
    this.ws.on("error", () => undefined);
    this.ws.on("message", (data) => {
      this.frames.push(decode(answerFrame, new Uint8Array(data as Buffer)));
      this.#wake();
    });
    this.#opened = new Promise((resolve) => this.ws.once("open", () => resolve()));
    this.closed = new Promise((resolve) => this.ws.on("close", (code) => resolve(code)));
  }

  async open(token?: string): Promise<this> {
    await this.#opened;
    if (token !== undefined) this.send({ kind: "login", token });
    return this;
  }

  send(frame: RequestFrame): void {
    this.ws.send(encode(requestFrame, frame));
  }

  /** Takes nothing more from its connection. */
  stop(): void {
    this.ws.pause();
  }

  async until(isThere: (frames: readonly AnswerFrame[]) => boolean): Promise<void> {
    while (!isThere(this.frames))
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}
