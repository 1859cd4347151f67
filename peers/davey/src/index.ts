// RFC 9420 as Discord's DAVE uses it, over davey, which is OpenMLS in native code; and over discord.js. For tests.
import { createRequire } from "node:module";

export { DaveyClient } from "./davey.js";
export { DiscordClient } from "./discord.js";
export type { VoiceClient } from "./voice-client.js";

/** The cipher suite of DAVE's version 1: P-256, AES-128-GCM, SHA-256, ECDSA. */
export const SUITE = 2;

/** What davey 0.1.12 can't do: DAVE has no use for it. The tests of tests/interop show what others do is followed. */
export const cannot = {
  "send or read messages": "there is no function for application data; media frames take its place",
  "export secrets": "there is no function for it: media frames are encrypted with keys from its exporter",
  "make proposals": "there is no function for it: only the gateway proposes",
  "commit what it chooses": "it commits what was proposed, each time that something is",
  "renew its keys": "there is no function for it, and its commits have a path only if they need one",
  "join by an external commit": "there is no function for it",
  "make a GroupInfo": "there is no function for it",
  "send or take PrivateMessages": "DAVE's handshakes are PublicMessages",
  "name a proposal to commit": "a revoked proposal is left out by its reference; there is no other choice",
} as const;

/**
 * Why davey can't be played with on this platform; `undefined` where it can.
 * @throws Error if davey has a binary for this platform, and it doesn't load
 */
export async function whyMissing(): Promise<string | undefined> {
  try {
    await import("@snazzah/davey");
    return undefined;
  } catch (error) {
    const { optionalDependencies } = createRequire(import.meta.url)("@snazzah/davey/package.json") as {
      optionalDependencies: Record<string, string>;
    };
    const here = `${process.platform}-${process.arch}`;
    if (Object.keys(optionalDependencies).some((name) => name.startsWith(`@snazzah/davey-${here}`)))
      throw error;
    return `davey has no binary for ${here}`;
  }
}
