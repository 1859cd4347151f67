// Every value that an application gets: none is `any`, and all bytes are of a kind that the platform's functions take.
import type * as core from "@copse/core";
import type { Client, Group, StagedCommit } from "@copse/core";
import type { PublicGroup } from "@copse/core/public-group";
import type * as extensions from "@copse/extensions";

/** What the declarations of each compiler call the bytes that `fetch` takes. */
type Taken = ReturnType<Uint8ArrayConstructor["of"]>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** What an application makes itself, codecs, and what is looked at below. */
type Known =
  | Client
  | Group
  | StagedCommit
  | PublicGroup
  | core.CryptoProvider
  | core.Signer
  | core.Policy
  | { read(reader: never): unknown; write(writer: never, value: never): void };

/** An extension of the protocol is given back to the core, and nothing else looks like one. */
type IsExtension<T> = [T] extends [core.MlsExtension]
  ? [core.MlsExtension] extends [T]
    ? true
    : false
  : false;

/** The places, below this one, of values that shouldn't be there. */
type Wrong<T, Place extends string> =
  IsAny<T> extends true
    ? `${Place} is any`
    : T extends (...args: never[]) => infer R
      ? WrongValue<Awaited<R>, `${Place}()`>
      : WrongValue<T, Place>;

type WrongValue<T, Place extends string> =
  IsAny<T> extends true
    ? `${Place} is any`
    : IsExtension<T> extends true
      ? never
      : T extends Known | Taken
        ? never
        : T extends Uint8Array
          ? `${Place} is bytes that threads may share`
          : T extends readonly (infer E)[]
            ? WrongValue<E, `${Place}[]`>
            : T extends object
              ? Parts<T, Place>
              : never;

type Parts<T, Place extends string> = {
  [K in keyof T & string]: Wrong<T[K], `${Place}.${K}`>;
}[keyof T & string];

type Found =
  | Parts<Client, "client">
  | Parts<Group, "group">
  | Parts<StagedCommit, "staged">
  | Parts<PublicGroup, "follower">
  | Parts<core.MlsError, "error">
  | Parts<core.CredentialClaim, "claim">
  | Parts<core.Succession, "succession">
  | Parts<core.GroupSnapshot, "snapshot">
  | Parts<core.WaitingProposal, "waiting">
  | Parts<typeof core, "core">
  | Parts<typeof extensions, "extensions">;

// The error that names the places: `"none"` isn't one of them.
export const nothing: [Found] extends [never] ? "none" : Exclude<Found, never> = "none";

// And this is how a place looks: the search does go everywhere.
// biome-ignore lint/suspicious/noExplicitAny: it is what must be found
export const example: Wrong<{ a(): Promise<readonly { readonly b: any }[]> }, "example"> =
  "example.a()[].b is any";
