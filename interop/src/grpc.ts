// The working group's MLSClient service over gRPC: its definition, a server and a client.
import { fileURLToPath } from "node:url";
import {
  type Client,
  type ClientUnaryCall,
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { UnsupportedByImplementation } from "./implementation.js";

/** A field of a message. 64-bit numbers are strings. */
export type Field =
  | string
  | number
  | boolean
  | Uint8Array
  | Message
  | readonly number[]
  | readonly Uint8Array[]
  | readonly Message[];
export interface Message {
  readonly [field: string]: Field | undefined;
}

/** A handler for each call of the service. */
export type Handlers = Readonly<Record<string, (request: Message) => Promise<Message>>>;

const PROTO = fileURLToPath(new URL("../proto/mls_client.proto", import.meta.url));

let made: ServiceClientConstructor | undefined;

function serviceConstructor(): ServiceClientConstructor {
  if (made === undefined) {
    const options = { keepCase: true, longs: String, defaults: true, arrays: true };
    const root = loadPackageDefinition(loadSync(PROTO, options)) as unknown as {
      mls_client: { MLSClient: ServiceClientConstructor };
    };
    made = root.mls_client.MLSClient;
  }
  return made;
}

/** The calls of the service, by their names. */
export function serviceDefinition(): ServiceDefinition {
  return serviceConstructor().service;
}

/** Trees of large groups make messages larger than gRPC's default of 4 MiB. */
const OPTIONS = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

export interface RunningServer {
  readonly address: string;
  close(): Promise<void>;
}

/** Thrown by a call that names an unknown ID. */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

function statusOf(error: unknown): status {
  if (error instanceof UnsupportedByImplementation) return status.UNIMPLEMENTED;
  if (error instanceof NotFound) return status.NOT_FOUND;
  return status.ABORTED;
}

/**
 * Serves the calls.
 * @param port 0: any free port
 */
export async function serve(handlers: Handlers, port: number, host = "127.0.0.1"): Promise<RunningServer> {
  const server = new Server(OPTIONS);
  const implementation = Object.fromEntries(
    Object.keys(serviceDefinition()).map((name) => [
      name,
      async (
        { request }: { request: Message },
        callback: (error: Partial<ServiceError> | null, value?: Message) => void,
      ) => {
        const handler = handlers[name];
        try {
          if (handler === undefined) throw new UnsupportedByImplementation(`no call ${name}`);
          callback(null, await handler(request));
        } catch (error) {
          const details = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
          callback({ code: statusOf(error), details });
        }
      },
    ]),
  );
  server.addService(serviceDefinition(), implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) =>
      error === null ? resolve(actual) : reject(error),
    );
  });
  return {
    address: `${host}:${bound}`,
    close: async () => server.forceShutdown(),
  };
}

/** The client for {@link serve}. */
export interface RemoteClient {
  readonly address: string;
  /** @throws ServiceError */
  call(name: string, request: Message): Promise<Message>;
  close(): void;
}

type Unary = (
  request: Message,
  options: { deadline: number },
  callback: (error: ServiceError | null, value: Message) => void,
) => ClientUnaryCall;

/** @param timeout of each call in milliseconds */
export function connect(address: string, timeout = 300_000): RemoteClient {
  const client: Client = new (serviceConstructor())(address, credentials.createInsecure(), OPTIONS);
  const methods = client as unknown as Readonly<Record<string, Unary | undefined>>;
  return {
    address,
    call: (name, request) =>
      new Promise((resolve, reject) => {
        const method = methods[name];
        if (method === undefined) throw new Error(`the service has no call ${name}`);
        const deadline = Date.now() + timeout;
        method.call(client, request, { deadline }, (error, value) =>
          error === null ? resolve(value) : reject(error),
        );
      }),
    close: () => client.close(),
  };
}

/** Whether an error says that the server can't do what is asked. */
export function isUnsupported(error: unknown): boolean {
  return (error as Partial<ServiceError>)?.code === status.UNIMPLEMENTED;
}
