// Wrong options are refused before a server is asked, and the error says what was expected and what came.
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { expect, it } from "vitest";

const invalid = (said: string) => ({ code: "invalid", message: expect.stringContaining(said) });
/** Is never asked. */
const connection = { request: () => undefined };
const right = { connection, user: "alice", client: new Uint8Array(32) };

it.each([
  [{ bogus: 1 }, 'there is no option "bogus" here, only connection, user, client'],
  [{ prefix: 1 }, "prefix: expected string, got number"],
  [{ timeout: -1 }, "timeout: expected 1 to 2147483647 milliseconds, got -1"],
  [{ timeout: "1s" }, "timeout: expected number, got string"],
  [{ heartbeat: 0 }, "heartbeat: expected 1 to 2147483647 milliseconds, got 0"],
  [{ limits: { mesage: 1 } }, 'there is no option "limits.mesage" here, only message'],
  [{ limits: { message: -1 } }, "limits.message: expected 0 or more, got -1"],
  [{ client: "alice" }, "client: expected a Uint8Array, got string"],
  [{ connection: undefined }, "connection: expected what connect() of a client of NATS gives, got undefined"],
])("natsDelivery refuses %o", async (wrong, said) => {
  await expect(natsDelivery({ ...right, ...wrong } as never)).rejects.toMatchObject(invalid(said));
});

it.each([
  [{ replica: 3 }, 'there is no option "replica" here, only prefix, partitions, replicas'],
  [{ replicas: "3" }, "replicas: expected number, got string"],
  [{ storage: "disk" }, 'storage: expected "file" or "memory", got string'],
  [{ placement: {} }, "placement: expected function, got object"],
  [{ retention: 1 }, "retention: expected an integer from 60000"],
  [{ duplicates: -1 }, "duplicates: expected an integer from 100 to 2592000000, got -1"],
  [{ retention: 60_000, duplicates: 60_001 }, "duplicates: expected an integer from 100 to 60000, got 60001"],
])("prepareNats refuses %o", async (wrong, said) => {
  await expect(prepareNats(connection as never, wrong as never)).rejects.toMatchObject(invalid(said));
});

it("both refuse what are no options", async () => {
  await expect(natsDelivery(undefined as never)).rejects.toMatchObject(invalid("options: expected object"));
  const refused = expect(prepareNats(connection as never, "copse" as never)).rejects;
  await refused.toMatchObject(invalid("options: expected object, got string"));
});
