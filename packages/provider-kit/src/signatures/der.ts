// RFC 3279 §2.2.3: an ECDSA signature as MLS sends it (DER), and as r and s of equal size.

/** DER of `r || s`, each of half of the bytes. */
export function toDer(rs: Uint8Array): Uint8Array {
  const half = rs.length / 2;
  const body = [...integer(rs.subarray(0, half)), ...integer(rs.subarray(half))];
  const length = body.length < 0x80 ? [body.length] : [0x81, body.length];
  return Uint8Array.of(0x30, ...length, ...body);
}

/**
 * `r || s`, each of `size` bytes, of an `Ecdsa-Sig-Value`; or undefined unless `der` is the one DER encoding
 * of two numbers of 1 to `size` bytes above zero.
 */
export function fromDer(der: Uint8Array, size: number): Uint8Array | undefined {
  let at = 0;
  /** The end of the value whose tag is expected here; `at` then is its start. Below zero if there is none. */
  const value = (tag: number): number => {
    if (der[at++] !== tag) return -1;
    let length = der[at++] ?? -1;
    if (length === 0x81) {
      length = der[at++] ?? -1;
      if (length < 0x80) return -1; // a short length in the long form
    } else if (length > 0x7f) return -1; // more than 255 bytes, or no definite length
    return length < 0 || at + length > der.length ? -1 : at + length;
  };
  if (value(0x30) !== der.length) return undefined;
  const rs = new Uint8Array(2 * size);
  for (const end of [size, 2 * size]) {
    const stop = value(0x02);
    const first = der[at] as number;
    if (stop <= at || first > 0x7f) return undefined; // none, empty or negative
    if (first === 0 && !((der[at + 1] ?? 0) > 0x7f && at + 1 < stop)) return undefined; // zero, or filled up
    if (first === 0) at++;
    if (stop - at > size) return undefined;
    // Not by subarray(), which takes an engine longer than all of the rest.
    for (let to = end - (stop - at); at < stop; at++) rs[to++] = der[at] as number;
  }
  return at === der.length ? rs : undefined;
}

/** A non-negative INTEGER in as few bytes as it takes. */
function integer(bytes: Uint8Array): number[] {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const magnitude = bytes.subarray(start);
  const filled = (magnitude[0] as number) > 0x7f ? [0, ...magnitude] : [...magnitude];
  return [0x02, filled.length, ...filled];
}
