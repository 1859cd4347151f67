// The other implementations of MLS that Copse is measured beside, by the names that they have in tables and files.

/** ts-mls: JavaScript. */
export const REFERENCE = "ts-mls";
/** mls-ts: OpenMLS in WebAssembly. It has one suite. */
export const OPENMLS = "mls-ts";
export const SUITE_OF_OPENMLS = 3;
/** davey: OpenMLS as native code, in Discord's clients. It has one suite. */
export const DAVEY = "davey";
export const SUITE_OF_DAVE = 2;

/** How a provider is called in a comparison with davey, in which all do what Discord's clients do. */
export const asDavey = (provider: string): string => `${provider} as ${DAVEY}`;

const PEERS: readonly string[] = [REFERENCE, OPENMLS, DAVEY];
export const isPeer = (provider: string): boolean => PEERS.includes(provider);
