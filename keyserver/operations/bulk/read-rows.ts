import { csvRows } from './csv-rows.ts';
import { readLines } from './lines.ts';
import { jsonRows, type RawRow, type RowFault } from './raw-rows.ts';
import { maxSealedLineBytes } from './sealed-line.ts';

/** Longest row of CSV: a secret of which every character is escaped, and names. */
const maxCsvBytes = 524_288;

/** The rows of lines of JSON, or of CSV; a first row that begins with `{` or `[` is JSON. */
export async function* readRows(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<RawRow | RowFault> {
  const chunks = source[Symbol.asyncIterator]();
  const { head, rest } = await beginning(chunks);
  const whole = joined(head, rest);
  const first = /^(?:\ufeff)?\s*([[{])/.exec(head.toString('utf8'))?.[1];
  if (first === '[') yield { line: 1, fault: 'it is a JSON array: give one object a line' };
  else if (first === '{') yield* jsonRows(readLines(whole, maxSealedLineBytes));
  else yield* csvRows(whole, maxCsvBytes);
}

/** The first bytes, up to one that is no blank. */
async function beginning(chunks: AsyncIterator<Uint8Array>) {
  let head = Buffer.alloc(0);
  for (;;) {
    const { done, value } = await chunks.next();
    if (done) return { head, rest: undefined };
    head = Buffer.concat([head, value]);
    if (head.length >= 8 && head.toString('utf8').trim() !== '') return { head, rest: chunks };
  }
}

async function* joined(
  head: Buffer,
  rest: AsyncIterator<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  const isMarked = head.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf));
  yield isMarked ? head.subarray(3) : head;
  if (rest !== undefined) yield* { [Symbol.asyncIterator]: () => rest };
}
