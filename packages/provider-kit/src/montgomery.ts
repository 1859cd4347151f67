// RFC 7748 §6, RFC 9180 §7.1.4: which byte strings are public keys of X25519 and X448. All are points of the curve
// or of its twist; those of low order aren't keys, as their multiple by any private key is zero. Found here by
// their coordinates, for which no multiplication is needed. Works on public values, so its time may depend on them.

interface MontgomeryCurve {
  /** In bytes. */
  readonly size: number;
  /** X25519 ignores the topmost bit of a u-coordinate (RFC 7748 §5); X448 has none to spare. */
  readonly mask: number;
  /** All that stand for the u-coordinate of a point of low order, as bytes under the mask. */
  readonly lowOrder: readonly Uint8Array[];
}

function curveOf(p: bigint, size: number, mask: number, lowOrder: readonly bigint[]): MontgomeryCurve {
  // Numbers from p on stand for what is left of them modulo p.
  const all = lowOrder.flatMap((u) => [u, u + p]);
  const end = BigInt(mask + 1) << BigInt(8 * (size - 1));
  const bytesOf = (u: bigint) =>
    Uint8Array.from({ length: size }, (_, i) => Number((u >> BigInt(8 * i)) & 0xffn));
  return { size, mask, lowOrder: all.filter((u) => u < end).map(bytesOf) };
}

// Not `**`, which tools for React Native turn into Math.pow. Made when first asked for.
let curve25519: MontgomeryCurve | undefined;
let curve448: MontgomeryCurve | undefined;

/** Whether 32 bytes are an X25519 public key: any point but those of low order. */
export function isX25519PublicKey(publicKey: Uint8Array): boolean {
  if (curve25519 === undefined) {
    const p = (1n << 255n) - 19n;
    // Orders 4 and 2 are u = ±1 and 0, on the curve and its twist; order 8 is on the curve alone.
    const order8 = [
      325606250916557431795983626356110631294008115727848805560023387167927233504n,
      39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    ];
    curve25519 = curveOf(p, 32, 0x7f, [0n, 1n, p - 1n, ...order8]);
  }
  return isPublicKey(publicKey, curve25519);
}

/** Whether 56 bytes are an X448 public key, as {@link isX25519PublicKey} has it for X25519. */
export function isX448PublicKey(publicKey: Uint8Array): boolean {
  if (curve448 === undefined) {
    const p = (1n << 448n) - (1n << 224n) - 1n;
    curve448 = curveOf(p, 56, 0xff, [0n, 1n, p - 1n]);
  }
  return isPublicKey(publicKey, curve448);
}

function isPublicKey(publicKey: Uint8Array, { size, mask, lowOrder }: MontgomeryCurve): boolean {
  if (publicKey.length !== size) return false;
  const last = size - 1;
  return !lowOrder.some((low) => {
    for (let i = 0; i < last; i++) if (publicKey[i] !== low[i]) return false;
    return ((publicKey[last] as number) & mask) === low[last];
  });
}
