// The one platform class that the core uses beyond ECMAScript (WHATWG Encoding); declared here so that no
// other platform type comes into reach.
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}
