// RFC 9420 §6: reading without a group: where a message ends, and whether a structure comes in an MLSMessage or raw.

import { concat, equalBytes } from "../../../packages/core/src/bytes.js";
import { type Codec, decode, encode } from "../../../packages/core/src/codec/codec.js";
import { readMessage } from "../../../packages/core/src/framing/read-message.js";
import { KeyPackage } from "../../../packages/core/src/wire/key-package.js";
import {
  MlsMessage,
  readGroupInfo,
  readKeyPackage,
  readWelcome,
  unframe,
} from "../../../packages/core/src/wire/mls-message.js";
import { GroupInfo, Welcome } from "../../../packages/core/src/wire/welcome.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { samples } from "../vectors.js";
import { judge } from "../verdict.js";

const MAX = 1 << 24;
const isDecode = (code: string) => code === "decode";
const isExpected = (code: string) => isDecode(code) || code === "usage" || code === "limit";

interface Form {
  readonly wireFormat: number;
  readonly codec: Codec<unknown>;
  readonly read: (bytes: Uint8Array) => unknown;
}

const FORMS: Readonly<Record<string, Form>> = {
  welcome: { wireFormat: 3, codec: Welcome as Codec<unknown>, read: (bytes) => readWelcome(bytes, MAX) },
  groupInfo: {
    wireFormat: 4,
    codec: GroupInfo as Codec<unknown>,
    read: (bytes) => readGroupInfo(bytes, MAX),
  },
  keyPackage: { wireFormat: 5, codec: KeyPackage as Codec<unknown>, read: readKeyPackage },
};

/** An MLSMessage to encode, or bytes as they are. */
type LookPlan = { readonly message: unknown } | { readonly bytes: Uint8Array };

function isValid(codec: Codec<unknown>, bytes: Uint8Array): boolean {
  try {
    decode(codec, bytes);
    return true;
  } catch {
    return false;
  }
}

/** The message as readMessage splits it, alone and before another one. */
async function split(bytes: Uint8Array): Promise<string | undefined> {
  const { said, value, problem } = await judge(() => readMessage(bytes), isDecode);
  if (said !== "accepted") return problem;
  const { message, rest } = value as ReturnType<typeof readMessage>;
  if (!equalBytes(concat(message, rest ?? new Uint8Array()), bytes)) return "its parts aren't the whole";
  if (rest === undefined) return undefined;
  if (rest.length === 0 && !isValid(MlsMessage as Codec<unknown>, bytes)) return "read what isn't a message";
  const twice = readMessage(concat(message, bytes));
  return equalBytes(twice.message, message) ? undefined : "a message ends elsewhere if another one follows";
}

/** What comes of bytes in each place that takes them framed or raw: never two meanings. */
async function forms(bytes: Uint8Array): Promise<string | undefined> {
  for (const [name, { wireFormat, codec, read }] of Object.entries(FORMS)) {
    const { said, value, problem } = await judge(() => read(bytes), isExpected);
    if (problem !== undefined) return problem;
    // The list in the middle of a Welcome is decoded when it is first read.
    const written = said === "accepted" ? await judge(() => encode(codec, value), isDecode) : undefined;
    if (written?.said !== "accepted") {
      if (written?.problem !== undefined) return written.problem;
      continue;
    }
    const raw = written.value as Uint8Array;
    const framed = concat(Uint8Array.of(0, 1, 0, wireFormat), raw);
    const cameFramed = equalBytes(bytes, framed);
    if (!cameFramed && !equalBytes(bytes, raw)) return `${name}: read as neither form of what it is`;
    if (!equalBytes(unframe(framed), raw)) return `${name}: another raw form`;
    if (!equalBytes(encode(codec, read(framed)), raw)) return `${name}: another meaning when framed`;
    if (cameFramed && isValid(codec, bytes) && !isEmpty(decode(codec, bytes)))
      return `${name}: the same bytes are a valid raw one too`;
  }
  return undefined;
}

/** A raw structure that isn't read as one, because its bytes begin like a framed one: it is for nobody, or of nobody. */
function isEmpty(value: unknown): boolean {
  const { secrets, initKey, groupContext } = value as {
    readonly secrets?: readonly unknown[];
    readonly initKey?: Uint8Array;
    readonly groupContext?: { readonly groupId: Uint8Array };
  };
  return secrets?.length === 0 || initKey?.length === 0 || groupContext?.groupId.length === 0;
}

async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
  const given = plan as LookPlan;
  let bytes: Uint8Array;
  try {
    const encoded = "bytes" in given ? given.bytes : encode(MlsMessage, given.message as MlsMessage);
    if (!(encoded instanceof Uint8Array)) return undefined;
    bytes = edits.reduce(editBytes, encoded);
  } catch {
    return undefined;
  }
  const verdict = await judge(() => readMessage(bytes), isDecode);
  const problem = verdict.problem ?? (await split(bytes)) ?? (await forms(bytes));
  const kind = verdict.said === "accepted" ? (verdict.value as { readonly kind: string }).kind : "";
  return { ...verdict, feature: `${verdict.detail} ${kind}`, problem, size: bytes.length };
}

export function lookTarget(): Target {
  const plans = new Map<string, LookPlan>();
  for (const { name, codec, bytes } of samples()) {
    if (codec !== (MlsMessage as Codec<unknown>)) continue;
    plans.set(name, { message: decode(codec, bytes) });
    if ((bytes[3] as number) > 2) plans.set(`${name}, raw`, { bytes: bytes.slice(4) });
  }
  return { name: "look", plans, millisecondsPerByte: 0.01, run };
}
