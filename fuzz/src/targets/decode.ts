// RFC 9420 §2.1: each structure: its decoder accepts nothing that it wouldn't encode to the same bytes.

import { equalBytes } from "../../../packages/core/src/bytes.js";
import { type Codec, decode, encode } from "../../../packages/core/src/codec/codec.js";
import { Commit } from "../../../packages/core/src/wire/commit.js";
import { ExternalSenders, RequiredCapabilities } from "../../../packages/core/src/wire/extension.js";
import { AuthenticatedContent } from "../../../packages/core/src/wire/framed-content.js";
import { GroupContext } from "../../../packages/core/src/wire/group-context.js";
import { KeyPackage } from "../../../packages/core/src/wire/key-package.js";
import { LeafNode } from "../../../packages/core/src/wire/leaf-node.js";
import { SenderData } from "../../../packages/core/src/wire/message.js";
import { MlsMessage } from "../../../packages/core/src/wire/mls-message.js";
import {
  Add,
  ExternalInit,
  GroupContextExtensions,
  PreSharedKey,
  Proposal,
  ReInit,
  Remove,
  Update,
} from "../../../packages/core/src/wire/proposal.js";
import { PreSharedKeyID } from "../../../packages/core/src/wire/psk.js";
import { RatchetTreeNodes } from "../../../packages/core/src/wire/ratchet-tree.js";
import { UpdatePath } from "../../../packages/core/src/wire/update-path.js";
import { GroupInfo, GroupSecrets, Welcome } from "../../../packages/core/src/wire/welcome.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { copyOf } from "../values.js";
import { type Sample, samples } from "../vectors.js";
import { judge } from "../verdict.js";

const CODECS: Readonly<Record<string, Codec<unknown>>> = {
  MlsMessage,
  Add,
  AuthenticatedContent,
  Commit,
  ExternalInit,
  ExternalSenders,
  GroupContext,
  GroupContextExtensions,
  GroupInfo,
  GroupSecrets,
  KeyPackage,
  LeafNode,
  PreSharedKey,
  PreSharedKeyID,
  Proposal,
  RatchetTreeNodes,
  ReInit,
  Remove,
  RequiredCapabilities,
  SenderData,
  Update,
  UpdatePath,
  Welcome,
} as Readonly<Record<string, Codec<unknown>>>;

/** A structure to encode, or bytes as they are. */
type DecodePlan =
  | { readonly kind: "value"; readonly codec: string; readonly value: unknown }
  | { readonly kind: "bytes"; readonly codec: string; readonly bytes: Uint8Array };

const nameOf = (codec: Codec<unknown>): string =>
  Object.keys(CODECS).find((name) => CODECS[name] === codec) ?? "MlsMessage";

function plansOf(sample: Sample): [string, DecodePlan][] {
  const codec = nameOf(sample.codec);
  try {
    const value = decode(CODECS[codec] as Codec<unknown>, sample.bytes);
    return [[sample.name, { kind: "value", codec, value }]];
  } catch {
    return [];
  }
}

/** One plan for each kind of structure has bytes: a find is written as such. */
function bytePlans(): [string, DecodePlan][] {
  return Object.keys(CODECS).map((codec) => [
    `bytes of ${codec}`,
    { kind: "bytes", codec, bytes: new Uint8Array(2) },
  ]);
}

function encoded(plan: DecodePlan): Uint8Array | undefined {
  if (plan.kind === "bytes") return plan.bytes;
  try {
    return encode(CODECS[plan.codec] as Codec<unknown>, plan.value);
  } catch {
    return undefined;
  }
}

/** What comes of bytes: nothing but a DecodeError, or a value whose encoding they are. */
async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
  const { codec: name } = plan as DecodePlan;
  const codec = CODECS[name];
  const bytes = edits.reduce<Uint8Array | undefined>(
    (before, edit) => before && editBytes(before, edit),
    encoded(plan as DecodePlan),
  );
  if (codec === undefined || bytes === undefined) return undefined;
  const verdict = await judge(
    () => decode(codec, bytes),
    (code) => code === "decode",
  );
  let { problem } = verdict;
  if (verdict.said === "accepted") {
    const again = await judge(
      // A copy, because a codec remembers what it read.
      () => encode(codec, copyOf(verdict.value)),
      // Lists in the middle of a structure may be decoded when they are first read.
      (code) => code === "decode",
    );
    problem = again.problem;
    if (again.said === "accepted" && !equalBytes(again.value as Uint8Array, bytes)) {
      problem = `${name}: accepted bytes that aren't its encoding`;
    }
  }
  return {
    ...verdict,
    feature: `${verdict.said === "accepted" ? "accepted " : ""}${name} ${verdict.detail}`,
    problem,
    size: bytes.length,
  };
}

export function decodeTarget(): Target {
  const plans = new Map([...bytePlans(), ...samples().flatMap(plansOf)]);
  return { name: "decode", plans, millisecondsPerByte: 0.001, run };
}
