// Cipher suites, as short as a person needs them.
import { CIPHER_SUITES } from "@copse/core/provider";

/** The number of a suite, and what it consists of. */
export const suiteName = (id: number): string => {
  const suite = CIPHER_SUITES.find((one) => one.id === id);
  if (suite === undefined) return `${id}`;
  const [, , kem, aead] = suite.name.split("_") as [string, string, string, string];
  return `${id}: ${kem.replace("DHKEM", "")}, ${aead.replace("POLY1305", "").replace("GCM", "")}`;
};
