// What can be measured in a page: our providers, OpenMLS, and providers of the visitor's own.
import type { CryptoProvider } from "@copse/core";
import type { ProviderCandidate } from "@copse/provider-select";
import { copse } from "../../../src/copse.js";
import type { Implementation } from "../../../src/implementation.js";
import { mlsTs } from "../../../src/mls-ts.js";
import { OPENMLS } from "../../../src/references.js";
import { OURS, type OurName, type OwnModules } from "../messages.js";
import { LOADERS, loadOwn } from "./loaders.js";

const loaded = new Map<OurName, Promise<CryptoProvider>>();

function load(name: OurName): Promise<CryptoProvider> {
  const known = loaded.get(name) ?? LOADERS[name]();
  loaded.set(name, known);
  return known;
}

/** All of them, by their names. */
export function implementations(modules: OwnModules): ReadonlyMap<string, Implementation> {
  return new Map<string, Implementation>([
    ...OURS.map((name) => [name, copse(name, () => load(name))] as const),
    [OPENMLS, mlsTs],
    ...Object.entries(modules).map(([name, own]) => [name, copse(name, () => loadOwn(own))] as const),
  ]);
}

/** What `selectProvider` chooses from. */
export const candidates = (modules: OwnModules): readonly ProviderCandidate[] => [
  ...OURS.map((name) => ({ name, load: () => load(name), native: name === "webcrypto" })),
  ...Object.entries(modules).map(([name, own]) => ({ name, load: () => loadOwn(own) })),
];
