// The files whose tests are there to break rules, those first that break one rule each.

/** @type {readonly string[]} */
export const TESTS = [
  "tests/validation/update.test.ts",
  "tests/validation/proposal.test.ts",
  "tests/validation/external.test.ts",
  "tests/validation/tree.test.ts",
  "tests/validation/welcome.test.ts",
  "tests/validation/succession.test.ts",
  "tests/validation/order.test.ts",
  "tests/client/insider-add.test.ts",
  "tests/client/insider-commit.test.ts",
  "tests/client/insider-path.test.ts",
  "tests/validation/direct.test.ts",
  "tests/client/registration.test.ts",
  "tests/tree/ratchet-tree.test.ts",
  "tests/framing/public-message.test.ts",
  "tests/framing/private-message.test.ts",
  "packages/extensions/test/self-remove.test.ts",
  "packages/extensions/test/app-data.test.ts",
  "packages/extensions/test/grease.test.ts",
  "tests/client/succession.test.ts",
  "tests/client/traps.test.ts",
];
