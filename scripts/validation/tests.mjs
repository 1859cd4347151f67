// The files whose tests break rules. Files whose tests break one rule each come first.

/** @type {readonly string[]} */
export const TESTS = [
  "packages/core/test/validation/update.test.ts",
  "packages/core/test/validation/proposal.test.ts",
  "packages/core/test/validation/external.test.ts",
  "packages/core/test/validation/tree.test.ts",
  "packages/core/test/validation/welcome.test.ts",
  "packages/core/test/validation/resumption.test.ts",
  "packages/core/test/validation/order.test.ts",
  "packages/core/test/client/insider-add.test.ts",
  "packages/core/test/client/insider-commit.test.ts",
  "packages/core/test/client/insider-path.test.ts",
  "packages/core/test/validation/direct.test.ts",
  "packages/core/test/client/registration.test.ts",
  "packages/core/test/tree/ratchet-tree.test.ts",
  "packages/core/test/framing/public-message.test.ts",
  "packages/core/test/framing/private-message.test.ts",
  "packages/extensions/test/self-remove.test.ts",
  "packages/extensions/test/app-data.test.ts",
  "packages/extensions/test/grease.test.ts",
  "packages/core/test/client/resumption.test.ts",
  "packages/core/test/client/refused-proposals.test.ts",
  "packages/core/test/client/external-commit-rules.test.ts",
  "packages/core/test/client/welcome-tree.test.ts",
  "packages/core/test/client/message-keys.test.ts",
  "packages/core/test/client/signers.test.ts",
];
