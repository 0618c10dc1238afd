import {
  hasRepeatedMember,
  type JsonObject,
  parseObject,
} from '../../../shared/schema/json-object.ts';
import type { Line } from './lines.ts';

/** A row of an import as its file has it: nothing of it was judged yet. */
export interface RawRow {
  /** The number of its line, from 1; of the last one if it has several. */
  readonly line: number;
  readonly members: JsonObject;
}

export interface RowFault {
  readonly line: number;
  /** A sentence without any value. */
  readonly fault: string;
}

/** The members or columns that a row can have. */
export const memberNames: readonly string[] = ['client', 'type', 'secret', 'sealed', 'expires'];

const decoder = new TextDecoder('utf-8', { fatal: true });

/** One object a line; empty lines do not count. */
export async function* jsonRows(lines: AsyncIterable<Line>): AsyncGenerator<RawRow | RowFault> {
  for await (const { number: line, bytes } of lines) {
    if (bytes === undefined) yield { line, fault: 'it is too long' };
    else if (bytes.length > 0) yield jsonRow(line, bytes);
  }
}

function jsonRow(line: number, bytes: Buffer): RawRow | RowFault {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { line, fault: 'it is not text in UTF-8' };
  }
  const members = parseObject(text);
  if (members === undefined) return { line, fault: 'it is not a JSON object' };
  // Without the name, which may be a misplaced secret.
  return hasRepeatedMember(text) ? { line, fault: 'a member stands twice' } : { line, members };
}
