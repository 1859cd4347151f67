// RFC 9420 §13.5, GREASE: reserved values that nobody supports. Sending them shows whether others ignore unknown values.
import type { Extension, MlsExtension, RandomSource } from "@copse/core/extension";

/** The values that §13.5 reserves in each registry: 0x0A0A, 0x1A1A, up to 0xEAEA. */
export const GREASE_VALUES: readonly number[] = /* @__PURE__ */ Array.from(
  { length: 15 },
  (_, i) => i * 0x1010 + 0x0a0a,
);

/** At least one and at most `most` of these values, chosen at random, each once. */
export function pick(random: RandomSource, values: readonly number[], most: number): number[] {
  const bytes = random(most + 1);
  const count = 1 + ((bytes[0] as number) % most);
  const picked = new Set<number>();
  for (let i = 1; i <= count; i++) picked.add(values[(bytes[i] as number) % values.length] as number);
  return [...picked];
}

/** An extension of a reserved type, with 0 to 15 random bytes. */
function greaseExtension(random: RandomSource): Extension {
  const [extensionType] = pick(random, GREASE_VALUES, 1);
  return {
    extensionType: extensionType as number,
    extensionData: random((random(1)[0] as number) % 16),
  };
}

/**
 * GREASE (§13.5): puts random reserved values into the capabilities and the extensions of own leaf nodes, and an
 * extension of a reserved type into own key packages and GroupInfos. Clients without this extension ignore these
 * values, as they ignore all unknown ones.
 * @example
 * ```ts
 * const client = await Client.create({
 *   crypto: nodeProvider(),
 *   suite: 1,
 *   credential: "alice",
 *   authentication,
 *   extensions: [grease()],
 * });
 * ```
 */
export function grease(): MlsExtension {
  return {
    name: "GREASE",
    greaseCapabilities: (random) => ({
      cipherSuites: pick(random, GREASE_VALUES, 2),
      extensions: pick(random, GREASE_VALUES, 2),
      proposals: pick(random, GREASE_VALUES, 2),
      credentials: pick(random, GREASE_VALUES, 2),
    }),
    leafNodeExtensions: (random) => [greaseExtension(random)],
    keyPackageExtensions: (random) => [greaseExtension(random)],
    groupInfoExtensions: (random) => [greaseExtension(random)],
  };
}
