// Several do something side by side, but one at a time.

/** Something that is done in turns: it asks for each, and gets the turn's number when it is its own. */
export type InTurns = (nextTurn: () => Promise<number>) => Promise<void>;

/**
 * Lets all of them do what they do, each until it asks for its next turn or is done; then the next one may.
 * @param number of the turn that begins: the same for all of them
 */
export async function takeTurns(parts: readonly InTurns[], number: () => number): Promise<void> {
  let players = parts.map((part) => new Player(part));
  while (players.length > 0) {
    const turn = number();
    for (const player of players) await player.play(turn);
    players = players.filter(({ done }) => !done);
  }
}

class Player {
  done = false;
  private readonly part: InTurns;
  private begun = false;
  private go: (turn: number) => void = () => {};
  private stop: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  constructor(part: InTurns) {
    this.part = part;
  }

  /** Until it asks for its next turn; the first is asked for once it has begun. */
  async play(turn: number): Promise<void> {
    if (!this.begun) {
      this.begun = true;
      await this.until(() => this.begin());
    }
    if (!this.done) await this.until(() => this.go(turn));
  }

  private until(start: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stop = { resolve, reject };
      start();
    });
  }

  private begin(): void {
    const nextTurn = () =>
      new Promise<number>((resolve) => {
        this.go = resolve;
        this.stop?.resolve();
      });
    this.part(nextTurn).then(
      () => {
        this.done = true;
        this.stop?.resolve();
      },
      (error) => this.stop?.reject(error),
    );
  }
}
