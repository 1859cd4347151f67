// RFC 9420 doesn't cover this: names that nobody else can guess, for connections and groups.

/** 128 random bits in hexadecimal. Whoever knows the name of a group may pass the group as an argument. */
export function randomName(): string {
  const { crypto } = globalThis as unknown as {
    readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
  };
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
