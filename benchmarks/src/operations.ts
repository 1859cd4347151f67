// The hot paths of RFC 9420, by the names that they have in tables and files.

/** Payloads of application messages, in bytes. */
export const PAYLOADS = { "64 B": 64, "1 KiB": 1024, "64 KiB": 65_536, "1 MiB": 1_048_576 } as const;
export type Payload = keyof typeof PAYLOADS;

export const OPERATIONS = [
  "key package",
  "create group",
  "add all others",
  "join",
  "empty commit",
  "process empty commit",
  "update",
  "process update",
  "add one",
  "add one, tree in Welcome",
  "process add one",
  "remove one",
  "process remove one",
  "encrypt 64 B",
  "decrypt 64 B",
  "encrypt 1 KiB",
  "decrypt 1 KiB",
  "encrypt 64 KiB",
  "decrypt 64 KiB",
  "encrypt 1 MiB",
  "decrypt 1 MiB",
  "export secret",
  "save",
  "restore",
  "memory per member",
  "encoded tree per member",
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Operations that are measured in bytes, not in milliseconds. */
export const isSize = (operation: Operation): boolean => operation.endsWith("per member");
