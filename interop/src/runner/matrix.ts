// Assigns servers to the roles (actors) of a script.
import type { Chance } from "./random.js";
import type { Player } from "./stage.js";

/**
 * Assignments of servers to actors: all of them, or a random choice if there are more than the limit.
 * All given servers have the suite.
 */
export function casts(
  actors: readonly string[],
  players: readonly Player[],
  limit: number,
  chance: Chance,
): ReadonlyMap<string, Player>[] {
  const total = players.length ** actors.length;
  const cast = (choose: (actor: number) => Player) =>
    new Map(actors.map((actor, i): [string, Player] => [actor, choose(i)]));
  if (total <= limit) {
    return Array.from({ length: total }, (_, number) =>
      cast((actor) => players[Math.floor(number / players.length ** actor) % players.length] as Player),
    );
  }
  return Array.from({ length: limit }, () => cast(() => chance.pick(players)));
}
