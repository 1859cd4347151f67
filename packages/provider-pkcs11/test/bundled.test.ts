// The package is loaded where there are no tokens, too: a program may have one bundle for all platforms.
import { bundle } from "@copse/test-support/bundle";
import { expect, it } from "vitest";

it("is bundled for platforms without files or native code", async () => {
  const code = await bundle('export { pkcs11Provider } from "@copse/provider-pkcs11";', "neutral");
  expect(code).toContain("pkcs11js isn't installed");
});
