// RFC 8032 §5.1.7, §5.2.7: tries by which equation a library verifies EdDSA. No rule before it could change the answer.
import { type Awaitable, all, chain, type SignaturePart } from "@copse/core/provider";

/** Two signatures with one R under one key that has a small part beside that of the large group. */
export interface EdwardsTrial {
  /** Of the scheme (RFC 8446 §4.2.3). */
  readonly id: number;
  readonly publicKey: string;
  readonly R: string;
  /** S for the message 0x0003, for which the small part has no effect: valid for all. */
  readonly always: string;
  /** S for the message 0x0000, for which it has: valid with the cofactor only. */
  readonly cofactored: string;
  /** Whether the cofactor belongs to the scheme. */
  readonly wanted: boolean;
}

// From the known verdicts of `@copse/provider-conformance`.

/** For {@link verifiesByRule}: Ed25519 doesn't multiply by the cofactor. */
export const ED25519_TRIAL: EdwardsTrial = {
  id: 0x0807,
  publicKey: "82475e96d9a4ce9ea0a0dabb33dcb34754e8970c049b4285223c935aedafb4b7",
  R: "a31b655b487c9e5be668ee829ec0b6ba975f8bea13d5521821eea3b0f832b18d",
  always: "d41ffa3ea1c08ba0e9050071c3fe2ca4303beb13ab316e7304aa88848c87310e",
  cofactored: "57780d88c6473065eb79d28bd72d80cd7a7d8047e1f1a8c8cf1dd7049001a804",
  wanted: false,
};

/** For {@link verifiesByRule}: Ed448 multiplies by it. */
export const ED448_TRIAL: EdwardsTrial = {
  id: 0x0808,
  publicKey:
    "9cef7de61828d34342273a5963994db6fd894e82402d23c216f002521a8e863b0ca8067acd8ba515dd77e4c5ea6bfd6e74f27cc6136b9f7380",
  R: "ab67554f6bb90881164550a17f2cf94f4886ae5e144d8cd1050b0a6566eb2128304348aca34bc355e633bbf12660266719b9697a73e2a86700",
  always:
    "30d6decc84958b5d74f0f1c74f4c9ddd7a5a5df514299b1c3c770440c77c860c7336416188c396f5e0489c3c0d48f917ce2f8e0f674cfb0b00",
  cofactored:
    "d67048764130d7420b3bc1885b3bfa7e84bb58c3719d3ce0ca8a73cb55528bdf9034b50253a40d1fca6283ae776f1dc88850b6e01a834a1f00",
  wanted: true,
};

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/**
 * Whether a library verifies EdDSA by the equation that all providers must use: Ed25519 without the cofactor, Ed448 with
 * it, and both under keys that have a small part. `true` for schemes without a trial. For providers over a platform, which
 * should try what it does: Deno's `node:crypto` refuses such keys of Ed448.
 * @param trials those of the schemes that the provider may have, so that a page needn't load the others
 */
export function verifiesByRule(part: SignaturePart, ...trials: readonly EdwardsTrial[]): Awaitable<boolean> {
  const trial = trials.find(({ id }) => id === part.algorithm.id);
  if (trial === undefined) return true;
  const publicKey = fromHex(trial.publicKey);
  const verify = (last: number, S: string) =>
    part.verify(publicKey, Uint8Array.of(0, last), fromHex(trial.R + S));
  return chain(all([verify(3, trial.always), verify(0, trial.cofactored)]), ([always, cofactored]) => {
    return always === true && cofactored === trial.wanted;
  });
}
