// RFC 9420 §5.1: errors of another copy of this package, such as a provider has that is bundled by itself.
import { Client, CryptoError, DecodeError, insecureAcceptAll, MlsError, ValidationError } from "@copse/core";
import { type CryptoProvider, UnsupportedError } from "@copse/core/provider";
import { nodeProvider } from "@copse/provider-node";
import { failure } from "@copse/test-support/errors";
import { expect, it, vi } from "vitest";

type Errors = typeof import("@copse/core");

/** The package, loaded once more. */
async function anotherCopy(): Promise<Errors & typeof import("@copse/core/provider")> {
  vi.resetModules();
  return { ...(await import("@copse/core")), ...(await import("@copse/core/provider")) };
}

const CLASSES = { MlsError, DecodeError, CryptoError, UnsupportedError, ValidationError };

it("are instances of the classes of this one, each of its own and of MlsError", async () => {
  const other = await anotherCopy();
  expect(other.CryptoError).not.toBe(CryptoError);
  const errors = {
    MlsError: new other.MlsError("usage", "so"),
    DecodeError: new other.DecodeError("so", 1),
    CryptoError: new other.CryptoError("so"),
    UnsupportedError: new other.UnsupportedError("so"),
    ValidationError: new other.ValidationError("6.1: so"),
  };
  for (const [name, error] of Object.entries(errors)) {
    const fits = Object.entries(CLASSES).filter(([, one]) => error instanceof one);
    expect(fits.map(([fit]) => fit)).toEqual(name === "MlsError" ? [name] : ["MlsError", name]);
  }
});

it("nothing else is an instance, and a subclass has only its own", () => {
  class Own extends CryptoError {}
  expect(new Own("so")).toBeInstanceOf(CryptoError);
  expect(new CryptoError("so")).not.toBeInstanceOf(Own);
  expect(new Own("so")).toBeInstanceOf(Own);
  const ask = () => {
    throw new Error("it must not be asked");
  };
  const hostile = [Object.defineProperty({}, "code", { get: ask }), new Proxy({}, { get: ask })];
  const plain = [undefined, null, "crypto", new Error("so"), { code: "crypto", retry: "now" }, () => {}];
  for (const value of [...plain, ...hostile]) {
    expect(value instanceof MlsError).toBe(false);
    expect(value instanceof CryptoError).toBe(false);
  }
});

it("of a provider are its verdicts: a message that was changed is refused for good", async () => {
  const other = await anotherCopy();
  const { nodeProvider: another } = await import("@copse/provider-node");
  const bundled: CryptoProvider = another();
  const refusal = await failure(async () =>
    bundled.suite(1).aead.open(new Uint8Array(1), new Uint8Array(12), new Uint8Array(0), new Uint8Array(16)),
  );
  expect(Object.getPrototypeOf(refusal)).toBe(other.CryptoError.prototype);
  const common = { authentication: insecureAcceptAll(), suite: 1 };
  const alice = await Client.create({ ...common, crypto: nodeProvider(), credential: "alice" });
  const bob = await Client.create({ ...common, crypto: bundled, credential: "bob" });
  const group = await alice.createGroup();
  const { welcome } = await group.add(await bob.createKeyPackage());
  await group.mergePendingCommit();
  const joined = await bob.join(welcome as Uint8Array);
  const message = await group.encrypt("hello");
  message[message.length - 1]! ^= 1;
  expect(await failure(joined.receive(message))).toMatchObject({ code: "crypto", retry: "never" });
});
