// RFC 9420 §5.1: a provider that isn't installed.
import { UnsupportedError } from "@copse/core/provider";

/** For `import().catch()`, in which bundlers let a package be missing. @throws UnsupportedError */
export const missing =
  (name: string) =>
  (cause: unknown): never => {
    throw new UnsupportedError(`@copse/provider-${name} can't be imported: is it installed?`, { cause });
  };
