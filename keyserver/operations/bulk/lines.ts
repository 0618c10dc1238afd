/** A line of a text, without its end, numbered from 1. */
export interface Line {
  readonly number: number;
  /** Undefined for a line that is longer than the limit. */
  readonly bytes: Buffer | undefined;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** The lines of a stream, of which no more than one and a chunk are in memory. */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line> {
  let number = 1;
  let pending: Uint8Array[] = [];
  let length = 0;
  const take = (end: Uint8Array): Line => {
    const isLong = length + end.length > maxBytes;
    const line = { number, bytes: isLong ? undefined : withoutReturn([...pending, end]) };
    number += 1;
    pending = [];
    length = 0;
    return line;
  };
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      yield take(chunk.subarray(from, at));
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    length += rest.length;
    if (length <= maxBytes) pending.push(rest);
    else pending = [];
  }
  if (length > 0) yield take(new Uint8Array());
}

function withoutReturn(pieces: readonly Uint8Array[]): Buffer {
  const line = Buffer.concat(pieces);
  return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
}
