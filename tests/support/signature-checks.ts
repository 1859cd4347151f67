// RFC 9420 §5.1.2: checks of a provider's signatures: round trips, damage, and what is no key.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { expect, it } from "vitest";
import { flipped, refuses, text } from "./refuses.js";

export function checkSignature(suite: CipherSuiteProvider): void {
  const { signature } = suite;
  const { Npk, Nsk, name } = suite.suite.signature;
  const message = text("message");

  it("verifies what it signs, and nothing with one bit changed", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    expect(publicKey).toHaveLength(Npk);
    const signed = await signature.sign(privateKey, message);
    const other = await signature.generateKeyPair();
    const expected: [Uint8Array, Uint8Array, Uint8Array, boolean][] = [
      [publicKey, message, signed, true],
      [publicKey, flipped(message, 0), signed, false],
      [publicKey, message, flipped(signed, 8), false],
      [publicKey, message, flipped(signed, signed.length - 8), false],
      [publicKey, message, new Uint8Array([...signed, 0]), false],
      [publicKey, message, signed.subarray(0, -1), false],
      [publicKey, message, new Uint8Array(0), false],
      [other.publicKey, message, signed, false],
      // A malformed key is no error here.
      [new Uint8Array(0), message, signed, false],
      [publicKey.subarray(1), message, signed, false],
      [flipped(publicKey, Npk - 1), message, signed, false],
    ];
    for (const [key, signedMessage, value, fits] of expected) {
      expect(await signature.verify(key, signedMessage, value)).toBe(fits);
    }
    if (signature.verifyAll) {
      const requests = expected.map(([k, m, s]) => ({ publicKey: k, message: m, signature: s }));
      expect(await signature.verifyAll(requests)).toEqual(expected.map(([, , , fits]) => fits));
    }
    expect(
      await signature.verify(
        publicKey,
        new Uint8Array(0),
        await signature.sign(privateKey, new Uint8Array(0)),
      ),
    ).toBe(true);
  });

  it("imports what it exports, if it exports", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    let bytes: Uint8Array;
    try {
      bytes = await signature.exportPrivateKey(privateKey);
    } catch (error) {
      expect(error).toMatchObject({ code: "key-not-extractable" });
      return;
    }
    expect(bytes).toHaveLength(Nsk);
    const again = await signature.importPrivateKey(bytes);
    expect(again.publicKey).toEqual(publicKey);
    expect(await signature.verify(publicKey, message, await signature.sign(again.privateKey, message))).toBe(
      true,
    );
  });

  it("refuses what is no key, and a handle that isn't its own", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    await signature.validatePublicKey(publicKey);
    const alien = {} as typeof privateKey;
    const bad = [
      new Uint8Array(0),
      publicKey.subarray(1),
      new Uint8Array([...publicKey, 0]),
      new Uint8Array(Npk),
      new Uint8Array(Npk).fill(0xff),
    ];
    if (name.startsWith("ecdsa")) bad.push(flipped(publicKey, Npk - 1));
    // y = 2 is on neither curve; y = 1 is the neutral element of both.
    else bad.push(...[2, 1].map((y) => new Uint8Array(Npk).fill(y, 0, 1)));
    for (const key of bad) await refuses(() => signature.validatePublicKey(key));
    await refuses(
      () => signature.importPrivateKey(new Uint8Array(0)),
      () => signature.importPrivateKey(new Uint8Array(Nsk - 1)),
      () => signature.importPrivateKey(new Uint8Array(Nsk + 1).fill(1)),
      () => signature.sign(alien, message),
      () => signature.exportPrivateKey(alien),
    );
    if (name.startsWith("ecdsa")) {
      await refuses(
        () => signature.importPrivateKey(new Uint8Array(Nsk)),
        () => signature.importPrivateKey(new Uint8Array(Nsk).fill(0xff)),
      );
    }
  });
}
