// RFC 9420 §15.1: what the size of a message reveals.

/** No padding: the size of a message reveals the exact length of its data. */
export function noPadding(length: number): number {
  return length;
}

/**
 * Pads to the next multiple of `block` bytes.
 * @example
 * const policy = { padding: padToMultiple(256) };
 */
export function padToMultiple(block: number): (length: number) => number {
  return (length) => Math.ceil(length / block) * block;
}

/**
 * Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PETS 2019):
 * rounds a length up so that only its leading bits differ from 0. The padded length reveals O(log log length) bits, and
 * is at most 12 % longer. The default.
 * @example
 * padme(1000); // 1024
 */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const leadingBits = Math.floor(Math.log2(exponent)) + 1;
  const unit = 2 ** Math.max(0, exponent - leadingBits);
  return Math.ceil(length / unit) * unit;
}
