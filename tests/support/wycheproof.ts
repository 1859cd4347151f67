// Project Wycheproof's files, as the conformance kit takes them.
import { readdirSync, readFileSync } from "node:fs";
import type { WycheproofFile } from "@copse/provider-conformance";
import { wycheproofFolder } from "./vectors.js";

/** All files that are there, parsed; none if they are missing. */
export function wycheproofFiles(): { fileName: string; json: WycheproofFile }[] {
  if (wycheproofFolder === undefined) return [];
  return readdirSync(wycheproofFolder)
    .filter((fileName) => fileName.endsWith(".json"))
    .map((fileName) => ({
      fileName,
      json: JSON.parse(readFileSync(`${wycheproofFolder}/${fileName}`, "utf8")) as WycheproofFile,
    }));
}
