// Providers that watch or disturb what is expanded.
import type { KdfPart } from "@copse/core/provider";

/** A KDF with another `expand`, which the core asks for each of many outputs too. */
export function expandingBy({ algorithm, extract }: KdfPart, expand: KdfPart["expand"]): KdfPart {
  return { algorithm, extract, expand };
}
