// Who plays whom: servers in the roles of a script's actors.
import type { Chance } from "./random.js";
import type { Player } from "./stage.js";

/**
 * Assignments of players to actors: all, or so many of chance if there are more than the limit.
 * Each of the players has the suite.
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
