// RFC 9420: where the test vectors lie. The working group's are looked for in several places, the first that has any
// being taken:
//   1. MLS_TEST_VECTORS: a folder with `mls/` (and `wycheproof/`), or with the JSON files themselves;
//   2. test-vectors/working-group, which `npm run vectors:fetch` fills (and test-vectors/wycheproof);
//   3. a folder beside the checkout.
import { existsSync, readdirSync } from "node:fs";
import { fromRoot } from "./files.js";

const { MLS_TEST_VECTORS: given } = process.env;
const beside = fromRoot("../shared/vectors");

const withFiles = (...places: string[]): string | undefined =>
  places.find((place) => existsSync(place) && readdirSync(place).some((name) => name.endsWith(".json")));

/** The folder that holds the working group's vectors, if there is one. */
export const vectorFolder: string | undefined = withFiles(
  ...(given ? [`${given}/mls`, given] : []),
  fromRoot("test-vectors/working-group"),
  `${beside}/mls`,
);

/** The folder that holds the project's own vectors, in the working group's formats. */
export const ownFolder: string = fromRoot("test-vectors/generated");

/** The folder that holds Wycheproof's files, if there is one. */
export const wycheproofFolder: string | undefined = withFiles(
  ...(given ? [`${given}/wycheproof`, `${given}/../wycheproof`] : []),
  fromRoot("test-vectors/wycheproof"),
  `${beside}/wycheproof`,
);
