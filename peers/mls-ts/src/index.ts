// RFC 9420 over mls-ts, which is OpenMLS in WebAssembly: one client in at most one group, in bytes only; for tests.
import { type AddResult, type Group, MlsClient } from "mls-ts";

/** To be awaited once before all else in a browser; in Node it does nothing. */
export { init } from "mls-ts";

/** The cipher suite of mls-ts, its only one: X25519, ChaCha20-Poly1305, SHA-256, Ed25519. */
export const SUITE = 3;

/**
 * What mls-ts 0.1.0 can't do. OpenMLS can do most of it; mls-ts has no function for it, or sets OpenMLS's default.
 * tests/interop shows that each is so.
 */
export const cannot = {
  "commit anything but one Add": "`add` is its only commit; it includes all proposals that wait",
  "propose anything but that Add": "there is no function for it",
  "renew its keys": "there is no function for an Update, and its commits have a path only if they need one",
  "join by an external commit": "there is no function for it",
  "make a GroupInfo": "there is no function for it",
  "lose a race": "`add` merges its commit at once",
  "take handshakes as PublicMessages": "OpenMLS's default takes only PrivateMessages from members",
  "put the tree in a Welcome": "OpenMLS's default leaves it out",
  "read messages of past epochs": "OpenMLS's default keeps none",
  "send authenticated data": "there is no argument for it",
  "use pre-shared keys": "there is no way to give it one",
  "take part in a ReInit": "OpenMLS goes on in the group that a ReInit ended, against §11.2",
  "show its epoch or members": "there is no function for it: agreement shows in exported secrets and trees",
} as const;

/** One client of mls-ts with a basic credential, in at most one group. What mls-ts throws passes through unchanged. */
export class MlsTsClient {
  readonly name: string;
  readonly #client: MlsClient;
  #joined: Group | undefined;

  constructor(name: string) {
    this.name = name;
    this.#client = new MlsClient(name);
  }

  /** A fresh key package, raw. */
  keyPackage(): Uint8Array {
    return this.#client.keyPackage();
  }

  createGroup(groupId: string): void {
    this.#joined = this.#client.createGroup(groupId);
  }

  /**
   * @param welcome an MLSMessage
   * @param ratchetTree an encoded `ratchet_tree` (§12.4.3.3)
   */
  join(welcome: Uint8Array, ratchetTree: Uint8Array): void {
    this.#joined = this.#client.joinGroup(welcome, ratchetTree);
  }

  /**
   * Proposes an Add, commits it with all proposals that were received, and merges the commit.
   * @param keyPackage raw
   * @returns MLSMessages, and an encoded `ratchet_tree`
   */
  add(keyPackage: Uint8Array): AddResult {
    return this.#group.add(keyPackage);
  }

  encrypt(data: Uint8Array): Uint8Array {
    return this.#group.send(data);
  }

  /** @returns what was encrypted; nothing of a proposal, which is kept, and of a commit, which is merged */
  receive(message: Uint8Array): Uint8Array {
    return this.#group.receive(message);
  }

  exportSecret(label: string, context: Uint8Array, length: number): Uint8Array {
    return this.#group.exportKey(label, context, length);
  }

  /** The encoded `ratchet_tree` of the current epoch (§12.4.3.3). */
  ratchetTree(): Uint8Array {
    return this.#group.exportRatchetTree();
  }

  get #group(): Group {
    if (this.#joined === undefined) throw new Error(`${this.name} is in no group`);
    return this.#joined;
  }
}
