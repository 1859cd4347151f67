// RFC 9420 §8, §9.2: a saved state in parts, each of which is written by itself when it changes.
import { type Codec, decode, encode, struct, type TypeOf } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import type { Awaitable, CipherSuiteProvider } from "../../provider/index.js";
import type { SecretPiece, SecretTree } from "../../schedule/index.js";
import type { GroupConfig } from "../config.js";
import type { GroupState } from "../state.js";
import { checkHead, loading } from "./record.js";
import { SavedCandidate, saveCandidate } from "./saved-candidate.js";
import { SavedLedger, savedLedgers } from "./saved-epoch.js";
import {
  FORMAT,
  headOf,
  type LoadedState,
  loadSaved,
  pastOf,
  SavedHead,
  type SavedHeldKeys,
  SavedKeys,
  SavedPast,
  SavedProposal,
  SavedState,
  savedPast,
  savedProposal,
  savedState,
} from "./saved-group.js";
import { loadTree, withSavedChanges } from "./saved-tree.js";
import { inTurn, type Saver } from "./stored-key.js";

/** The ratchet tree, and what was changed in it since, in the order of the numbers. */
export const TREE = "tree";
export const TREE_CHANGES = "changes";
const STATE = "state";
const PAST = "past";
const PROPOSAL = "proposal";
const CANDIDATE = "candidate";
const LEDGER = "ledger";
const REWIND = "rewind";
const RETIRED = "retired";
const SECRETS = "secrets";

const StatePart = struct({ ...SavedHead.fields, ...SavedState.fields });

/** A part of a state, but for its ratchet tree and its secret trees. */
export interface Part {
  readonly name: string;
  /** What it is made of: as long as these are the same, its bytes are. `undefined` for what changes in place. */
  readonly of: readonly unknown[] | undefined;
  readonly encode: (save: Saver) => Awaitable<Uint8Array>;
}

/** A secret tree of a state. Its pieces are parts, whose names begin with this one. */
export interface SecretPart {
  readonly prefix: string;
  readonly secretTree: SecretTree;
}

/** @param number of an epoch, or of one of several */
export const nameOf = (kind: string, number: number | bigint): string => `${kind}/${number.toString(16)}`;

const IN_SECRETS = `${SECRETS}/`;

/** Where the beginning of a part's name ends, which is its kind, and the epoch of a secret tree's piece; -1 if nothing follows. */
const endOfStart = (name: string): number =>
  name.indexOf("/", name.startsWith(IN_SECRETS) ? IN_SECRETS.length : 0);

/** The beginning of the name of a secret tree's piece; `undefined` for another part. */
export const secretPrefix = (name: string): string | undefined =>
  name.startsWith(IN_SECRETS) ? name.slice(0, endOfStart(name) + 1) : undefined;

/** All parts but the trees. */
export function partsOf(provider: CipherSuiteProvider, state: GroupState, keys: SavedHeldKeys): Part[] {
  const { status, current, past, reinit, resumes, joinedBy, proposals, candidates, kept } = state;
  const { retired } = keys;
  const main: Part = {
    name: STATE,
    of: [status, current, reinit, resumes, joinedBy],
    encode: async (save) =>
      encode(StatePart, { ...headOf(provider), ...(await savedState(save, state, keys)) }),
  };
  return [
    main,
    ...pastOf(state).map(
      ([past, next]): Part => ({
        name: nameOf(PAST, past.epoch),
        of: [past, next],
        encode: () => encode(SavedPast, savedPast(past, next)),
      }),
    ),
    ...proposals.map(
      (one, i): Part => ({
        name: nameOf(PROPOSAL, i),
        of: [one],
        encode: async (save) => encode(SavedProposal, await savedProposal(save, one)),
      }),
    ),
    ...candidates.map(
      (one, i): Part => ({
        name: nameOf(CANDIDATE, i),
        of: [one, current.tree],
        encode: async (save) => encode(SavedCandidate, await saveCandidate(save, current, one)),
      }),
    ),
    ...Array.from(
      current.ledgers.keys(),
      (_, i): Part => ({
        name: nameOf(LEDGER, i),
        of: undefined,
        encode: (save) => encode(SavedLedger, savedLedgers(save, current)[i] as TypeOf<typeof SavedLedger>),
      }),
    ),
    ...(kept === undefined
      ? []
      : [
          {
            name: REWIND,
            // Its trees are changes to the current one, and secret trees of past epochs aren't in it.
            of: [kept, current, past, candidates],
            encode: (save: Saver) => kept.by.save(save, state),
          },
        ]),
    ...(retired.length === 0
      ? []
      : [
          {
            name: RETIRED,
            of: [...retired],
            encode: async (save: Saver) => encode(SavedKeys, await inTurn(retired, (key) => save.key(key))),
          },
        ]),
  ];
}

