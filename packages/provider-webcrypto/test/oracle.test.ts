// RFC 9180 §6: what is sealed here opens in the hpke-js family, and the other way round; so are keys and exports.
import { hpkeProvider } from "@copse/provider-hpke";
import { agree } from "@copse/test-support/second-opinion";
import { describe, test } from "vitest";
import { SUITE_IDS, suites, VARIANTS } from "./support.js";

const opinion = await hpkeProvider();

describe.each(VARIANTS)("HPKE against hpke-js with %s", (_, options) => {
  test.each(SUITE_IDS)("suite %i", async (id) => {
    const { hpke } = (await suites(options)).find(({ suite }) => suite.id === id)!;
    await agree(hpke, opinion.suite(id).hpke, 6);
  });
});
