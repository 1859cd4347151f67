// The description of the service for other clients, made of the routes.
import { MEDIA_TYPE, ROUTES, SOCKET_PATH, STATUS } from "../wire/routes.js";
import type { JsonSchema } from "../wire/shape.js";
import {
  admissionShape,
  admissionStatement,
  answerFrame,
  failureShape,
  loginStatement,
  requestFrame,
} from "../wire/structures.js";

const content = (schema: JsonSchema) => ({ [MEDIA_TYPE]: { schema } });

const failures = Object.fromEntries(
  [401, ...Object.values(STATUS)].map((status) => [
    status,
    { description: "A failure.", content: content({ $ref: "#/components/schemas/Failure" } as JsonSchema) },
  ]),
);

/** OpenAPI 3.1. Bodies are CBOR (RFC 8949), whose byte strings are strings of format `binary` here. */
export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "Copse delivery service",
    version: "1",
    description: [
      "Bodies are CBOR (RFC 8949) of definite lengths; strings of format `binary` are byte strings there.",
      "A login signs `LoginStatement`, encoded with its entries in their order, by SignWithLabel (RFC 9420, 5.1.2) under the label",
      "`Copse delivery login`; `AdmissionStatement` likewise under `Copse delivery admission`.",
      `Subscriptions go over one WebSocket at ${SOCKET_PATH}: its binary frames are \`RequestFrame\` from the client,`,
      "of which the first is `login`, and `AnswerFrame` from the service.",
    ].join(" "),
    license: { name: "MIT", identifier: "MIT" },
  },
  paths: Object.fromEntries(
    Object.entries(ROUTES).map(([name, route]) => [
      route.path,
      {
        post: {
          operationId: name,
          summary: route.summary,
          security: route.login ? [{ token: [] }] : [],
          requestBody: { required: true, content: content(route.body.schema) },
          responses: {
            200: { description: "Done.", content: content(route.answer.schema) },
            ...failures,
          },
        },
      },
    ]),
  ),
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer" } },
    schemas: {
      Failure: failureShape.schema,
      LoginStatement: loginStatement.schema,
      AdmissionStatement: admissionStatement.schema,
      Admission: admissionShape.schema,
      RequestFrame: requestFrame.schema,
      AnswerFrame: answerFrame.schema,
    },
  },
} as const;