/** The secret trees of a state: none if this client was removed. */
export function secretPartsOf({ status, current, past }: GroupState): SecretPart[] {
  const part = (epoch: bigint, secretTree: SecretTree) => ({
    prefix: `${nameOf(SECRETS, epoch)}/`,
    secretTree,
  });
  if (status === "removed") return [];
  return [
    part(current.groupContext.epoch, current.secretTree),
    ...past.map(({ epoch, secretTree }) => part(epoch, secretTree)),
  ];
}

/**
 * The state of all parts.
 * @param values the parts by their names. They may be overwritten afterwards
 * @throws MlsError `state` for another format or suite, and for parts that are damaged, missing or none of a state;
 *   `try-again` if the provider can't find the keys now
 */
export function loadParts(
  config: GroupConfig,
  values: ReadonlyMap<string, Uint8Array>,
): Promise<LoadedState> {
  return loading("saved state", async () => {
    const found = new FoundParts(values);
    const read = <T>(codec: Codec<T>, bytes: Uint8Array) =>
      decode(codec, bytes, config.registry.proposalTypes);
    const all = <T>(kind: string, codec: Codec<T>) =>
      found.numbered(kind).map(({ bytes }) => read(codec, bytes));
    const main = found.one(STATE);
    checkHead(config.provider, FORMAT, main);
    const state = read(StatePart, main);
    // The secrets of an epoch have its number in their names, as it has.
    const past = found.numbered(PAST).map(({ name, bytes }) => ({
      secretTree: found.take(`${SECRETS}/${name}`),
      ...read(SavedPast, bytes),
    }));
    const saved = {
      secretTree: found.take(nameOf(SECRETS, state.groupContext.epoch)),
      ledgers: all(LEDGER, SavedLedger),
      // The latest first.
      past: past.reverse(),
      proposals: all(PROPOSAL, SavedProposal),
      candidates: all(CANDIDATE, SavedCandidate),
      kept: found.take(REWIND)[0]?.bytes,
      retired: found.take(RETIRED).flatMap(({ bytes }) => read(SavedKeys, bytes)),
      ...state,
    };
    const changes = found.numbered(TREE_CHANGES).map(({ bytes }) => bytes);
    const tree = withSavedChanges(loadTree(found.one(TREE)), changes);
    found.end();
    return loadSaved(config, saved, tree, true);
  });
}

/** Parts that wait to be read. */
class FoundParts {
  /** By the beginnings of their names. */
  readonly #left = new Map<string, SecretPiece[]>();

  constructor(values: ReadonlyMap<string, Uint8Array>) {
    for (const [whole, bytes] of values) {
      const end = endOfStart(whole);
      const start = end < 0 ? whole : whole.slice(0, end);
      const part = { name: end < 0 ? "" : whole.slice(end + 1), bytes };
      const others = this.#left.get(start);
      if (others === undefined) this.#left.set(start, [part]);
      else others.push(part);
    }
  }

  /** All that begin with this name, by what follows. */
  take(start: string): SecretPiece[] {
    const parts = this.#left.get(start) ?? [];
    this.#left.delete(start);
    return parts;
  }

  one(name: string): Uint8Array {
    const [part, ...others] = this.take(name);
    if (part === undefined || part.name !== "" || others.length > 0)
      throw new MlsError("state", `invalid saved state: expected one part ${name}`);
    return part.bytes;
  }

  /** In the order of their numbers, which are their names. */
  numbered(kind: string): SecretPiece[] {
    const numberOf = ({ name }: SecretPiece) => Number.parseInt(name, 16);
    return this.take(kind).sort((a, b) => numberOf(a) - numberOf(b));
  }

  end(): void {
    for (const name of this.#left.keys())
      throw new MlsError("state", `invalid saved state: unknown part ${name}`);
  }
}
