// RFC 9420 §5.1.2: points of public EdDSA keys, decoded once, with tables for those used often.
//
// A tenth of the time of an EdDSA verification goes into the point's square root, and most of the rest into
// doublings. A table of the key's multiples avoids these: a verification then takes a third to a fifth of the time,
// and making the table takes as long as three. All of this data is public.
import { mapKey } from "@copse/core/provider";

/** What this needs of a point of noble's. */
interface Point {
  precompute(windowSize: number, isLazy?: boolean): unknown;
}

/** A decoded public key. */
interface CachedPoint<P> {
  readonly point: P;
  uses: number;
}

/** Points that are kept: a few hundred bytes each. */
const MAX_POINTS = 1024;
/** Tables that are kept, each of the order of 0.1 MB. */
const MAX_TABLES = 16;
/** A table is made for a key's fourth use. */
const USES_BEFORE_TABLE = 3;
/** Bits of the scalar for each addition. Five are hardly faster and take twice the memory. */
const TABLE_WINDOW = 4;
/** noble's value for: no table. */
const NO_TABLE = 1;

export interface PointCache<P> {
  /** The key's point. @throws what `decode` throws */
  peek(bytes: Uint8Array): P;
  /** The key's point, to be multiplied now. @throws what `decode` throws */
  use(bytes: Uint8Array): P;
}

/**
 * Points by their encodings. The least recently used make room for new ones.
 * Nothing is kept if `decode` throws, as it does for an invalid public key.
 */
export function pointCache<P extends Point>(decode: (bytes: Uint8Array) => P): PointCache<P> {
  const points = new Map<string, CachedPoint<P>>();
  const tables = new Set<CachedPoint<P>>();

  function find(bytes: Uint8Array): CachedPoint<P> {
    const id = mapKey(bytes);
    let entry = points.get(id);
    if (entry !== undefined) {
      points.delete(id);
    } else {
      entry = { point: decode(bytes), uses: 0 };
      if (points.size >= MAX_POINTS) {
        const [idleId, idle] = points.entries().next().value as [string, CachedPoint<P>];
        points.delete(idleId);
        tables.delete(idle);
      }
    }
    // The map is in the order of the last use, as is the set.
    points.set(id, entry);
    return entry;
  }

  return {
    peek: (bytes) => find(bytes).point,
    use(bytes) {
      const entry = find(bytes);
      entry.uses++;
      if (entry.uses <= USES_BEFORE_TABLE) return entry.point;
      if (!tables.delete(entry)) {
        if (tables.size >= MAX_TABLES) {
          const idle = tables.values().next().value as CachedPoint<P>;
          tables.delete(idle);
          idle.point.precompute(NO_TABLE);
          idle.uses = 0;
        }
        entry.point.precompute(TABLE_WINDOW);
      }
      tables.add(entry);
      return entry.point;
    },
  };
}
