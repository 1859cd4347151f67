// An application has its own copy of the client library: what that one throws is known all the same. And what was passed instead of a connection.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DeliveryError } from "@copse/delivery/service";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import * as jetstream from "@nats-io/jetstream";
import { errors } from "@nats-io/nats-core";
import type * as Transport from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asDeliveryError } from "../src/errors.js";

describe.skipIf(!HAS_NATS)("a connection of another copy of the client library", () => {
  const found = createRequire(import.meta.url).resolve("@nats-io/transport-node");
  const library = found.slice(0, found.indexOf(join("@nats-io", "transport-node")));
  // There it finds what it needs besides.
  const folder = mkdtempSync(join(library, ".copies-"));
  let copy: typeof Transport;
  let server: NatsServer;
  const client = new Uint8Array([1]);

  beforeAll(async () => {
    server = await startNats();
    cpSync(join(library, "@nats-io"), join(folder, "node_modules", "@nats-io"), { recursive: true });
    const own = join(folder, "node_modules", found.slice(library.length));
    copy = await import(pathToFileURL(own).href);
    expect(copy.connect).not.toBe(connect);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test("that no server answers is told as by the own copy", async () => {
    const connection = () => copy.connect({ servers: "nats://127.0.0.1:1", reconnect: false });
    const error = await natsDelivery({ connection, user: "alice", client }).catch((one) => one);
    expect([error.name, error.code, error.retry]).toEqual(["DeliveryError", "unavailable", "later"]);
  });

  test("what a server refuses is told as by the own copy", async () => {
    const connection = await copy.connect({ servers: server.url });
    const error = await prepareNats(connection, { replicas: 3 }).catch((one) => one);
    expect([error.name, error.code, error.retry]).toEqual(["DeliveryError", "limit", "never"]);
    expect(error.message).toContain("replicas: NATS has fewer servers");
    await connection.close();
  });
});

test.each([
  [undefined, "undefined"],
  [Promise.resolve(), "a promise: await it first"],
])("needs a connection, and says what came instead: %s", async (connection, got) => {
  const expected = { code: "invalid", message: expect.stringContaining(`got ${got}`) };
  await expect(prepareNats(connection as never)).rejects.toMatchObject(expected);
  const options = { connection: connection as never, user: "alice", client: new Uint8Array([1]) };
  await expect(natsDelivery(options)).rejects.toMatchObject(expected);
});

type Kind = new (what: unknown, more?: unknown) => Error;

test("all errors of the client library are known by their names", () => {
  const answer = { code: 500, err_code: 10_000, description: "something" };
  const values: unknown[] = [...Object.values(errors), ...Object.values(jetstream)];
  const isClass = (one: unknown): one is Kind => typeof one === "function" && one.prototype instanceof Error;
  const classes = values.filter(isClass);
  // This one is of arguments that this package makes.
  const all = classes.filter(({ name }) => name !== "InvalidNameError");
  const raw = all.filter((Class) => {
    const isOfApi = Class.name === "JetStreamApiError" || Class.name.endsWith("NotFoundError");
    return !(
      asDeliveryError(isOfApi ? new Class(answer) : new Class("something", "more")) instanceof DeliveryError
    );
  });
  expect(all.length).toBeGreaterThan(14);
  expect(raw.map(({ name }) => name)).toEqual([]);
});
