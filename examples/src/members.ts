// The members of the session: their names, providers and clients, and the directory of their signature keys.
import {
  type AuthenticationService,
  Client,
  type CryptoProvider,
  equalBytes,
  type Group,
  isBasicCredential,
} from "@copse/core";

export interface Person {
  readonly name: string;
  readonly provider: string;
  readonly client: Client;
}

/** Somebody who is in the group. */
export interface Participant extends Person {
  readonly group: Group;
}

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];

/** So many names. */
export const namesFor = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => NAMES[i] ?? `member ${i + 1}`);

/** One client for each name; the providers are assigned in turn. */
export async function makePeople(
  suite: number,
  count: number,
  providers: readonly CryptoProvider[],
): Promise<Person[]> {
  const directory = new Directory();
  const people: Person[] = [];
  for (const [i, name] of namesFor(count).entries()) {
    const crypto = providers[i % providers.length] as CryptoProvider;
    const client = await Client.create({ crypto, suite, credential: name, authentication: directory });
    directory.register(name, client.signatureKey);
    people.push({ name, provider: crypto.name, client });
  }
  return people;
}

/** The authentication service of this example: it knows which signature key each name registered with it. */
class Directory implements AuthenticationService {
  private readonly keys = new Map<string, Uint8Array>();

  register(name: string, signatureKey: Uint8Array): void {
    this.keys.set(name, signatureKey);
  }

  validate({ credential, signatureKey }: Parameters<AuthenticationService["validate"]>[0]): boolean {
    if (!isBasicCredential(credential)) return false;
    const known = this.keys.get(new TextDecoder().decode(credential.identity));
    return known !== undefined && equalBytes(known, signatureKey);
  }
}
