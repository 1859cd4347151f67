// The description of the service says what the service does.
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROUTES, type RouteName } from "../src/wire/routes.js";
import { bearer, post, tokenOf } from "./raw.js";
import { TestService } from "./support.js";

interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
}

interface Content {
  readonly content: Record<string, { readonly schema: Schema }>;
}

interface Description {
  readonly openapi: string;
  readonly paths: Record<
    string,
    {
      readonly post: {
        readonly operationId: string;
        readonly security: readonly unknown[];
        readonly requestBody: Content;
        readonly responses: Record<string, Content>;
      };
    }
  >;
  readonly components: { readonly schemas: Record<string, Schema> };
}

let service: TestService;
let url: string;
let described: Description;

beforeAll(async () => {
  service = await new TestService().start();
  url = service.server.url;
  described = (await (await fetch(`${url}/openapi.json`)).json()) as Description;
});
afterAll(() => service.stop());

/** CBOR by the description alone, as the author of another client would write it. */
function encoded(schema: Schema): number[] {
  const head = (major: number, value: number): number[] =>
    value < 24 ? [(major << 5) | value] : [(major << 5) | 25, value >> 8, value & 255];
  const text = (value: string) => [...head(3, value.length), ...new TextEncoder().encode(value)];
  const { oneOf: [first] = [], properties = {} } = schema;
  if (first !== undefined) return encoded(first);
  if (schema.const !== undefined) return text(schema.const);
  if (schema.type === "boolean") return [0xf5];
  if (schema.type === "integer") return head(0, Math.max(schema.minimum ?? 0, 1));
  if (schema.format === "binary") {
    const length = Math.max(schema.minLength ?? 0, 1);
    return [...head(2, length), ...new Array<number>(length).fill(7)];
  }
  if (schema.type === "string") return text("a".repeat(Math.max(schema.minLength ?? 0, 1)));
  if (schema.type === "array") {
    const items = new Array(Math.max(schema.minItems ?? 0, 1)).fill(encoded(schema.items as Schema)).flat();
    return [...head(4, Math.max(schema.minItems ?? 0, 1)), ...items];
  }
  const entries = Object.entries(properties);
  return [...head(5, entries.length), ...entries.flatMap(([name, one]) => [...text(name), ...encoded(one)])];
}

/** Whether CBOR has the parts that a schema asks for. @returns what follows it */
function read(schema: Schema, bytes: Uint8Array, at: number): number {
  const major = bytes[at]! >> 5;
  const info = bytes[at]! & 31;
  const size = info < 24 ? 0 : 2 ** (info - 24);
  let value = info;
  if (size > 0) value = bytes.subarray(at + 1, at + 1 + size).reduce((sum, byte) => sum * 256 + byte, 0);
  let next = at + 1 + size;
  if (schema.oneOf !== undefined) {
    const length = bytes[next + 5]! & 31;
    const kind = new TextDecoder().decode(bytes.subarray(next + 6, next + 6 + length));
    const chosen = schema.oneOf.find((one) => one.properties?.kind?.const === kind);
    return read(chosen as Schema, bytes, at);
  }
  if (schema.type === "object") {
    expect(major).toBe(5);
    const seen: string[] = [];
    for (let i = 0; i < value; i++) {
      const length = bytes[next]! & 31;
      const name = new TextDecoder().decode(bytes.subarray(next + 1, next + 1 + length));
      seen.push(name);
      next = read(schema.properties?.[name] as Schema, bytes, next + 1 + length);
    }
    expect(seen).toEqual(expect.arrayContaining([...(schema.required ?? [])]));
    return next;
  }
  if (schema.type === "array") {
    expect(major).toBe(4);
    for (let i = 0; i < value; i++) next = read(schema.items as Schema, bytes, next);
    return next;
  }
  expect(major).toBe(
    schema.const !== undefined
      ? 3
      : schema.type === "integer"
        ? 0
        : schema.type === "boolean"
          ? 7
          : schema.format === "binary"
            ? 2
            : 3,
  );
  return major === 2 || major === 3 ? next + value : next;
}

it("has each route of the service, and no other", async () => {
  expect(described.openapi).toBe("3.1.0");
  expect(Object.keys(described.paths).sort()).toEqual(
    Object.values(ROUTES)
      .map(({ path }) => path)
      .sort(),
  );
  expect((await post(url, "/v1/other", new Uint8Array(1))).status).toBe(404);
  expect((await fetch(url + ROUTES.claim.path)).status).toBe(404);
});

it.each(Object.keys(ROUTES) as RouteName[])("describes what %s takes and answers", async (name) => {
  const token = await tokenOf(url, `openapi-${name}`, await service.signer(name));
  const { post: operation } = described.paths[ROUTES[name].path]!;
  expect(operation.operationId).toBe(name);
  const type = "application/cbor";
  const body = Uint8Array.from(encoded(operation.requestBody.content[type]!.schema));
  expect((await post(url, ROUTES[name].path, body)).status).toBe(
    operation.security.length > 0 ? 401 : name === "challenge" ? 200 : 401,
  );
  const answer = await post(url, ROUTES[name].path, body, bearer(token));
  // The body has the right form: what is refused is what it asks for.
  if (answer.status === 200) {
    const schema = operation.responses[200]!.content[type]!.schema;
    expect(read(schema, answer.bytes, 0)).toBe(answer.bytes.length);
  } else {
    expect(Object.keys(operation.responses)).toContain(String(answer.status));
    expect(read(described.components.schemas.Failure as Schema, answer.bytes, 0)).toBe(answer.bytes.length);
    expect(["forbidden", "not-found", "invalid"]).toContain(answer.code);
  }
  // With an entry too many it has not.
  const more = Uint8Array.from([body[0]! + 1, ...body.subarray(1), 0x61, 0x78, 0]);
  expect((await post(url, ROUTES[name].path, more, bearer(token))).status).toBe(
    name === "logout" ? 401 : 400,
  );
});

it("lets pages send logins", async () => {
  const asked = await fetch(url + ROUTES.claim.path, {
    method: "OPTIONS",
    headers: { origin: "http://localhost:5173", "access-control-request-method": "POST" },
  });
  expect(asked.headers.get("access-control-allow-headers")).toContain("authorization");
});
