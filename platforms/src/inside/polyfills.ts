// RFC 9420 §5.1: what an engine lacks that Copse and its conformance kit need, as an application provides it there.
// It imports nothing: all other modules find these things when they are evaluated.

/** What was missing and is provided now, by name. */
export const provided: string[] = [];

/** Puts something into its place if nothing is there. */
export function provide(place: object, name: string, path: string, value: unknown): void {
  if (name in place) return;
  Object.defineProperty(place, name, { value, writable: true, configurable: true });
  provided.push(path);
}

/** UTF-8 of a string; a surrogate without its other half becomes U+FFFD. */
class Utf8Encoder {
  encode(text = ""): Uint8Array {
    const bytes: number[] = [];
    for (const character of text) {
      const code = character.codePointAt(0) as number;
      const point = code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
      if (point < 0x80) bytes.push(point);
      else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
      else if (point < 0x10000)
        bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
      else {
        const rest = [12, 6, 0].map((shift) => 0x80 | ((point >> shift) & 63));
        bytes.push(0xf0 | (point >> 18), ...rest);
      }
    }
    return Uint8Array.from(bytes);
  }
}

function at(this: ArrayLike<unknown>, index: number): unknown {
  return this[index < 0 ? this.length + index : index];
}

const settled = (one: unknown) =>
  Promise.resolve(one).then(
    (value) => ({ status: "fulfilled", value }),
    (reason: unknown) => ({ status: "rejected", reason }),
  );

provide(globalThis, "TextEncoder", "TextEncoder", Utf8Encoder);
provide(Array.prototype, "at", "Array.prototype.at", at);
provide(Object.getPrototypeOf(Uint8Array.prototype), "at", "TypedArray.prototype.at", at);
provide(Promise, "allSettled", "Promise.allSettled", (all: Iterable<unknown>) =>
  Promise.all(Array.from(all, settled)),
);
provide(Symbol, "asyncIterator", "Symbol.asyncIterator", Symbol("Symbol.asyncIterator"));
