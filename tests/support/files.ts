// Files of the repository.
import { fileURLToPath } from "node:url";

/** The path of a file, from its path below the repository's root. */
export const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
