// What somebody sends who doesn't use the client.
import { connect } from "node:net";
import { signWithLabel } from "@copse/core/extension";
import { ROUTES } from "../src/wire/routes.js";
import { decode, encode } from "../src/wire/shape.js";
import { failureShape, type Login, loginStatement } from "../src/wire/structures.js";
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
