// What a client of NATS sends, taken apart: some of its messages are sent twice, others after those that follow.
import type { Frames } from "./pipe.js";
import type { Weather } from "./weather.js";

const LINE_END = "\r\n";
/** A message longer than this isn't one. */
const MOST = 64 * 1024 * 1024;

/** A piece of the protocol: a line, with the payload that it announces. */
interface Piece {
  readonly bytes: Buffer;
  /** The subject of a message that may come twice and late; of others, `undefined`. */
  readonly subject: string | undefined;
}

/** Requests to JetStream itself stay as they are: who asks twice for the next messages gets twice as many. */
const isOwn = (subject: string | undefined) => subject !== undefined && !subject.startsWith("$JS");

function nextPiece(bytes: Buffer): Piece | undefined {
  const end = bytes.indexOf(LINE_END);
  if (end < 0) return undefined;
  const [verb, subject, ...rest] = bytes.toString("latin1", 0, end).split(/[ \t]+/) as [string, ...string[]];
  const isMessage = /^H?PUB$/i.test(verb);
  const size = isMessage ? Number(rest.at(-1)) + LINE_END.length : 0;
  if (!(size <= MOST)) throw new Error(`expected a message of NATS, got ${verb}`);
  const length = end + LINE_END.length + size;
  if (bytes.length < length) return undefined;
  return { bytes: bytes.subarray(0, length), subject: isMessage && isOwn(subject) ? subject : undefined };
}

/** The frames of one connection. */
export function natsFrames(weather: Weather): Frames {
  let rest: Buffer = Buffer.alloc(0);
  return function* (bytes, later) {
    rest = Buffer.concat([rest, bytes]);
    for (let piece = nextPiece(rest); piece !== undefined; piece = nextPiece(rest)) {
      rest = rest.subarray(piece.bytes.length);
      const late = piece.subject === undefined ? 0 : weather.delay();
      if (late > 0) later(Buffer.from(piece.bytes), late);
      else yield piece.bytes;
      if (piece.subject !== undefined && weather.strikes("duplicated")) yield piece.bytes;
    }
  };
}
