// Providers that watch or disturb what is expanded.
import { all, type KdfPart } from "@copse/core/provider";

/** A KDF with another `expand`, which is asked for each of many outputs too. */
export function expandingBy({ algorithm, extract }: KdfPart, expand: KdfPart["expand"]): KdfPart {
  return {
    algorithm,
    extract,
    expand,
    expandAll: (prk, requests) => all(requests.map(({ info, length }) => expand(prk, info, length))),
  };
}
