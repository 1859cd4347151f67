// The fuzzer itself: that it finds faults of each kind, which are planted in a copy of the sources.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { bundle, type Planted } from "../bundle.mjs";

interface Fault extends Planted {
  readonly kind: string;
  readonly target: string;
  /** What the find says. */
  readonly problem: RegExp;
  /** Whether it takes a minute and more. Then it is planted only with COPSE_ALL_FAULTS=1. */
  readonly isSlow?: boolean;
}

const FAULTS: readonly Fault[] = [
  {
    kind: "an exception of JavaScript",
    target: "receive",
    file: "core/src/group/commit/process.ts",
    from: "  const { commit } = content;\n",
    to: "  const { commit } = content;\n  if (commit.proposals.length === 3) throw new TypeError('planted');\n",
    problem: /not an MlsError: TypeError: planted/,
  },
  {
    kind: "a length that isn't minimal",
    target: "decode",
    file: "core/src/codec/reader.ts",
    from: "if (value < (prefix === 1 ? 64 : 16384)) {",
    to: "if (value < 0) {",
    problem: /accepted bytes that aren't its encoding/,
  },
  {
    kind: "bytes behind a structure that nobody notices",
    target: "look",
    file: "core/src/wire/mls-message.ts",
    from: "    reader.finish();\n    return value;\n",
    to: "    return value;\n",
    problem: /read as neither form of what it is/,
  },
  {
    kind: "a check that only a member makes",
    target: "receive",
    file: "core/src/group/messages/follow.ts",
    from: "  await verifySender(config, current, authenticated);\n",
    to: "",
    problem: /a follower differs/,
  },
  {
    kind: "a provider that accepts each signature",
    target: "differential",
    file: "provider-noble/src/eddsa.ts",
    from: "signature.length === 2 * publicKey.length && fitsEdwards(",
    to: "true || fitsEdwards(",
    problem: /members disagree/,
  },
  {
    kind: "a key that is consumed before the message is verified",
    target: "receive",
    file: "core/src/framing/private-message.ts",
    from: "aad.content, message.ciphertext);\n",
    to: "aad.content, message.ciphertext);\n    peeked.consume();\n",
    problem: /a refused message changed the state/,
  },
  {
    kind: "a list that is searched for each of its items",
    target: "receive",
    file: "core/src/codec/codec.ts",
    from: "        values.push(item.read(inner));\n",
    to: "        values.push(item.read(inner));\n        values.filter((one) => one === values[0]);\n",
    problem: /too slow|time grows faster/,
    isSlow: true,
  },
];

const PLANTED = FAULTS.filter(({ isSlow }) => !isSlow || process.env.COPSE_ALL_FAULTS === "1");

it.each(PLANTED)("finds $kind", async ({ target, problem, ...fault }) => {
  const folder = mkdtempSync(join(tmpdir(), "copse-fuzz-"));
  try {
    const script = await bundle(`planted-${process.pid}`, fault);
    const args = [
      "--expose-gc",
      script,
      "--target",
      target,
      "--first",
      "--seconds",
      "200",
      "--finds",
      folder,
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(`${stdout}${stderr}`).toMatch(problem);
    expect(status).toBe(1);
    const [file] = readdirSync(folder);
    expect(JSON.parse(readFileSync(join(folder, file as string), "utf8")).problem).toMatch(problem);
    rmSync(script);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("ends the process if an input never ends, and prints the input", async () => {
  const script = await bundle(`endless-${process.pid}`, {
    file: "core/src/group/commit/process.ts",
    from: "  const { commit } = content;\n",
    to: "  const { commit } = content;\n  while (commit.proposals.length === 3);\n",
  });
  const args = ["--expose-gc", script, "--target", "receive", "--seconds", "200", "--patience", "6"];
  const { signal, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stdout).toMatch(
    /FIND: an input takes longer than 6 s\n {2}\{"target":"receive","suite":3,"recipe":/,
  );
  expect(signal).toBe("SIGKILL");
  rmSync(script);
});
