// RFC 9180 §6: two implementations of HPKE, held to each other.
import type { HpkePart } from "@copse/core/provider";
import fc from "fast-check";
import { expect } from "vitest";
import { toHex } from "./bytes.js";

/** Same keys from same bytes; and what the one seals and exports, the other opens and receives. */
async function talks(one: HpkePart, other: HpkePart, ikm: Uint8Array, length: number, inputs: Inputs) {
  const { info, aad, text } = inputs;
  const [sender, receiver] = [await one.deriveKeyPair(ikm), await other.deriveKeyPair(ikm)];
  expect(toHex(sender.publicKey)).toBe(toHex(receiver.publicKey));
  const [ours, theirs] = [
    await one.exportPrivateKey(sender.privateKey),
    await other.exportPrivateKey(receiver.privateKey),
  ];
  expect(toHex(ours)).toBe(toHex(theirs));
  const sealed = await one.seal(receiver.publicKey, info, aad, text);
  const opened = await other.open(receiver.privateKey, sealed.kemOutput, info, aad, sealed.ciphertext);
  expect(toHex(opened)).toBe(toHex(text));
  const sent = await one.sendExport(receiver.publicKey, info, aad, length);
  const secret = await other.receiveExport(receiver.privateKey, sent.kemOutput, info, aad, length);
  expect(toHex(secret)).toBe(toHex(sent.secret));
}

interface Inputs {
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
  readonly text: Uint8Array;
}

/** In both directions, with random inputs, and with an export of more than 255 bytes. Both must export private keys. */
export async function agree(one: HpkePart, other: HpkePart, numRuns: number): Promise<void> {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
  const long = { info: Uint8Array.of(1), aad: Uint8Array.of(2), text: Uint8Array.of(3) };
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 66 }),
      fc.integer({ min: 0, max: 1000 }),
      fc.record({ info: bytes(300), aad: bytes(50), text: bytes(500) }),
      async (ikm, length, inputs) => {
        await talks(one, other, ikm, length, inputs);
        await talks(other, one, ikm, length, inputs);
      },
    ),
    { numRuns, examples: [[new Uint8Array(32), 600, long]] },
  );
}
