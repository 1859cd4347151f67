// RFC 9420 §5.1, the interface's rule on inputs: they are read before a call returns, and again in each call.
import { type Awaitable, isPromise } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { equal, errorOf, flipped, is, isCryptoError } from "../../tools/assert.js";
import { type Bytes, comparable, type Operation, operations } from "../../tools/operations.js";

const copies = (bytes: Bytes): Uint8Array[] => bytes.map((each) => Uint8Array.from(each));

/** What comes of a call, so that it can be compared: outputs, or that it was refused. */
async function outcome(operation: Operation, inputs: Bytes): Promise<Bytes | "refused"> {
  const given = copies(inputs);
  let outputs: Bytes = [];
  const error = await errorOf(async () => {
    outputs = await comparable(operation, given, await operation.call(inputs));
  });
  if (error !== undefined && !isCryptoError(error)) throw error;
  return error === undefined ? outputs : "refused";
}

function same(got: Bytes | "refused", wanted: Bytes | "refused", what: string): void {
  is(typeof got, typeof wanted, `what comes of ${what}`);
  if (typeof got === "string" || typeof wanted === "string") return;
  for (const [i, bytes] of wanted.entries()) equal(got[i] as Uint8Array, bytes, `what ${what} gives`);
}

/** Whether an input of a call is the public key that its answer is made for, which a flipped bit makes another's. */
const isRecipient = ({ name, repeats }: Operation, input: number): boolean =>
  !repeats && input === 0 && name !== "sign";

export const reuseChecks: SuiteChecks = {
  "memory: an array that is used again is read again": async (suite) => {
    for (const operation of await operations(suite)) {
      const { name, inputs } = operation;
      for (const [i, input] of inputs.entries()) {
        if (input.length === 0 || isRecipient(operation, i)) continue;
        const changed = flipped(input, 8 * input.length - 2);
        const other = inputs.map((bytes, n) => (n === i ? changed : bytes));
        const wanted = await outcome(operation, copies(other));
        const reused = copies(inputs);
        const first = await outcome(operation, reused);
        reused[i]?.set(changed);
        same(await outcome(operation, reused), wanted, `${name} with input ${i} changed in its array`);
        reused[i]?.set(input);
        same(await outcome(operation, reused), first, `${name} with input ${i} changed back`);
      }
    }
  },

  "memory: inputs may be overwritten as soon as a call has returned": async (suite) => {
    for (const operation of await operations(suite)) {
      const { name, inputs } = operation;
      const wanted = await comparable(operation, inputs, await operation.call(copies(inputs)));
      const given = copies(inputs);
      const answer = operation.call(given);
      for (const input of given) input.fill(0x5a);
      const error = await errorOf(async () => {
        same(await comparable(operation, inputs, await answer), wanted, `${name}, its inputs overwritten,`);
      });
      if (error !== undefined && !isCryptoError(error)) throw error;
      is(error === undefined ? "answered" : "refused", "answered", `${name} whose inputs are overwritten`);
    }
  },

  "memory: lists of requests may be changed as soon as a call has returned": async (suite) => {
    const { hash, kdf, hpke, signature } = suite;
    const data = [1, 2, 3].map((byte) => Uint8Array.of(byte));
    const [key, pair] = [await signature.generateKeyPair(), await hpke.generateKeyPair()];
    const value = await signature.sign(key.privateKey, Uint8Array.of(1));
    const request = { publicKey: pair.publicKey, info: data[0]!, aad: data[1]!, plaintext: data[2]! };
    const verify = { publicKey: key.publicKey, message: data[0]!, signature: value };
    const calls: Readonly<
      Record<string, readonly [unknown[], (list: never) => Awaitable<unknown[]> | undefined]>
    > = {
      hashAll: [data, (list) => hash.hashAll?.(list)],
      expandAll: [
        data.map((info) => ({ info, length: 8 })),
        (list) => kdf.expandAll?.(new Uint8Array(suite.suite.hash.Nh), list),
      ],
      sealAll: [[request, request, request], (list) => hpke.sealAll?.(list)],
      verifyAll: [[verify, verify, verify], (list) => signature.verifyAll?.(list)],
    };
    for (const [name, [list, call]] of Object.entries(calls)) {
      const given = [...list];
      const answer = call(given as never);
      given.length = 0;
      if (isPromise(answer)) is((await answer)?.length, list.length, `the number of answers of ${name}`);
    }
  },
};
