// What this platform can do, found by trying.
import type { Fact, Platform } from "../messages.js";

export async function look(): Promise<Platform> {
  return { facts: await facts(), warnings: warnings() };
}

/** What makes figures worse here, or missing. */
function warnings(): string[] {
  const list: string[] = [];
  if (!globalThis.isSecureContext) {
    list.push(
      "This page isn't a secure context (https, or localhost), so there is no WebCrypto: the webcrypto provider is missing.",
    );
  }
  if (!globalThis.crossOriginIsolated) {
    const step = `${Math.round(clockStep() * 1000)} µs`;
    list.push(
      `This page isn't cross-origin isolated (its server sends no COOP and COEP headers), so the clock makes steps of ${step}: times below ten such steps are rough.`,
    );
  }
  return list;
}

type Usages = readonly ("deriveBits" | "sign" | "verify" | "encrypt" | "decrypt")[];

/** Algorithms of WebCrypto that make a difference to the suites, by a key that is generated. */
const ALGORITHMS: readonly (readonly [string, { name: string } & Record<string, unknown>, Usages])[] = [
  ["X25519", { name: "X25519" }, ["deriveBits"]],
  ["Ed25519", { name: "Ed25519" }, ["sign", "verify"]],
  ["ECDH P-256", { name: "ECDH", namedCurve: "P-256" }, ["deriveBits"]],
  ["ECDH P-521", { name: "ECDH", namedCurve: "P-521" }, ["deriveBits"]],
  ["AES-128-GCM", { name: "AES-GCM", length: 128 }, ["encrypt", "decrypt"]],
  ["ChaCha20-Poly1305", { name: "ChaCha20-Poly1305" }, ["encrypt", "decrypt"]],
];

async function facts(): Promise<Fact[]> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  const list: Fact[] = [
    yes("Secure context", globalThis.isSecureContext),
    yes("WebCrypto", subtle !== undefined),
  ];
  for (const [name, algorithm, usages] of ALGORITHMS) {
    const works = await subtle?.generateKey(algorithm as unknown as EcKeyGenParams, false, [...usages]).then(
      () => true,
      () => false,
    );
    list.push(yes(`WebCrypto: ${name}`, works === true));
  }
  const { hardwareConcurrency, deviceMemory } = navigator as Navigator & { readonly deviceMemory?: number };
  return [
    ...list,
    yes("WebAssembly", typeof WebAssembly === "object"),
    yes(
      "Shared memory between threads",
      typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated,
    ),
    { name: "Processors", value: String(hardwareConcurrency) },
    ...(deviceMemory === undefined ? [] : [{ name: "Memory, at least", value: `${deviceMemory} GiB` }]),
    { name: "Steps of the clock", value: `${Math.round(clockStep() * 1000)} µs` },
  ];
}

const yes = (name: string, here: boolean): Fact => ({ name, value: here ? "yes" : "no" });

/** The smallest step that the clock makes, in milliseconds: browsers round it. */
function clockStep(): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    smallest = Math.min(smallest, now - start);
  }
  return smallest;
}
