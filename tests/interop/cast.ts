// RFC 9420 §5.1: the clients of the tests with ts-mls: clients of ts-mls, and of Copse with each provider.
import type { CryptoProvider } from "@copse/core/provider";
import type { Suite } from "@copse/peer-ts-mls";
import { providers } from "@copse/test-support/providers";
import { CopsePeer, type Kind, type Peer, type PeerOptions, TsMlsPeer } from "./peers.js";

export const SUITES: readonly Suite[] = [1, 2, 3];

/** Makes the clients of a test, each with a name of its own. */
export class Cast {
  private made = 0;
  constructor(
    private readonly crypto: readonly CryptoProvider[],
    private readonly options: Omit<PeerOptions, "name">,
    private readonly theirs = options.handshake,
  ) {}

  async copse(options: Partial<PeerOptions> = {}): Promise<CopsePeer> {
    const crypto = this.crypto[this.made % this.crypto.length] as CryptoProvider;
    return CopsePeer.create(crypto, this.named("copse", options));
  }

  async tsMls(options: Partial<PeerOptions> = {}): Promise<TsMlsPeer> {
    return TsMlsPeer.create(this.named("ts-mls", { handshake: this.theirs, ...options }));
  }

  one(kind: Kind, options: Partial<PeerOptions> = {}): Promise<Peer> {
    return kind === "copse" ? this.copse(options) : this.tsMls(options);
  }

  private named(kind: Kind, options: Partial<PeerOptions>): PeerOptions {
    return { ...this.options, ...options, name: `${kind} ${this.made++}` };
  }
}

const all = await providers();
/** Our providers that serve a suite. */
export const serving = (suite: Suite) => all.filter(({ suites }) => suites.some(({ id }) => id === suite));
