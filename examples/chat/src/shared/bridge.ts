// Between the page and its worker: calls one way, answers and views the other.
import type { Actions, Problem, View } from "./view.js";

/** What both ends of a worker have. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

interface Call {
  readonly call: number;
  readonly name: keyof Actions;
  readonly given: readonly unknown[];
}

type Told =
  | { readonly answers: number; readonly value: unknown }
  | { readonly answers: number; readonly problem: Problem }
  | { readonly view: View };

/** What a call of {@link Actions} rejects with on the page. */
export class Failure extends Error {
  override name = "Failure";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.what} ${problem.advice}`);
    this.problem = problem;
  }
}

/** The page's end. @param show is given each view that comes */
export function connect(port: Port, show: (view: View) => void): Actions {
  let calls = 0;
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Failure) => void }>();
  port.onmessage = ({ data }: MessageEvent<Told>) => {
    if ("view" in data) return show(data.view);
    const call = waiting.get(data.answers);
    waiting.delete(data.answers);
    if ("problem" in data) call?.reject(new Failure(data.problem));
    else call?.resolve(data.value as never);
  };
  const ask = (name: keyof Actions, given: readonly unknown[]) =>
    new Promise<never>((resolve, reject) => {
      const call = ++calls;
      waiting.set(call, { resolve, reject });
      port.postMessage({ call, name, given } satisfies Call);
    });
  const get =
    (_: object, name: keyof Actions) =>
    (...given: readonly unknown[]) =>
      ask(name, given);
  return new Proxy({} as Actions, { get: get as never });
}

/** The worker's end. @param explain turns what a call throws into words. @returns what shows a view on the page */
export function serve(
  port: Port,
  actions: Actions,
  explain: (error: unknown) => Problem,
): (view: View) => void {
  const tell = (told: Told) => port.postMessage(told);
  port.onmessage = async ({ data: { call, name, given } }: MessageEvent<Call>) => {
    try {
      const act = actions[name] as (...given: readonly unknown[]) => Promise<unknown>;
      tell({ answers: call, value: await act.apply(actions, [...given]) });
    } catch (error) {
      tell({ answers: call, problem: explain(error) });
    }
  };
  return (view) => tell({ view });
}
